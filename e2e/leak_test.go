//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// leakProject has the sentinel go every way that a value can take: to a
// database that reads a file, to wrapped programs with and without a shell, to
// a command, a healthcheck, a config and secrets of both kinds.
const leakProject = `
services:
  db:
    image: ` + postgresImage + `
    pull_policy: never
    environment:
      POSTGRES_PASSWORD: ${DB_PASSWORD}
    stop_signal: SIGKILL
  shell:
    image: ` + busyboxImage + `
    pull_policy: never
    environment:
      API_TOKEN: ${DB_PASSWORD}
      DATABASE_URL: postgres://app:${DB_PASSWORD}@db/app
    command: ["sh", "-c", "test -n \"$$API_TOKEN\" && echo started && exec sleep 1000"]
    healthcheck:
      test: test -n "$$API_TOKEN"
      interval: 200ms
      retries: 50
    configs: [{source: app, target: /etc/app.conf}]
    secrets: [from_env]
    stop_signal: SIGKILL
  bare:
    image: ` + probeImage + `
    pull_policy: never
    environment:
      API_TOKEN: ${DB_PASSWORD}
    command: ["names", "wait"]
    secrets:
      - {source: from_env, uid: "1000", mode: 0400, target: /etc/owned}
  argument:
    image: ` + busyboxImage + `
    pull_policy: never
    command: ["sh", "-c", "exec sleep 1000", "name", "--password=${DB_PASSWORD}"]
    healthcheck:
      test: ["CMD", "test", "-n", "${DB_PASSWORD}"]
      interval: 200ms
      retries: 50
    stop_signal: SIGKILL
configs:
  app:
    content: |
      password=${DB_PASSWORD}
secrets:
  from_env:
    environment: DB_PASSWORD
`

// TestNoLeak brings the project up and looks for the sentinel wherever it
// should not be, and where it should.
func TestNoLeak(t *testing.T) {
	t.Parallel()
	s, p := newSentinel(), newProject(t, leakProject)
	started := time.Now().Add(-time.Second)
	p.secrets("DB_PASSWORD=" + s.value)

	watcher := s.watch()
	for _, args := range [][]string{
		{"plan"}, {"plan", "--format", "json"}, {"config"}, {"config", "--format", "json"},
		{"up", "-d", "--wait"}, {"ps"}, {"logs"}, {"run", "--rm", "shell", "true"}, {"up", "-d"}, {"lint"},
	} {
		r := p.secure(append([]string{"--verbose"}, args...)...)
		if r.code != 0 && args[0] != "lint" { // lint may find something
			t.Fatalf("%s: exit %d\n%s", args, r.code, r.stderr)
		}
		if form := s.in([]byte(r.output())); form != "" {
			t.Errorf("%s prints the value (%s)", args, form)
		}
	}
	s.checkInside(t, p)
	s.checkEngine(t, p)
	if found := s.onDisk(t, started); len(found) > 0 {
		t.Errorf("on disk: %q", found)
	}
	if r := p.must("--verbose", "down", "--timeout", "0"); s.in([]byte(r.output())) != "" {
		t.Error("down prints the value")
	}
	if found := s.onDisk(t, started); len(found) > 0 {
		t.Errorf("on disk after down: %q", found)
	}
	if seen := watcher.end(t); len(seen) > 0 {
		t.Errorf("processes outside the containers show the value: %q", seen)
	}
}

// checkInside looks where the value belongs.
func (s sentinel) checkInside(t *testing.T, p *project) {
	t.Helper()
	for _, c := range []struct{ service, path, want string }{
		{"db", "/run/secrets/from_env", s.value}, // equal values share one secret
		{"shell", "/run/secrets/from_env", s.value},
		{"shell", "/etc/app.conf", "password=" + s.value + "\n"},
		{"bare", "/etc/owned", s.value},
	} {
		if got := s.rootFile(t, p, c.service, c.path); got != c.want {
			t.Errorf("%s: %s does not hold the value", c.service, c.path)
		}
	}
	containers := p.inspect()
	for _, service := range []string{"shell", "bare"} {
		if env := processEnv(t, containers[service].State.Pid); env["API_TOKEN"] != s.value {
			t.Errorf("%s: the process does not have API_TOKEN", service)
		}
	}
	var stored []string
	for _, name := range p.stored() {
		if data, err := os.ReadFile(filepath.Join(p.storeDir(), name)); err == nil && s.in(data) == "plain" {
			stored = append(stored, name)
		}
	}
	if len(stored) == 0 {
		t.Error("the store does not hold the value: what is this test looking for")
	}
}

// rootFile reads a file as the container sees it.
func (s sentinel) rootFile(t *testing.T, p *project, service, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("/proc", pidText(p.inspect()[service].State.Pid), "root", path))
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

