//go:build unix

package command_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/sops"
)

// A command that waits for an engine, a key, git or a file must end at the first signal with its code and leave
// the project as it was, and at the second one at once, whatever it waits for.
func TestInterruptedCommandsLeaveNothing(t *testing.T) {
	tool := buildTool(t)
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	recipient := id.Recipient().String()
	for name, tt := range map[string]struct {
		args []string
		wait func(w *waiting, t *testing.T) // makes what the command waits for, which writes w.begun
	}{
		"migrate, a lock":    {[]string{"migrate", "--age", recipient, "--write", "--force"}, (*waiting).lock},
		"migrate, git":       {[]string{"migrate", "--age", recipient, "--write"}, (*waiting).git},
		"migrate, a key":     {[]string{"migrate", "--age", recipient, "--write"}, (*waiting).key},
		"doctor, a key":      {[]string{"doctor", "--values"}, (*waiting).key},
		"plan, the engine":   {[]string{"plan"}, (*waiting).engine},
		"doctor, the engine": {[]string{"doctor"}, (*waiting).engine},
		"deploy, the engine": {[]string{"stack", "deploy", "x"}, (*waiting).engine},
		"rotate, the engine": {[]string{"rotate", "x", "a", "--generate"}, (*waiting).engine},
		"rollback":           {[]string{"rollback", "x"}, (*waiting).engine},
		"status":             {[]string{"status"}, (*waiting).engine},
		"prune":              {[]string{"prune", "x"}, (*waiting).engine},
		"remove":             {[]string{"stack", "rm", "x"}, (*waiting).engine},
		"up, the engine":     {[]string{"up", "-d"}, (*waiting).engine},
	} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(fmt.Sprint(name, " ", sig), func(t *testing.T) {
				t.Parallel()
				w := &waiting{dir: t.TempDir(), outside: t.TempDir()}
				w.begun = filepath.Join(w.outside, "begun")
				data, err := sops.Extend(filepath.Join(w.dir, "secrets.enc.yaml"), nil, []sops.Added{{Name: "B_TOKEN", Value: secret.NewValue([]byte("hunter3"))}}, sops.For{Age: []string{recipient}})
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(w.dir, "secrets.enc.yaml"), string(data))
				write(t, filepath.Join(w.dir, "compose.yaml"), "x-compose-secure: {sops: [secrets.enc.yaml]}\nservices:\n  a:\n    image: x\n    environment: {A_TOKEN: hunter2, B_TOKEN: '${B_TOKEN}'}\n")
				write(t, filepath.Join(w.outside, "key.txt"), id.String()+"\n")
				w.env = append(os.Environ(), "HOME="+w.outside, "XDG_CONFIG_HOME="+w.outside, "XDG_CACHE_HOME="+w.outside, "SOPS_AGE_KEY_FILE="+filepath.Join(w.outside, "key.txt"))
				tt.wait(w, t)
				before := snapshot(t, w.dir)
				cmd := exec.Command(tool, tt.args...)
				var out strings.Builder
				cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = w.dir, w.env, &out, &out, time.Second
				cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that what it leaves behind can be ended
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }() // none may be left
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				w.await(t, ended, &out)
				checkSignals(t, cmd, sig, ended, &out)
				if after := snapshot(t, w.dir); !slices.Equal(before, after) {
					t.Errorf("left behind:\n%q\nwas\n%q", after, before)
				}
				if strings.Contains(out.String(), "hunter") {
					t.Errorf("a value in %s", out.String())
				}
			})
		}
	}
}

// checkSignals sends a signal, and a second one where the first does not end the command.
func checkSignals(t *testing.T, cmd *exec.Cmd, sig syscall.Signal, ended <-chan error, out fmt.Stringer) {
	t.Helper()
	for n, limit := range []time.Duration{15 * time.Second, 5 * time.Second} { // a fraction of it where nothing else runs
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 128+int(sig) {
				t.Errorf("ended with %v, want %d: %s", err, 128+int(sig), out)
			}
			if n > 0 {
				t.Errorf("the first signal did not end it: %s", out)
			}
			return
		case <-time.After(limit):
		}
	}
	t.Errorf("still there after two signals: %s", out)
}

// waiting is a project whose command waits.
type waiting struct {
	dir, outside, begun string
	env                 []string
	locked              bool
}

// await returns when the command waits.
func (w *waiting) await(t *testing.T, ended <-chan error, out fmt.Stringer) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := os.Stat(w.begun)
		if err == nil {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it did not wait: %v: %s", err, out)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("it never came to wait: %s", out)
		}
	}
	time.Sleep(300 * time.Millisecond)
	if w.locked {
		time.Sleep(2 * time.Second) // nothing tells when a command begins to wait for a lock
	}
}

// lock holds the folder as another command does that writes there.
func (w *waiting) lock(t *testing.T) {
	f, err := os.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // frees it
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	w.locked = true
	write(t, w.begun, "")
}

// program puts a program into PATH that notes that it was started, and then hangs whatever signals come.
func (w *waiting) program(t *testing.T, name string) string {
	path := filepath.Join(w.outside, "bin", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, "#!/bin/sh\ntrap '' INT TERM\n: >"+w.begun+"\nsleep 120\n")
	if err := os.Chmod(path, 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	w.env = append(w.env, "PATH="+filepath.Dir(path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	return path
}

func (w *waiting) git(t *testing.T) {
	if err := os.Mkdir(filepath.Join(w.dir, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.program(t, "git")
}

// key has the identities come from a program.
func (w *waiting) key(t *testing.T) {
	w.env = append(w.env, "SOPS_AGE_KEY_FILE=", "SOPS_AGE_KEY_CMD="+w.program(t, "key-command"))
}

// engine takes connections and answers nothing.
func (w *waiting) engine(t *testing.T) {
	path := filepath.Join(w.outside, "engine.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			_ = os.WriteFile(w.begun, nil, 0o600) // where it fails the test sees nothing begin
		}
	}()
	w.env = append(w.env, "DOCKER_HOST=unix://"+path)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// snapshot lists the files of a folder with what is in them.
func snapshot(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		list = append(list, path+": "+string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
