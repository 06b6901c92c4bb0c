package transform

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var setsVariable = regexp.MustCompile(`(?m)^f (\S+) '(\S+)'$`)

// unwrap takes the wrapper off an argument list and returns the variables that it sets.
func unwrap(argv []string) (vars, rest []string) {
	switch {
	case len(argv) > 3 && argv[0] == "/bin/sh" && argv[1] == "-c" && argv[3] == "compose-secure" && strings.Contains(argv[2], "\nf "):
		for _, m := range setsVariable.FindAllStringSubmatch(argv[2], -1) {
			vars = append(vars, m[1]+"="+m[2])
		}
		return vars, argv[4:]
	case len(argv) > 0 && argv[0] == HelperTarget:
		end := slices.Index(argv, "--")
		return append([]string{"helper"}, argv[1:end]...), argv[end+1:]
	}
	return nil, argv
}

// program is what a container runs under a plan.
type program struct {
	Vars    []string // set by the wrapper, NAME=PATH
	Run     []string // what the wrapper becomes; the entrypoint alone
	Command []string
}

func programOf(plan *Plan, name string) program {
	s := plan.Project.Services[name]
	vars, run := unwrap(s.Entrypoint)
	return program{vars, run, s.Command}
}

// TestProgram follows the engine's rules about ENTRYPOINT and CMD.
func TestProgram(t *testing.T) {
	token := []string{"TOKEN=/run/secrets/token"}
	image := Image{Entrypoint: []string{"/entry", "-x"}, Cmd: []string{"serve", "a b"}, Shell: "/bin/sh", Arch: "amd64"}
	tests := map[string]struct {
		more  string
		image *Image
		want  program
	}{
		"the image's own":          {"", &image, program{token, []string{"/entry", "-x"}, []string{"serve", "a b"}}},
		"command":                  {"    command: [migrate]\n", &image, program{token, []string{"/entry", "-x"}, []string{"migrate"}}},
		"command as a string":      {"    command: migrate --all 'a b'\n", &image, program{token, []string{"/entry", "-x"}, []string{"migrate", "--all", "a b"}}},
		"command: null":            {"    command: null\n", &image, program{token, []string{"/entry", "-x"}, []string{"serve", "a b"}}},
		"command: []":              {"    command: []\n", &image, program{token, []string{"/entry", "-x"}, []string{"serve", "a b"}}},
		"entrypoint drops CMD":     {"    entrypoint: [/mine]\n", &image, program{token, []string{"/mine"}, nil}},
		"entrypoint as a string":   {"    entrypoint: /mine -v\n", &image, program{token, []string{"/mine", "-v"}, nil}},
		"entrypoint and command":   {"    entrypoint: [/mine]\n    command: [a]\n", &image, program{token, []string{"/mine"}, []string{"a"}}},
		"entrypoint: [] keeps CMD": {"    entrypoint: []\n", &image, program{token, nil, []string{"serve", "a b"}}},
		"empty and a command":      {"    entrypoint: []\n    command: [a]\n", &image, program{token, nil, []string{"a"}}},
		"only CMD":                 {"", &Image{Cmd: []string{"serve"}, Shell: "/bin/sh"}, program{token, nil, []string{"serve"}}},
		"only ENTRYPOINT":          {"", &Image{Entrypoint: []string{"serve"}, Shell: "/bin/sh"}, program{token, []string{"serve"}, nil}},
		"no shell":                 {"", &Image{Entrypoint: []string{"/app"}, Arch: "arm64"}, program{append([]string{"helper"}, token...), []string{"/app"}, nil}},
		"a name no shell keeps":    {"    labels: {}\n", &Image{Entrypoint: []string{"/app"}, Shell: "/bin/sh", Env: []string{"discovery.type"}, Arch: "amd64"}, program{append([]string{"helper"}, token...), []string{"/app"}, nil}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := load(t, map[string]string{"compose.yaml": "services:\n  a:\n    image: example/app\n    environment: {TOKEN: $TOKEN, A: b}\n" + tt.more})
			plan, err := New(p, Options{Dir: "/store", HelperDir: "/helpers", Images: map[string]Image{"a": *tt.image}})
			if err != nil {
				t.Fatal(err)
			}
			got := programOf(plan, "a")
			if len(got.Run) == 0 {
				got.Run = nil
			}
			if len(got.Command) == 0 {
				got.Command = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error("-want +got\n" + diff)
			}
			if env := outcome(plan, "a").Env; !slices.Equal(env, []string{"A=b"}) {
				t.Errorf("the environment is %q", env)
			}
			helper := tt.want.Vars[0] == "helper"
			if mounted := len(plan.Project.Services["a"].Configs) == 1 && len(plan.Helpers) == 1; mounted != helper {
				t.Errorf("the helper is mounted: %v, want %v", mounted, helper)
			}
		})
	}
}