// checkEngine asks the engine for all that it tells about the project.
func (s sentinel) checkEngine(t *testing.T, p *project) {
	t.Helper()
	ids := p.containers()
	if len(ids) < 4 {
		t.Fatalf("%d containers run, want 4", len(ids))
	}
	for _, id := range ids {
		image := strings.TrimSpace(p.mustDocker("inspect", "--format", "{{.Image}}", id))
		for _, args := range [][]string{
			{"inspect", id}, {"logs", id}, {"top", id, "-o", "pid,comm"}, {"image", "inspect", image}, {"history", "--no-trunc", image},
		} {
			if form := s.in([]byte(p.mustDocker(args...))); form != "" {
				t.Errorf("docker %s shows the value (%s)", args[0], form)
			}
		}
	}
	for service, c := range p.inspect() {
		for line := range strings.Lines(p.mustDocker("diff", c.ID)) {
			path := strings.TrimSpace(line)[2:]
			if info, err := os.Lstat(filepath.Join(upperOf(p, c.ID), path)); err == nil && info.Mode().IsRegular() && info.Size() > 0 && service != "db" {
				t.Errorf("%s: %s has content in the container's writable layer", service, path)
			}
		}
	}
}

// upperOf is the container's writable layer, on disk.
func upperOf(p *project, id string) string {
	p.t.Helper()
	return strings.TrimSpace(p.mustDocker("inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", id))
}

// TestLeakIsFound switches the protection off and expects the same searches to
// find the value.
func TestLeakIsFound(t *testing.T) {
	t.Parallel()
	s, p := newSentinel(), newProject(t, `
services:
  web:
    image: `+busyboxImage+`
    pull_policy: never
    command: ["sh", "-c", "echo $$API_TOKEN; echo $$API_TOKEN >/kept; exec sleep 1000"]
    environment:
      API_TOKEN: ${API_TOKEN}
    x-compose-secure:
      env: [API_TOKEN]
    stop_signal: SIGKILL
`)
	started := time.Now().Add(-time.Second)
	p.secrets("API_TOKEN=" + s.value)
	p.must("up", "-d")
	id := p.id("web")
	for deadline := time.Now().Add(time.Minute); s.in([]byte(p.mustDocker("logs", id))) == ""; {
		if time.Now().After(deadline) {
			t.Fatal("docker logs does not show the value")
		}
	}
	if s.in([]byte(p.mustDocker("inspect", id))) == "" {
		t.Error("docker inspect does not show the value")
	}
	found := s.onDisk(t, started)
	for _, part := range []string{"/kept (plain)", "config.v2.json (plain)", "-json.log (plain)"} {
		if !slices.ContainsFunc(found, func(f string) bool { return strings.HasSuffix(f, part) }) {
			t.Errorf("the search of the disk finds no %s: %q", part, found)
		}
	}

	watcher := s.watch()
	p.env = append(p.env, "API_TOKEN="+s.value)
	if r := p.docker("compose", "--env-file", "/dev/null", "up", "-d"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	if seen := watcher.end(t); !slices.Contains(seen, "environ of docker-compose") {
		t.Errorf("the watcher of processes does not see docker compose with the value in its environment: %q", seen)
	}
	p.env = p.env[:len(p.env)-1]
}

// TestChildGetsNoValue gives the tool a value in its own environment, which is
// the user's choice, and expects it to go no further: not to the docker compose
// that starts while the project loads, and not under a name that tells nothing.
func TestChildGetsNoValue(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"a name that tells":      "API_TOKEN: ${API_TOKEN}",
		"one that does not":      "API_TOKEN: ${PLAIN}",
		"part of a longer value": "API_TOKEN: ${PLAIN}\n      DATABASE_URL: postgres://app:${PLAIN}@db/app",
		"a reference":            "API_TOKEN: ref+env://PLAIN",
		"one in an escaped name": `API_TOKEN: "${\x50LAIN}"`,
		"one that nothing names": "API_TOKEN: SENTINEL",
		"only in an env file":    "X: y\n    env_file: api.env",
	} {
		s, p := newSentinel(), newProject(t, "")
		p.write("api.env", "API_TOKEN=$PLAIN\n")
		p.write("compose.yaml", `services:
  web:
    image: `+busyboxImage+`
    pull_policy: never
    command: ["sleep", "1000"]
    stop_signal: SIGKILL
    environment:
      `+strings.ReplaceAll(source, "SENTINEL", s.value)+"\n")
		p.env = append(p.env, "API_TOKEN="+s.value, "PLAIN="+s.value)
		watcher := s.watch()
		p.must("up", "-d")
		p.must("up", "-d")
		if seen := watcher.end(t); !slices.Equal(seen, []string{"environ of compose-secure"}) {
			t.Errorf("%s: the value is in %q, want it in the environment of compose-secure alone", name, seen)
		}
		if env := processEnv(t, p.inspect()["web"].State.Pid); env["API_TOKEN"] != s.value {
			t.Errorf("%s: the process does not have API_TOKEN", name)
		}
	}
}
