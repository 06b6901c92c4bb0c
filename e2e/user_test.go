//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// otherUser is a user that no machine has.
const otherUser = 41_234

// asUser runs the tool as a user without privileges who may use the engine's
// socket, and has XDG_RUNTIME_DIR in RAM.
func (p *project) asUser(tool, runtimeDir string, args ...string) result {
	p.t.Helper()
	info, err := os.Stat("/var/run/docker.sock")
	if err != nil {
		p.t.Fatal(err)
	}
	socket, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		p.t.Fatal("the engine's socket has no owner")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), append(p.env, "HOME="+p.dir, "XDG_RUNTIME_DIR="+runtimeDir, "XDG_CACHE_HOME=")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: socket.Gid}}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return ended(p.t, cmd, cmd.Run(), &stdout, &stderr)
}

// giveAway gives the project to otherUser, and returns a copy of the tool that this user can reach and a runtime directory in RAM.
func (p *project) giveAway() (tool, runtimeDir string) {
	p.t.Helper()
	tool, runtimeDir = filepath.Join(p.ram, "compose-secure"), filepath.Join(p.ram, "run") // the checkout may be closed to others
	data, err := os.ReadFile(built(p.t, "compose-secure"))
	if err == nil {
		err = os.WriteFile(tool, data, 0o755)
	}
	if err == nil {
		err = os.Mkdir(runtimeDir, 0o700)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	mustRun(p.t, "chown", "-R", fmt.Sprintf("%d:%d", otherUser, otherUser), filepath.Dir(p.dir), p.ram)
	return tool, runtimeDir
}

// TestOtherUser runs everything without root: the store is below XDG_RUNTIME_DIR.
func TestOtherUser(t *testing.T) {
	t.Parallel()
	p := newProject(t, `
services:
  web:
    image: `+busyboxImage+`
    pull_policy: never
    command: ["sleep", "1000"]
    environment: {APP_TOKEN: "ref+file://token"}
    stop_signal: SIGKILL
`)
	value := randomWord()
	p.write("token", value)
	tool, runtimeDir := p.giveAway()
	stored := func() (files []string) {
		_ = filepath.WalkDir(runtimeDir, func(path string, d fs.DirEntry, err error) error {
			if content, readErr := os.ReadFile(path); err == nil && readErr == nil && string(content) == value {
				files = append(files, path)
			}
			return nil
		})
		return files
	}

	if r := p.asUser(tool, runtimeDir, "up", "-d"); r.code != 0 {
		t.Fatalf("up: exit %d\n%s", r.code, r.stderr)
	}
	if processEnv(t, p.inspect()["web"].State.Pid)["APP_TOKEN"] != value {
		t.Error("the process does not have its variable")
	}
	files := stored()
	if len(files) != 1 {
		t.Fatalf("%q hold the value, want one file", files)
	}
	info, err := os.Stat(filepath.Dir(files[0]))
	if err != nil || info.Mode().Perm() != 0o700 || !strings.HasPrefix(files[0], runtimeDir) {
		t.Errorf("the directory of %s is open to others: %v %v", files[0], info, err)
	}
	for _, script := range []string{"exec $0 -f - config <compose.yaml", "exec $0 --project-directory . -f /dev/stdin ps <compose.yaml", "exec $0 exec -T web true"} {
		if r := p.asUser("sh", runtimeDir, "-c", script, tool); r.code != 0 {
			t.Errorf("%s: exit %d\n%s", script, r.code, r.stderr)
		}
	}
	if r := p.asUser(tool, runtimeDir, "down", "--timeout", "0"); r.code != 0 {
		t.Errorf("down: exit %d\n%s", r.code, r.stderr)
	}
	if left := stored(); len(left) > 0 {
		t.Errorf("%q is left after down", left)
	}
}
