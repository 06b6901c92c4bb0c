//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const memoryProject = `
services:
  web:
    image: ` + busyboxImage + `
    environment: {API_TOKEN: "${API_TOKEN}"}
`

// silentEngine is a socket in dir that takes connections and never answers, and returns its address.
func silentEngine(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "silent.sock")
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o666)
	}
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
		}
	}()
	return "unix://" + path
}

// begin starts a program that is killed when the test ends, if it still runs then.
func begin(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // how it ends, the tests look at
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
}

// awaitInMemory waits until the memory of a process holds the sentinel.
func (s sentinel) awaitInMemory(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if s.inMemory(t, pid) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the process does not hold the value")
		}
	}
}

// inMemory reports whether the writable memory of a process holds the sentinel. It takes root.
func (s sentinel) inMemory(t *testing.T, pid int) bool {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	lines := bufio.NewScanner(bytes.NewReader(maps))
	for lines.Scan() {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil || !strings.HasPrefix(mode, "rw") {
			continue
		}
		data, _ := io.ReadAll(io.NewSectionReader(mem, from, to-from)) // a part that is not there yet ends it
		if s.in(data) == "plain" {
			return true
		}
	}
	return false
}

// setCorePattern says where the kernel writes core dumps while the test runs: core(5).
func setCorePattern(t *testing.T, pattern string) {
	t.Helper()
	const setting = "/proc/sys/kernel/core_pattern"
	old, err := os.ReadFile(setting)
	if err == nil {
		err = os.WriteFile(setting, []byte(pattern), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(setting, old, 0); err != nil {
			t.Error(err)
		}
	})
}

// kill ends a process by a signal.
func kill(t *testing.T, process *os.Process, signal syscall.Signal) {
	t.Helper()
	if err := process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); process.Signal(syscall.Signal(0)) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not end the process", signal)
		}
	}
}

// TestNoCoreDump: the tool leaves no core dump while it holds values, neither as a file nor in the program that a
// distribution has collect them, which gets them whatever the limit of the shell is. Go is set to make one. The kernel's
// core_pattern is changed, so no other test runs beside it.
func TestNoCoreDump(t *testing.T) {
	s, p := newSentinel(), newProject(t, memoryProject)
	p.secrets("API_TOKEN=" + s.value)
	engine := silentEngine(t, p.ram)
	collector := filepath.Join(p.dir, "collect")
	if err := os.WriteFile(collector, []byte("#!/bin/sh\ncat >\"$1\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for limit, pattern := range map[string]string{
		"unlimited": filepath.Join(p.ram, "core.%p"),
		"0":         "|" + collector + " " + filepath.Join(p.ram, "core.%p"),
	} {
		setCorePattern(t, pattern)
		core := func(cmd *exec.Cmd) string { return filepath.Join(p.ram, "core."+pidText(cmd.Process.Pid)) }
		start := func(argv ...string) *exec.Cmd {
			cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", "ulimit -c " + limit + ` && exec "$@"`, "sh"}, argv...)...)
			cmd.Dir, cmd.Env = p.dir, append(append(os.Environ(), p.env...), "GOTRACEBACK=crash", "DOCKER_HOST="+engine)
			begin(t, cmd)
			return cmd
		}
		tools := map[syscall.Signal]*exec.Cmd{}
		for _, signal := range []syscall.Signal{syscall.SIGABRT, syscall.SIGSEGV, syscall.SIGQUIT, syscall.SIGTRAP} {
			tools[signal] = start(p.argv("up", "-d")...)
			s.awaitInMemory(t, tools[signal].Process.Pid)
			kill(t, tools[signal].Process, signal)
		}
		other := start("sleep", "1000")
		time.Sleep(100 * time.Millisecond) // until the shell has become it
		kill(t, other.Process, syscall.SIGABRT)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(core(other)); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: no program leaves a core dump here: the test sees nothing", pattern)
			}
		}
		for signal, cmd := range tools {
			if data, err := os.ReadFile(core(cmd)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %s leaves a core dump; it holds the value: %t (%v)", pattern, signal, s.in(data) == "plain", err)
			}
		}
	}
}

// TestUserCannotReadMemory: another program of the user who runs the tool can read neither its memory nor its environment
// while it holds values, nor attach to it.
func TestUserCannotReadMemory(t *testing.T) {
	t.Parallel()
	s, p := newSentinel(), newProject(t, memoryProject)
	tool, runtimeDir := p.giveAway()
	p.secrets("API_TOKEN=" + s.value)
	mustRun(t, "chown", "-R", fmt.Sprint(otherUser), p.dir, p.ram)
	engine := silentEngine(t, p.ram)
	as := func(argv ...string) *exec.Cmd {
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), argv[0], argv[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
		cmd.Dir = p.dir
		cmd.Env = append(append(os.Environ(), p.env...), "HOME="+p.dir, "XDG_RUNTIME_DIR="+runtimeDir, "DOCKER_HOST="+engine, "NOTE="+s.value)
		return cmd
	}
	holder, other := as(append([]string{tool}, append(p.global, "up", "-d")...)...), as("sleep", "1000")
	begin(t, holder)
	begin(t, other)
	s.awaitInMemory(t, holder.Process.Pid)
	s.awaitInMemory(t, other.Process.Pid)
	for _, part := range []string{"environ", "mem", "maps", "auxv", "exe", "cwd", "fd/0"} {
		read := func(cmd *exec.Cmd) (string, error) {
			out, err := as("sh", "-c", "exec 3<"+filepath.Join("/proc", pidText(cmd.Process.Pid), part)+" && if [ "+part+" = environ ]; then cat <&3; fi").CombinedOutput()
			return string(out), err
		}
		if out, err := read(holder); err == nil || s.in([]byte(out)) != "" || !strings.Contains(out, "Permission denied") {
			t.Errorf("another program of the user opens %s of the tool", part)
		}
	}
	if out, err := as("cat", filepath.Join("/proc", pidText(other.Process.Pid), "environ")).Output(); err != nil || s.in(out) == "" {
		t.Errorf("a program of the user cannot read the environment of another one (%v): the test sees nothing", err)
	}
	attach := as("timeout", "5", "strace", "-p", pidText(holder.Process.Pid))
	if out, _ := attach.CombinedOutput(); !strings.Contains(string(out), "Operation not permitted") {
		t.Errorf("another program of the user attaches to the tool: %s", out)
	}
}
