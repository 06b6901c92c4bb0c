//go:build e2e

package swarm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const sourced = `
x-service: &service
  image: SERVER
  command: [hold]
  networks: [hostnet]
  stop_grace_period: 2s
  healthcheck: {test: [CMD, /server, check], interval: 200ms, retries: 50}
  deploy: {update_config: {order: start-first, monitor: 500ms}}
services:
  x: {<<: *service, secrets: [{source: a, target: token}]}
  y: {<<: *service, secrets: [{source: b, target: token}]}
secrets:
  a: {x-source: 'ref+sops://secrets.enc.yaml#/a'}
  b: {x-source: 'ref+sops://secrets.enc.yaml#/b'}
networks:
  hostnet: {external: true, name: host}
`

// newSourced deploys a stack whose secrets a and b, with the values a1 and b1, come from one SOPS file. stored reads it.
func newSourced(t *testing.T) (s *stack, stored func(name string) string) {
	t.Helper()
	s = manager(t).stack(t, sourced)
	bin := filepath.Join(repository(), "bin")
	key, err := exec.Command(filepath.Join(bin, "age-keygen")).Output()
	if err != nil {
		t.Fatal(err)
	}
	s.write("key.txt", string(key))
	_, recipient, _ := strings.Cut(string(key), "# public key: ")
	recipient, _, _ = strings.Cut(recipient, "\n")
	s.env = []string{"SOPS_AGE_KEY_FILE=" + filepath.Join(s.dir, "key.txt")}
	s.write("secrets.enc.yaml", "a: a1\nb: b1\n")
	sops := func(args ...string) string {
		t.Helper()
		r := s.run(nil, s.env, s.dir, append([]string{filepath.Join(bin, "sops")}, args...)...)
		if r.code != 0 {
			t.Fatalf("sops: %s", r.stderr)
		}
		return r.stdout
	}
	sops("encrypt", "--age", recipient, "--in-place", "secrets.enc.yaml")
	s.mustCS("stack", "deploy", s.name, "--timeout", "150s")
	return s, func(name string) string {
		t.Helper()
		return sops("decrypt", "--extract", `["`+name+`"]`, "secrets.enc.yaml")
	}
}

// TestTwoRotationsAtOnceKeepBothValues: of two commands that rotate secrets of one file, each that succeeds has its value there.
func TestTwoRotationsAtOnceKeepBothValues(t *testing.T) {
	t.Parallel()
	s, stored := newSourced(t)
	want := map[string]string{"a": "a1", "b": "b1"}
	for round := 2; round <= 5; round++ {
		var wg sync.WaitGroup
		results := map[string]*result{"a": {}, "b": {}}
		for name, r := range results {
			wg.Go(func() { *r = s.feed(fmt.Sprint(name, round), "rotate", s.name, name, "--from-file", "-") })
		}
		wg.Wait()
		for name, r := range results {
			switch {
			case r.code == 0:
				want[name] = fmt.Sprint(name, round)
			case r.code != 3 || r.stderr == "":
				t.Errorf("rotate %s: exit %d\n%s", name, r.code, r.stderr)
			}
		}
		for name, value := range want {
			if got := stored(name); got != value {
				t.Fatalf("round %d: the file has %q for %s, want %q", round, got, name, value)
			}
		}
	}
	before := s.tasks()
	s.mustCS("stack", "deploy", s.name)
	if after := s.tasks(); strings.Join(before, " ") != strings.Join(after, " ") {
		t.Error("the next deploy changed what the rotations stored")
	}
}

