//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// interruptProject is quick to start and has a value in each service.
const interruptProject = `
services:
  one:
    image: ` + busyboxImage + `
    pull_policy: never
    network_mode: none
    command: ["sleep", "1000"]
    environment: {APP_TOKEN: "${APP_TOKEN}"}
    stop_signal: SIGKILL
  two:
    image: ` + busyboxImage + `
    pull_policy: never
    network_mode: none
    command: ["sleep", "1000"]
    secrets: [token]
    depends_on: [one]
    stop_signal: SIGKILL
secrets:
  token: {environment: OTHER_TOKEN}
`

// start runs the tool in a process group of its own, as a shell does.
func (p *project) start(args ...string) (*exec.Cmd, *bytes.Buffer) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), commandLimit)
	p.t.Cleanup(cancel)
	argv := p.argv(args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), p.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return cmd, &out
}

// TestInterrupts ends up at random moments in every way. What comes next must
// find nothing in its way and leave nothing behind.
func TestInterrupts(t *testing.T) {
	t.Parallel()
	p := newProject(t, interruptProject)
	started := time.Now()
	p.secrets("APP_TOKEN="+randomWord(), "OTHER_TOKEN="+randomWord())
	p.must("up", "-d")
	whole := time.Since(started) // how long it takes when nothing happens
	p.must("down", "--timeout", "0")
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL}
	for i := range 30 {
		signal := signals[i%len(signals)]
		args := []string{"up", "-d"}
		if i/3%2 == 1 {
			args = []string{"up"}
		}
		delay := rand.N(whole)
		p.interrupt(signal, delay, args...)
		if i%4 == 0 { // up finds the rest, then down
			p.secrets("APP_TOKEN="+randomWord(), "OTHER_TOKEN="+randomWord())
			p.must("up", "-d")
			p.checkOnlyUsed()
		}
		down := p.must("down", "--timeout", "0")
		if len(p.containers()) > 0 {
			// The engine goes on making a container when the docker compose that asked
			// for it is gone. One that it made after down had looked keeps its values
			// until the next down.
			t.Logf("%s, %v after %v: down comes too early\n%s", args, signal, delay, down.stderr)
			p.must("down", "--timeout", "0")
		}
		if left := p.stored(); len(left) > 0 {
			t.Fatalf("%s, %v after %v, then down: %q is left\n%s", args, signal, delay, left, down.stderr)
		}
		if left := p.containers(); len(left) > 0 {
			t.Fatalf("%s, %v after %v, then down: %d containers are left\n%s", args, signal, delay, len(left), down.stderr)
		}
	}
}

// interrupt starts a command and ends it after a while. The docker compose that
// a SIGKILL of the tool leaves running gets one too, a little later.
func (p *project) interrupt(signal syscall.Signal, after time.Duration, args ...string) {
	p.t.Helper()
	cmd, out := p.start(args...)
	time.Sleep(after)
	group := cmd.Process.Pid
	switch signal {
	case syscall.SIGINT: // a terminal sends it to all
		_ = syscall.Kill(-group, signal) // it may have ended
	case syscall.SIGKILL:
		_ = cmd.Process.Signal(signal) // it may have ended
		time.Sleep(rand.N(200 * time.Millisecond))
		_ = syscall.Kill(-group, signal) // nothing may be left
	default:
		_ = cmd.Process.Signal(signal) // it may have ended
	}
	sent := time.Now()
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ends is not what is tested
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		// docker compose 2.26 stops at the signal what runs, and then waits for a
		// container that it was just about to start, whatever signals come. The
		// way out is down in another terminal.
		p.must("down", "--timeout", "0")
		<-ended
	}
	if took := time.Since(sent); took > time.Minute {
		p.t.Errorf("%s: %v takes %v to end it\n%s", args, signal, took, out)
	}
}

// checkOnlyUsed wants nothing in the store but what a container mounts, and the
// project's own state.
func (p *project) checkOnlyUsed() {
	p.t.Helper()
	mounts := p.mustDocker(append([]string{"inspect", "--format", "{{range .Mounts}}{{.Source}} {{end}}"}, p.containers()...)...)
	for _, name := range p.stored() {
		data, err := os.ReadFile(filepath.Join(p.storeDir(), name))
		if strings.HasPrefix(name, ".tmp") {
			p.t.Errorf("the temporary file %s is left", name)
		}
		if err == nil && bytes.Contains(data, []byte("s3ntinel")) && !strings.Contains(mounts, filepath.Join(p.storeDir(), name)) {
			p.t.Errorf("%s holds a value, and no container uses it", name)
		}
	}
}

// TestAttachedUpStops interrupts an attached up once its containers run: they
// stop, as with docker compose, and its exit code is handed on.
func TestAttachedUpStops(t *testing.T) {
	t.Parallel()
	p := newProject(t, interruptProject)
	p.secrets("APP_TOKEN="+randomWord(), "OTHER_TOKEN="+randomWord())
	cmd, out := p.start("up")
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if c := p.inspect(); c["one"].State.Status == "running" && c["two"].State.Status == "running" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the containers do not start")
		}
	}
	time.Sleep(time.Second) // until docker compose listens for signals again
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code is looked at below
	if code := cmd.ProcessState.ExitCode(); code != 130 && code != 0 {
		t.Errorf("exit %d, want docker compose's own 130 or 0\n%s", code, out)
	}
	for service, c := range p.inspect() {
		if c.State.Status != "exited" {
			t.Errorf("%s is %s after the interrupt, want exited", service, c.State.Status)
		}
	}
	for _, code := range []string{"0", "7"} {
		q := newProject(t, strings.Replace(interruptProject, `command: ["sleep", "1000"]`, `command: ["sh", "-c", "exit `+code+`"]`, 1))
		q.secrets("APP_TOKEN="+randomWord(), "OTHER_TOKEN="+randomWord())
		if r := q.secure("up", "--exit-code-from", "one"); pidText(r.code) != code {
			t.Errorf("up --exit-code-from of a program that ends with %s: exit %d", code, r.code)
		}
	}
}
