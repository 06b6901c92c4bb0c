//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// fakes is a path under which the catalogue knows every image of Docker Hub,
// as through a proxy, so that no public name on the engine is touched.
const fakes = "compose-secure-test.invalid/dependency_proxy/containers/"

var imageLine = regexp.MustCompile(`(?m)^( +image: )(\S+)`)

// TestMigrateKeepsValues migrates typical projects: after `migrate --write`
// and `up` every process gets what it got from docker compose before.
func TestMigrateKeepsValues(t *testing.T) {
	files, err := filepath.Glob("testdata/migrate/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatal("testdata/migrate is incomplete", err)
	}
	t.Cleanup(func() { // when all have ended
		names := run(t, ".", nil, "docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
		for _, name := range strings.Fields(names.stdout) {
			if strings.HasPrefix(name, fakes) {
				run(t, ".", nil, "docker", "image", "rm", name)
			}
		}
	})
	for _, file := range files {
		for _, store := range []string{"sops", "files"} {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+store, func(t *testing.T) {
				t.Parallel()
				a, err := txtar.ParseFile(file)
				if err != nil {
					t.Fatal(err)
				}
				p := newProject(t, "services: {}\n")
				for _, f := range a.Files {
					p.write(f.Name, imageLine.ReplaceAllString(string(f.Data), "${1}"+fakes+"${2}"))
				}
				p.fake()
				p.migrateKeeps(store)
			})
		}
	}
}