func TestImageIsAsked(t *testing.T) {
	const head = "services:\n  a:\n    image: "
	tests := map[string]struct {
		yaml            string
		images, inspect []string
	}{
		"wrapped":                  {head + "example/app\n    environment: {TOKEN: $TOKEN}\n", []string{"a"}, []string{"a"}},
		"wrapped, entrypoint":      {head + "example/app\n    entrypoint: [x]\n    environment: {TOKEN: $TOKEN}\n", []string{"a"}, []string{"a"}},
		"file":                     {head + "postgres:16\n    environment: {POSTGRES_PASSWORD: $TOKEN}\n", nil, []string{"a"}},
		"a secret in the command":  {head + "redis:7\n    command: redis-server --requirepass $TOKEN\n", []string{"a"}, []string{"a"}},
		"nothing":                  {head + "example/app\n    environment: {A: b}\n", nil, nil},
		"kept in the environment":  {head + "example/app\n    environment: {TOKEN: $TOKEN}\n    x-compose-secure: {env: [TOKEN]}\n", nil, nil},
		"of the user's own secret": {head + "example/app\n    secrets: [s]\nsecrets: {s: {environment: TOKEN}}\n", nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			plan, err := New(load(t, map[string]string{"compose.yaml": tt.yaml}), Options{Dir: "/store"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]string{tt.images, tt.inspect}, [][]string{plan.Images, plan.Inspect}); diff != "" {
				t.Error("images and inspect, -want +got\n" + diff)
			}
		})
	}
}

// TestBeside is about the programs that run in the container beside the main one.
func TestBeside(t *testing.T) {
	pw := []string{"POSTGRES_PASSWORD=/run/secrets/db_password"}
	const db = "services:\n  a:\n    image: postgres:16\n    environment: {POSTGRES_PASSWORD: $DB_PASSWORD}\n"
	const app = "services:\n  a:\n    image: example/app\n    environment: {POSTGRES_PASSWORD: $DB_PASSWORD}\n"
	image := Image{Entrypoint: []string{"/entry"}, Shell: "/bin/sh"}
	withCheck := image
	withCheck.Healthcheck = []string{"CMD-SHELL", "check"}
	tests := map[string]struct {
		yaml  string
		image Image
		vars  []string
		rest  []string
	}{
		"shell form that names it":    {db + "    healthcheck: {test: 'psql $$POSTGRES_PASSWORD'}\n", image, pw, []string{"/bin/sh", "-c", "psql $POSTGRES_PASSWORD"}},
		"shell form that does not":    {db + "    healthcheck: {test: 'pg_isready $$POSTGRES_PASSWORDS'}\n", image, nil, []string{"CMD-SHELL", "pg_isready $POSTGRES_PASSWORDS"}},
		"exec form of a file service": {db + "    healthcheck: {test: [CMD, pg_isready]}\n", image, nil, []string{"CMD", "pg_isready"}},
		"any form of a wrapped one":   {app + "    healthcheck: {test: [CMD, /check, 'a b']}\n", image, pw, []string{"/check", "a b"}},
		"the image's own":             {app, withCheck, pw, []string{"/bin/sh", "-c", "check"}},
		"the image's, other timing":   {app + "    healthcheck: {interval: 9s}\n", withCheck, pw, []string{"/bin/sh", "-c", "check"}},
		"disabled":                    {app + "    healthcheck: {disable: true}\n", withCheck, nil, nil},
		"NONE":                        {app + "    healthcheck: {test: [NONE]}\n", withCheck, nil, []string{"NONE"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			plan, err := New(load(t, map[string]string{"compose.yaml": tt.yaml}), Options{Dir: "/store", Images: map[string]Image{"a": tt.image}})
			if err != nil {
				t.Fatal(err)
			}
			check := plan.Project.Services["a"].HealthCheck
			var test []string
			if check != nil && !check.Disable {
				test = check.Test
			}
			if tt.vars != nil && (len(test) == 0 || test[0] != "CMD") {
				t.Fatalf("the test is %q", test)
			}
			var vars []string
			rest := test
			if tt.vars != nil {
				vars, rest = unwrap(test[1:])
			}
			if diff := cmp.Diff([][]string{tt.vars, tt.rest}, [][]string{vars, []string(rest)}); diff != "" {
				t.Error("-want +got\n" + diff)
			}
			if tt.image.Healthcheck != nil && strings.Contains(tt.yaml, "interval") && (check.Interval == nil || check.Interval.String() != "9s") {
				t.Error("the interval is lost")
			}
		})
	}
}

