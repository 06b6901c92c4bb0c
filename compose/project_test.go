package compose

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoadServices(t *testing.T) {
	const three = "services:\n  a: {image: x}\n  b: {image: x, profiles: [debug], depends_on: [c]}\n  c: {image: x, profiles: [debug, more]}\n"
	tests := map[string]struct {
		files   map[string]string
		options Options
		want    []string
	}{
		"no profile":             {map[string]string{"compose.yaml": three}, Options{}, []string{"a"}},
		"--profile":              {map[string]string{"compose.yaml": three}, Options{Profiles: []string{"more"}}, []string{"a", "c"}},
		"every profile":          {map[string]string{"compose.yaml": three}, Options{Profiles: []string{"*"}}, []string{"a", "b", "c"}},
		"COMPOSE_PROFILES":       {map[string]string{"compose.yaml": three}, Options{Environ: []string{"COMPOSE_PROFILES=x,debug"}}, []string{"a", "b", "c"}},
		"COMPOSE_PROFILES, .env": {map[string]string{"compose.yaml": three, ".env": "COMPOSE_PROFILES=more\n"}, Options{}, []string{"a", "c"}},
		"both":                   {map[string]string{"compose.yaml": three}, Options{Profiles: []string{"more"}, Environ: []string{"COMPOSE_PROFILES=nothing"}}, []string{"a", "c"}},
		"named service":          {map[string]string{"compose.yaml": three}, Options{Services: []string{"c"}}, []string{"a", "b", "c"}}, // its profiles are on, as in docker compose
		"named, not known":       {map[string]string{"compose.yaml": three}, Options{Services: []string{"run", "x"}}, []string{"a"}},
		"standard input":         {nil, Options{Files: []string{"-"}, Stdin: strings.NewReader(three)}, []string{"a"}},
		"another directory":      {map[string]string{"sub/compose.yaml": three}, Options{ProjectDirectory: "sub"}, []string{"a"}},
		"docker-compose.yml":     {map[string]string{"docker-compose.yml": three}, Options{}, []string{"a"}},
		"a directory further up": {map[string]string{"compose.yaml": three, "x/y/z": ""}, Options{ProjectDirectory: "x/y"}, []string{"a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := loadFiles(t, tt.files, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, slices.Sorted(maps.Keys(p.Services))); diff != "" {
				t.Error("-want +got\n" + diff)
			}
		})
	}
}

func TestLoadName(t *testing.T) {
	tests := map[string]struct {
		yaml    string
		options Options
		want    string
	}{
		"-p":                          {"name: file\n" + db, Options{ProjectName: "flag", Environ: []string{"COMPOSE_PROJECT_NAME=env"}}, "flag"},
		"COMPOSE_PROJECT_NAME":        {"name: file\n" + db, Options{Environ: []string{"COMPOSE_PROJECT_NAME=env"}}, "env"},
		"name":                        {"name: file\n" + db, Options{}, "file"},
		"name with a variable":        {"name: x-${V}\n" + db, Options{Environ: []string{"V=v"}}, "x-v"},
		"quoted name":                 {"name: \"file\"\n" + db, Options{}, "file"},
		"name behind the rest":        {db + "name: file\n", Options{}, "file"},
		"a name that is no top level": {db + "    labels:\n      name: label\nname: file\n", Options{}, "file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := loadFiles(t, map[string]string{"compose.yaml": tt.yaml}, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != tt.want {
				t.Errorf("the name is %q, want %q", p.Name, tt.want)
			}
		})
	}
}

func TestLoadTellsTheCommand(t *testing.T) {
	p, err := loadFiles(t, map[string]string{"compose.yaml": db, ".env": "COMPOSE_IGNORE_ORPHANS=1\nCOMPOSE_DB_PASSWORD=hunter2\nCOMPOSE_X=1\nCOMPOSE_PROFILES=$DB_PASSWORD\nCOMPOSE_MENU=ref+file:///x\nDB_PASSWORD=hunter2\n"},
		Options{Environ: []string{"TOKEN=hunter3", "COMPOSE_PARALLEL_LIMIT=3", "PATH=/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"TOKEN"}, p.SecretNames); diff != "" {
		t.Error("SecretNames, -want +got\n" + diff)
	}
	if diff := cmp.Diff(map[string]string{"COMPOSE_IGNORE_ORPHANS": "1"}, p.DotEnv); diff != "" {
		t.Error("DotEnv, -want +got\n" + diff)
	}
}

func TestEnvFileIsReadOnce(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := write.WriteString("A=piped\n"); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	p, err := loadFiles(t, map[string]string{"compose.yaml": db + "    environment: {A: $A}\n"},
		Options{EnvFiles: []string{filepath.Join("/proc/self/fd", itoa(read.Fd()))}})
	_ = read.Close()
	if err != nil {
		t.Fatal(err)
	}
	if got := environment(p)["db"]["A"]; got != "piped" {
		t.Errorf("A is %q", got)
	}
}

func itoa(n uintptr) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestFind(t *testing.T) {
	files := map[string]string{
		"compose.yaml": `x-env: &env
  FROM_ANCHOR: a
services:
  a.b:
    image: x
    environment:
      <<: *env
      OWN: b
  c:
    extends: {file: base.yaml, service: base}
    environment:
      - LISTED=x
      - BARE
    secrets:
      - one
      - source: two
include: [inc.yaml]
`,
		"base.yaml":             "services:\n  base:\n    image: y\n    environment: {FROM_BASE: z}\n",
		"inc.yaml":              "services:\n  inc:\n    image: w\nsecrets:\n  one: {file: a}\n  two: {file: a}\n",
		"compose.override.yaml": "services:\n  c:\n    image: over\n",
	}
	p, err := loadFiles(t, files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"services/a.b/image":                   "compose.yaml:5:12",
		"services/a.b/environment/OWN":         "compose.yaml:8:12",
		"services/a.b/environment/FROM_ANCHOR": "compose.yaml:2:16",
		"services/c/environment/LISTED":        "compose.yaml:12:9",
		"services/c/environment/BARE":          "compose.yaml:13:9",
		"services/c/secrets/1":                 "compose.yaml:16:9",
		"services/c/image":                     "compose.override.yaml:3:12",
		"services/inc/image":                   "inc.yaml:3:12",
		"services/base/environment/FROM_BASE":  "base.yaml:4:30",
		"services/a.b/environment/UNKNOWN":     "compose.yaml:7:7", // the nearest above
		"nothing":                              "",
	}
	for path, want := range tests {
		if got := p.Sources().Find(strings.Split(path, "/")...).String(); got != want {
			t.Errorf("%s is at %q, want %q", path, got, want)
		}
	}
}