// TestMigrateExamples does the same with the examples as they are.
func TestMigrateExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../examples/*/compose.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, store := range []string{"sops", "files"} {
			p := newProject(t, string(data))
			p.write(".env", "DB_PASSWORD="+randomWord()+"\n")
			p.write("run.yaml", "services: {}\n")
			p.migrateKeeps(store)
		}
	}
}

// fake tags a small image under every name that the project uses, and lets
// its services do nothing.
func (p *project) fake() {
	p.t.Helper()
	override := "services:\n"
	service := regexp.MustCompile(`(?m)^  (\S+):\n(?:    .*\n)*?    image: (\S+)`)
	data, err := os.ReadFile(filepath.Join(p.dir, "compose.yaml"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, m := range service.FindAllStringSubmatch(string(data), -1) {
		p.mustDocker("tag", busyboxImage, m[2])
		override += fmt.Sprintf("  %s: {pull_policy: never, stop_signal: SIGKILL, command: [sleep, \"1000\"], restart: \"no\"}\n", m[1])
	}
	p.write("run.yaml", override)
}

func (p *project) migrateKeeps(store string) {
	p.t.Helper()
	p.useKey()
	both := []string{"-f", "compose.yaml", "-f", "run.yaml"}
	if r := p.docker(append(append([]string{"compose"}, both...), "up", "-d", "--wait")...); r.code != 0 {
		p.t.Fatalf("docker compose up: %s", r.stderr)
	}
	before := p.variables()
	p.mustDocker(append(append([]string{"compose"}, both...), "down", "-t", "0")...)

	args := []string{"migrate", "--write", "--store", store}
	if store == "sops" {
		recipient := run(p.t, p.dir, nil, built(p.t, "age-keygen"), "-y", filepath.Join(p.ram, "age.key"))
		args = append(args, "--age", strings.TrimSpace(recipient.stdout))
	}
	left := p.must(args...).stderr
	p.global = both
	p.must("up", "-d", "--wait")
	if diff := cmp.Diff(before, p.variables()); diff != "" {
		p.t.Errorf("the containers get others (-before +after):\n%s", diff)
	}
	p.global = nil
	p.lintAfter(left)
	p.global = both
}

// lintAfter makes sure that lint finds nothing that it says migrate can fix,
// but for what --store files alone had to leave and said so.
func (p *project) lintAfter(left string) {
	p.t.Helper()
	r := p.secure("lint", "--severity", "info", "--format", "json")
	var report struct {
		Findings []struct {
			Rule, File, Key string
			Line, Column    int
			Fix             struct{ By, Text string }
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		p.t.Fatalf("lint: %v\n%s", err, r.stderr)
	}
	for _, f := range report.Findings {
		if f.Fix.By != "hand" && !strings.Contains(left, fmt.Sprintf("%s:%d:", f.File, f.Line)) {
			p.t.Errorf("%s:%d: %s %s is still found after migrate, fix: %s: %s", f.File, f.Line, f.Rule, f.Key, f.Fix.By, f.Fix.Text)
		}
	}
}

// TestMigrateBuild builds an image before and after: RUN gets the same values,
// and the image's history has them no more.
func TestMigrateBuild(t *testing.T) {
	t.Parallel()
	literal, fromEnv := randomWord()+` "$$x`, randomWord()
	p := newProject(t, `services:
  app:
    build:
      context: app
      args:
        NPM_TOKEN: `+literal+`
        PIP_PASSWORD: ${PIP_PASSWORD}
        MODE: test
    image: `+fakes+`built
    command: [sleep, "1000"]
    stop_signal: SIGKILL
`)
	t.Cleanup(func() { run(t, ".", nil, "docker", "image", "rm", "--force", fakes+"built") })
	p.write(".env", "PIP_PASSWORD="+fromEnv+"\n")
	if err := os.Mkdir(filepath.Join(p.dir, "app"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.write("app/Dockerfile", `FROM `+busyboxImage+`
ARG MODE
ARG NPM_TOKEN
ARG PIP_PASSWORD
WORKDIR /made
RUN sum=$(printf '%s|%s' "$NPM_TOKEN" "$PIP_PASSWORD" | sha256sum); printf '%s' "$MODE $sum" >/made/sum
RUN mkdir /made/sub && \
    # of the second RUN
    cd /made/sub && sum=$(printf %s "${NPM_TOKEN}" | sha256sum); printf '%s' "$sum" >/made/second
USER 1000
RUN test -n "$PIP_PASSWORD"
`)
	p.useKey()
	sums := func() string {
		p.t.Helper()
		return p.mustDocker("run", "--rm", "--entrypoint", "cat", fakes+"built", "/made/sum", "/made/second")
	}
	history := func() bool {
		p.t.Helper()
		out := p.mustDocker("history", "--no-trunc", fakes+"built")
		return strings.Contains(out, fromEnv) || strings.Contains(out, literal[:20])
	}
	p.mustDocker("compose", "build")
	before := sums()
	if !history() {
		t.Fatal("build arguments are not in the history; the test proves nothing")
	}
	recipient := run(t, p.dir, nil, built(t, "age-keygen"), "-y", filepath.Join(p.ram, "age.key"))
	p.must("migrate", "--write", "--age", strings.TrimSpace(recipient.stdout))
	for _, args := range [][]string{{"build", "--no-cache"}, {"up", "-d", "--build", "--wait"}} {
		p.mustDocker("image", "rm", "--force", fakes+"built")
		p.must(args...)
		if after := sums(); after != before {
			t.Errorf("%v: RUN got other values: %q, not %q", args, after, before)
		}
		if history() {
			t.Errorf("%v: the image's history has a value", args)
		}
	}
	p.lintAfter("")
}

// variables gives the effective variables of every service's process: a
// variable that names a file of a secret counts as the one it stands for.
func (p *project) variables() map[string]map[string]string {
	p.t.Helper()
	all := map[string]map[string]string{}
	for service, c := range p.inspect() {
		env := map[string]string{}
		for name, value := range processEnv(p.t, c.State.Pid) {
			path := strings.TrimPrefix(value, "file://")
			if strings.HasPrefix(path, "/run/secrets/") {
				data, err := os.ReadFile(filepath.Join("/proc", pidText(c.State.Pid), "root", path))
				if err != nil {
					p.t.Fatal(err)
				}
				value = string(data)
				name = strings.TrimPrefix(strings.TrimSuffix(strings.TrimSuffix(name, "_FILE"), "_"), "FILE__")
			}
			if !slices.Contains([]string{"HOSTNAME", "PWD", "SHLVL", "OLDPWD"}, name) {
				env[name] = value
			}
		}
		all[service] = env
	}
	return all
}