func TestHooksAndShells(t *testing.T) {
	const yaml = `services:
  a:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: $DB_PASSWORD}
    command: [sh, -ec, 'echo "$$POSTGRES_PASSWORD"; exec postgres']
    x-compose-secure: {file: [POSTGRES_PASSWORD]}
    post_start: [{command: [sh, -c, 'echo $$POSTGRES_PASSWORD']}, {command: [other]}]
    pre_stop: [{command: [stop, '--pw=$DB_PASSWORD']}]
    develop:
      watch:
        - {path: ., action: sync+exec, target: /app, exec: {command: [sh, -c, 'migrate "$$POSTGRES_PASSWORD"']}}
        - {path: x, action: rebuild}
`
	plan, err := New(load(t, map[string]string{"compose.yaml": yaml}), Options{Dir: "/store", Images: map[string]Image{"a": {Entrypoint: []string{"/entry"}, Shell: "/bin/sh"}}})
	if err != nil {
		t.Fatal(err)
	}
	s := plan.Project.Services["a"]
	if s.Entrypoint != nil {
		t.Errorf("the entrypoint is %q: it finds the file itself", s.Entrypoint)
	}
	want := []string{"POSTGRES_PASSWORD=/run/secrets/db_password"}
	for what, argv := range map[string][]string{"command": s.Command, "post_start": s.PostStart[0].Command, "watch": s.Develop.Watch[0].Exec.Command} {
		if vars, _ := unwrap(argv); !slices.Equal(vars, want) {
			t.Errorf("%s sets %q, want %q", what, vars, want)
		}
	}
	if vars, rest := unwrap(s.PostStart[1].Command); vars != nil || !slices.Equal(rest, []string{"other"}) {
		t.Errorf("a hook that needs nothing became %q", s.PostStart[1].Command)
	}
	if vars, _ := unwrap(s.PreStop[0].Command); len(vars) == 0 {
		t.Errorf("the argument of pre_stop is not set: %q", s.PreStop[0].Command)
	}
	holdsNoValue(t, plan)
}

// TestArgumentsArrive runs what a plan made of a command whose arguments hold
// secrets, with the files of the secrets in a directory of the test.
func TestArgumentsArrive(t *testing.T) {
	for name, image := range map[string]Image{
		"a shell":               {Shell: "/bin/sh"},
		"no shell":              {Arch: runtime.GOARCH},
		"a name no shell keeps": {Shell: "/bin/sh", Env: []string{"discovery.type"}, Arch: runtime.GOARCH},
	} {
		t.Run(name, func(t *testing.T) { argumentsArrive(t, image) })
	}
}

func argumentsArrive(t *testing.T, image Image) {
	t.Helper()
	const yaml = `services:
  a:
    image: example/app
    environment: {TOKEN: $TOKEN}
    entrypoint: [printf, '<%s>']
    command: ['plain one', '$DB_PASSWORD', 'a=$TOKEN b', '$$HOME', '', '$DB_PASSWORD', '*']
`
	plan, err := New(load(t, map[string]string{"compose.yaml": yaml}), Options{Dir: "/store", Images: map[string]Image{"a": image}})
	if err != nil {
		t.Fatal(err)
	}
	holdsNoValue(t, plan)
	store := t.TempDir()
	values := map[string]string{"${DB_PASSWORD}": "p $w\n'\"", "${TOKEN}": "t\n"}
	for _, s := range plan.Secrets {
		var value strings.Builder
		for _, p := range s.Parts {
			if p.Input != nil {
				value.WriteString(values[p.Input.String()])
			} else {
				value.Write(p.Literal.Reveal())
			}
		}
		if err := os.WriteFile(store+"/"+s.Name, []byte(value.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	argv := plan.Project.Services["a"].Entrypoint
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "/run/secrets", store)
	}
	if isHelper := argv[0] == HelperTarget; isHelper != (image.Arch != "") {
		t.Errorf("the arguments are put in place by %q", argv[0])
	} else if isHelper {
		argv[0] = helperIn(t, image.Arch)
	}
	argv = append(argv, plan.Project.Services["a"].Command...)
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if err != nil {
		t.Fatalf("%v: %q", err, argv)
	}
	want := "<plain one><p $w\n'\"><a=t\n b><$HOME><><p $w\n'\"><*>"
	if string(out) != want {
		t.Errorf("got  %q\nwant %q", out, want)
	}
	var moved []string
	for _, m := range plan.Moves {
		moved = append(moved, fmt.Sprint(m.Variable, " ", m.Secret, " ", m.Delivery))
	}
	if len(moved) != 4 { // TOKEN and three arguments
		t.Errorf("moves are %q", moved)
	}
}
