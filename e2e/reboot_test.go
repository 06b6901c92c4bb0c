//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rebootProject has a service that reads a file, in the way of the
// catalogue, and one that is wrapped; both come up with the engine.
const rebootProject = `
services:
  file:
    image: ` + busyboxImage + `
    pull_policy: never
    restart: always
    command: ["sh", "-c", "exec sleep 100000"]
    x-compose-secure: {file: [DB_PASSWORD]}
    environment:
      DB_PASSWORD: ${DB_PASSWORD}
  wrapped:
    image: ` + busyboxImage + `
    pull_policy: never
    restart: unless-stopped
    command: ["sh", "-c", "exec sleep 100000"]
    environment:
      API_TOKEN: ${DB_PASSWORD}
`

// TestReboot cuts the power of a private engine, empties the store as a reboot
// does, and lets boot run put the files back before the engine starts.
func TestReboot(t *testing.T) {
	t.Parallel()
	const engine = "e2e-reboot"
	socket := strings.TrimSpace(mustRun(t, "../scripts/engine", "private", engine))
	t.Cleanup(func() { mustRun(t, "../scripts/engine", "stop", engine) })
	host := "DOCKER_HOST=unix://" + socket
	mustRun(t, "sh", "-c", "docker save "+busyboxImage+" | docker -H unix://"+socket+" load")
	p := newProjectAt(t, rebootProject, []string{host})
	password := randomWord()
	p.secrets("DB_PASSWORD=" + password)
	p.must("up", "-d")
	before := p.containers()
	record := filepath.Join("/var/lib/compose-secure/projects", p.name+".json")
	written, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(written), password) {
		t.Error("the record of the project holds a value")
	}
	if info, err := os.Stat(record); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the record's mode is not 0600: %v %v", info.Mode(), err)
	}

	store := filepath.Join("/run/compose-secure", p.name)
	for name, leave := range map[string]string{"files gone": "", "an empty directory in place of a file": "db_password"} {
		t.Run(name, func(t *testing.T) {
			mustRun(t, "../scripts/engine", "halt", engine)
			if err := os.RemoveAll(store); err != nil {
				t.Fatal(err)
			}
			if leave != "" {
				if err := os.MkdirAll(filepath.Join(store, leave), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if r := p.secure("boot", "run", "--timeout", "60s", p.name); r.code != 0 {
				t.Fatalf("boot run: exit %d\n%s", r.code, r.stderr)
			}
			mustRun(t, "../scripts/engine", "private", engine)
			p.waitRunning(2)
			for _, service := range []string{"file", "wrapped"} {
				if got := p.exec(service, "cat", "/run/secrets/db_password"); got != password {
					t.Errorf("%s does not have its value after the reboot", service)
				}
			}
			p.must("up", "-d")
			if after := p.containers(); strings.Join(after, " ") != strings.Join(before, " ") {
				t.Errorf("up after the reboot recreated containers: %q, before %q", after, before)
			}
		})
	}

	p.must("down", "--timeout", "0")
	if _, err := os.Stat(record); !os.IsNotExist(err) {
		t.Errorf("the record stays after down: %v", err)
	}
}

// waitRunning waits until n containers of the project run.
func (p *project) waitRunning(n int) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		out := p.mustDocker("ps", "--quiet", "--filter", "status=running", "--filter", "label=com.docker.compose.project="+p.name)
		if len(strings.Fields(out)) == n {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not running: %s", p.mustDocker("ps", "--all", "--format", "{{.Names}} {{.Status}}"))
		}
	}
}

// mustRun returns the output of a command that has to succeed.
func mustRun(t *testing.T, argv ...string) string {
	t.Helper()
	r := run(t, ".", nil, argv...)
	if r.code != 0 {
		t.Fatalf("%s: exit %d\n%s", strings.Join(argv, " "), r.code, r.stderr)
	}
	return r.stdout
}
