//go:build unix

package command_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A tool that waits for somebody else must end when it is interrupted, with the code of the signal.
func TestSignalsEndWhatWaits(t *testing.T) {
	tool := buildTool(t)
	for name, args := range map[string][]string{
		"env file without a writer": {"--env-file", "pipe", "config"},
		"output without a reader":   {"config", "-o", "pipe"},
		"standard input":            {"lint", "-"},
	} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(fmt.Sprint(name, " ", sig), func(t *testing.T) {
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte("services: {a: {image: x}}\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
					t.Fatal(err)
				}
				var stderr strings.Builder
				cmd := exec.Command(tool, args...)
				cmd.Dir, cmd.Stderr, cmd.Env = dir, &stderr, append(os.Environ(), "XDG_CACHE_HOME="+dir)
				in, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = in.Close() }() // the tool has ended
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				select {
				case err := <-ended:
					t.Fatalf("it did not wait: %v: %s", err, stderr.String())
				case <-time.After(2 * time.Second):
				}
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				select {
				case err := <-ended:
					var exit *exec.ExitError
					if !errors.As(err, &exit) || exit.ExitCode() != 128+int(sig) {
						t.Errorf("ended with %v, want %d: %s", err, 128+int(sig), stderr.String())
					}
				case <-time.After(10 * time.Second): // a second where nothing else runs
					_ = cmd.Process.Kill()
					t.Error("still there")
				}
			})
		}
	}
}

// What ignores two signals is left behind at the third: a docker compose that takes none.
func TestLastSignalEnds(t *testing.T) {
	dir := t.TempDir()
	tool := buildTool(t)
	plugin := filepath.Join(dir, "cli-plugins", "docker-compose")
	if err := os.Mkdir(filepath.Dir(plugin), 0o700); err != nil {
		t.Fatal(err)
	}
	const script = "#!/bin/sh\ncase \"$*\" in *version*) echo 2.26.1; exit 0;; esac\ntrap '' INT TERM\necho $$ >pid\nsleep 60 &\nwait\nsleep 60\n"
	for name, text := range map[string]string{plugin: script, filepath.Join(dir, "compose.yaml"): "services: {a: {image: x}}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var stderr strings.Builder
	cmd := exec.Command(tool, "ps")
	cmd.Dir, cmd.Stderr, cmd.Env = dir, &stderr, append(os.Environ(), "DOCKER_CONFIG="+dir, "XDG_CACHE_HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that what it leaves behind can be ended
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "pid")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("docker compose was not started: " + stderr.String())
		}
	}
	for n := range 3 {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if n < 2 || !errors.As(err, &exit) || exit.ExitCode() != 130 {
				t.Fatalf("ended with %v at signal %d, want 130 at the third: %s", err, n+1, stderr.String())
			}
			return
		case <-time.After(time.Second):
		}
	}
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 130 {
			t.Errorf("ended with %v, want 130: %s", err, stderr.String())
		}
	case <-time.After(10 * time.Second):
		t.Error("still there after three signals")
	}
}

// buildTool builds the tool, and returns its path.
func buildTool(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "compose-secure")
	if out, err := exec.Command("go", "build", "-o", tool, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return tool
}