// TestRotateWritesNoFileOutside: a file beyond the project, which its author chose, is not written, nor is the cluster changed,
// unless the user names it.
func TestRotateWritesNoFileOutside(t *testing.T) {
	t.Parallel()
	s, stored := newSourced(t)
	outside := filepath.Join(s.dir, "secrets.enc.yaml")
	inner := filepath.Join(s.dir, "project")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../secrets.enc.yaml", filepath.Join(inner, "secrets.enc.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(s.dir, "compose.yaml"), filepath.Join(inner, "compose.yaml")); err != nil {
		t.Fatal(err)
	}
	before, tasks := stored("a"), s.tasks()
	for _, args := range [][]string{{"--from-file", "-"}, {"--generate"}} {
		r := s.feed("a2", append([]string{"-f", filepath.Join(inner, "compose.yaml"), "rotate", s.name, "a"}, args...)...)
		if r.code != 3 || !strings.Contains(r.stderr, "the source of a: it lies outside of the project, and rotate writes no such file") || strings.Count(r.stderr, "\n") != 2 {
			t.Errorf("%v: exit %d, want 3\n%s", args, r.code, r.stderr)
		}
	}
	if after := stored("a"); after != before || strings.Join(tasks, " ") != strings.Join(s.tasks(), " ") || s.current("a") != 1 {
		t.Errorf("%s or the cluster was changed", outside)
	}
	if r := s.feed("a2", "--project-directory", s.dir, "-f", filepath.Join(inner, "compose.yaml"), "rotate", s.name, "a", "--from-file", "-"); r.code != 0 || stored("a") != "a2" {
		t.Errorf("a folder that the user names: exit %d, %s", r.code, r.stderr)
	}
}

// TestRollbackIsNotUndoneByADeploy: rollback cannot write the source, says so, and the next deploy does not bring the value back in silence.
func TestRollbackIsNotUndoneByADeploy(t *testing.T) {
	t.Parallel()
	s, stored := newSourced(t)
	if r := s.feed("a2", "rotate", s.name, "a", "--from-file", "-"); r.code != 0 {
		t.Fatalf("rotate: exit %d\n%s", r.code, r.stderr)
	}
	r := s.mustCS("rollback", s.name, "a")
	if !strings.Contains(r.stderr, "secrets.enc.yaml#/a, the source of a, was not changed") {
		t.Errorf("rollback does not name the source:\n%s", r.stderr)
	}
	if got := stored("a"); got != "a2" {
		t.Errorf("the file has %q", got)
	}
	before := s.tasks()
	for _, args := range [][]string{{"stack", "deploy", s.name}, {"stack", "deploy", s.name, "--dry-run"}, {"rotate", s.name}} {
		r := s.cs(args...)
		if r.code != 3 || !strings.Contains(r.stderr, "the source of secret a holds the value of v2, which was rolled back at") {
			t.Errorf("%v: exit %d, want 3\n%s", args, r.code, r.stderr)
		}
	}
	if after := s.tasks(); strings.Join(before, " ") != strings.Join(after, " ") || s.current("a") != 1 {
		t.Errorf("a is at version %d, want 1", s.current("a"))
	}
	s.mustCS("stack", "deploy", s.name, "--force")
	if got := s.current("a"); got != 2 {
		t.Errorf("with --force a is at version %d, want 2", got)
	}
	s.mustCS("stack", "deploy", s.name) // it is in use again
	s.mustCS("rollback", s.name, "a")
	if r := s.feed("a2", "rotate", s.name, "a", "--from-file", "-"); r.code != 0 || s.current("a") != 2 {
		t.Errorf("rotate to the same value by hand: exit %d, version %d\n%s", r.code, s.current("a"), r.stderr)
	}
}

// TestRollbackDecryptsNothing: the warning of rollback names the source without a key; rotate to another value needs one.
func TestRollbackDecryptsNothing(t *testing.T) {
	t.Parallel()
	s, _ := newSourced(t)
	s.write("compose.yaml", "x-compose-secure: {sops: [secrets.enc.yaml]}\n"+strings.ReplaceAll(sourced, "SERVER", serverImage)) // read while it loads
	opened := func(args ...string) string {
		t.Helper()
		trace := filepath.Join(t.TempDir(), "trace")
		argv := append([]string{"strace", "-f", "-qq", "-e", "trace=open,openat", "-o", trace, filepath.Join(repository(), "bin", "compose-secure")}, args...)
		if r := s.run(bytes.NewBufferString("a2"), s.env, s.dir, argv...); r.code != 0 {
			t.Fatalf("%v: exit %d\n%s", args, r.code, r.stderr)
		}
		data, err := os.ReadFile(trace)
		if err != nil || !strings.Contains(string(data), "secrets.enc.yaml") {
			t.Fatalf("%v does not read the SOPS file: %v", args, err)
		}
		return string(data)
	}
	if !strings.Contains(opened("rotate", s.name, "a", "--from-file", "-"), "key.txt") {
		t.Error("rotate reads no key, so that this test would not see one")
	}
	if strings.Contains(opened("rollback", s.name, "a"), "key.txt") {
		t.Error("rollback reads the key")
	}
}
