package transform

import (
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
)

// TestPlace finds a folder for files beside what a service mounts itself.
func TestPlace(t *testing.T) {
	const own, other = "/run/secrets/token", "/.compose-secure/token"
	tests := map[string]struct{ more, want string }{
		"nothing":                {"", own},
		"a folder":               {"    volumes: [./x:/run/secrets]\n", other},
		"a folder, read-only":    {"    volumes: [./x:/run/secrets/:ro]\n", other},
		"the folder above":       {"    volumes: [./x:/run:ro]\n", other},
		"the link to it":         {"    volumes: [./x:/var/run/secrets]\n", other},
		"a volume":               {"    volumes: [vol:/run/secrets:ro]\nvolumes: {vol: }\n", other},
		"the file itself":        {"    volumes: [./x:/run/secrets/token]\n", other},
		"a file beside":          {"    volumes: [./x:/run/secrets/mine]\n", own},
		"a name that starts so":  {"    volumes: [./x:/run/secrets2, ./y:/runs]\n", own},
		"tmpfs":                  {"    tmpfs: [/run, /run/secrets]\n", own},
		"tmpfs in its long form": {"    volumes: [{type: tmpfs, target: /run}]\n", own},
		"of another service":     {"    volumes_from: [b]\n  b: {image: x, volumes: [./x:/run/secrets]}\n", other},
		"of a service of that":   {"    volumes_from: [b]\n  b: {image: x, volumes_from: [c]}\n  c: {image: x, volumes: [./x:/run/secrets]}\n", other},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			yaml := "services:\n  a:\n    image: example/app\n    environment: {TOKEN: $TOKEN, A: b}\n    command: [x, '$TOKEN']\n" + tt.more
			plan, err := New(load(t, map[string]string{"compose.yaml": yaml}), Options{Dir: "/store", Images: map[string]Image{"a": {Shell: "/bin/sh", Entrypoint: []string{"e"}}}})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range plan.Moves {
				if m.Target != tt.want {
					t.Errorf("%s %s is in %q, want %q", m.Service, m.Variable, m.Target, tt.want)
				}
			}
			if vars := plan.Variables("a"); len(vars) != 1 || vars[0].Path != tt.want {
				t.Errorf("the variables are %v", vars)
			}
			s := plan.Project.Services["a"]
			if got := absoluteTarget(s.Secrets[0]); got != tt.want || len(s.Secrets) != 1 {
				t.Errorf("%d secrets are mounted, the first at %q", len(s.Secrets), got)
			}
			if !strings.Contains(s.Entrypoint[2], tt.want) {
				t.Error("the wrapper reads another file")
			}
		})
	}
}

func mountsOf(volumes []types.ServiceVolumeConfig) []string {
	var list []string
	for _, v := range volumes {
		text := v.Source + ":" + v.Target
		if v.ReadOnly {
			text += ":ro"
		}
		if v.Volume != nil && v.Volume.NoCopy {
			text += ":nocopy"
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// TestVolumesFrom must hand on what the other service mounts, and no secret of it.
func TestVolumesFrom(t *testing.T) {
	const head = "services:\n  app:\n    image: example/app\n    environment: {TOKEN: $TOKEN}\n    volumes: [data:/data, other:/both, '/etc/hosts:/hosts:ro']\n"
	const foot = "volumes: {data: , other: , mine: }\n"
	all := []string{"/etc/hosts:/hosts:ro", "data:/data:nocopy", "other:/both:nocopy"}
	image := Image{Entrypoint: []string{"e"}, Shell: "/bin/sh"}
	anonymous := image
	anonymous.Volumes = []string{"/cache"}
	covered := image
	covered.Volumes = []string{"/data/", "/tmp"}
	tests := map[string]struct {
		more    string
		image   Image
		want    []string
		from    []string
		warning string
	}{
		"as it is":              {"  b: {image: x, volumes_from: [app]}\n", image, all, nil, ""},
		"read-only":             {"  b: {image: x, volumes_from: ['app:ro']}\n", image, []string{"/etc/hosts:/hosts:ro", "data:/data:ro:nocopy", "other:/both:ro:nocopy"}, nil, ""},
		"its own wins":          {"  b: {image: x, volumes_from: [app], volumes: [mine:/both], tmpfs: '/hosts:size=1m'}\n", image, []string{"data:/data:nocopy", "mine:/both"}, nil, ""},
		"of one in between":     {"  c: {image: x, volumes_from: ['app:ro'], volumes: [mine:/mine]}\n  b: {image: x, volumes_from: [c]}\n", image, []string{"/etc/hosts:/hosts:ro", "data:/data:ro:nocopy", "mine:/mine:nocopy", "other:/both:ro:nocopy"}, nil, ""},
		"a container":           {"  b: {image: x, volumes_from: ['container:app']}\n", image, nil, []string{"container:app"}, ""},
		"of one without any":    {"  c: {image: x, volumes: [mine:/mine]}\n  b: {image: x, volumes_from: [c]}\n", image, nil, []string{"c"}, ""},
		"both kinds":            {"  c: {image: x, volumes: [mine:/mine]}\n  b: {image: x, volumes_from: [c, app]}\n", image, all, []string{"c"}, ""},
		"a volume of the image": {"  b: {image: x, volumes_from: [app]}\n", anonymous, nil, []string{"app"}, "compose.yaml:6:31: services.b: volumes_from hands on the secrets of app as well, since its image has a volume at /cache; name one for app at that place"},
		"covered in the model":  {"    tmpfs: /tmp\n  b: {image: x, volumes_from: [app]}\n", covered, all, nil, ""},
		"a secret of the user":  {"    secrets: [s]\n  b: {image: x, volumes_from: [app]}\nsecrets: {s: {file: ./s}}\n", image, all, nil, "compose.yaml:7:31: services.b: volumes_from does not hand on the secrets of app; list those that b has to read under services.b.secrets"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			more, rest, _ := strings.Cut(tt.more, "secrets: {")
			if rest != "" {
				rest = "secrets: {" + rest
			}
			p := load(t, map[string]string{"compose.yaml": head + more + foot + rest, "s": "x"})
			plan, err := New(p, Options{Dir: "/store", Images: map[string]Image{"app": tt.image, "b": image, "c": image}})
			if err != nil {
				t.Fatal(err)
			}
			b := plan.Project.Services["b"]
			if diff := cmp.Diff(tt.want, mountsOf(b.Volumes)); diff != "" {
				t.Error("volumes, -want +got\n" + diff)
			}
			if diff := cmp.Diff(tt.from, []string(b.VolumesFrom)); diff != "" {
				t.Error("volumes_from, -want +got\n" + diff)
			}
			if got := strings.Join(plan.Warnings, "\n"); got != tt.warning {
				t.Errorf("warnings are %q, want %q", got, tt.warning)
			}
			if len(b.Secrets) > 0 {
				t.Errorf("b has secrets: %v", b.Secrets)
			}
			if deps := b.GetDependencies(); len(tt.want) > 0 && !slices.Contains(deps, "app") && !slices.Contains(deps, "c") {
				t.Errorf("b depends on %q", deps)
			}
		})
	}
}
