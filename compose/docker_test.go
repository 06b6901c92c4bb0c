package compose

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHold writes the model only when docker compose has started, and sees
// nothing of the command before it may go on.
func TestHold(t *testing.T) {
	docker, err := FindDocker(context.Background(), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	r := Run{ModelPath: filepath.Join(t.TempDir(), "compose.json"), Args: []string{"--project-name", "held", "config"}, Env: os.Environ(), Stdout: &out, Stderr: &errs}
	h, err := docker.Hold(r)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // long enough for all of it
	select {
	case <-h.ended:
		t.Fatalf("it ended before it was let go: %s", errs.String())
	default:
	}
	if err := os.WriteFile(r.ModelPath, []byte(`{"services":{"late":{"image":"busybox"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, err := h.Go(); code != 0 || err != nil {
		t.Errorf("exit %d, %v: %s", code, err, errs.String())
	}
	if !strings.Contains(out.String(), "late:") {
		t.Errorf("it printed %q", out.String())
	}
}

func TestDrop(t *testing.T) {
	docker, err := FindDocker(context.Background(), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	h, err := docker.Hold(Run{ModelPath: "/nonexistent", Args: []string{"config"}, Env: os.Environ(), Stdout: &out, Stderr: &errs})
	if err != nil {
		t.Fatal(err)
	}
	h.Drop()
	if out.Len()+errs.Len() > 0 {
		t.Errorf("it printed %q %q", out.String(), errs.String())
	}
	if err := syscall.Kill(h.process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
}

func TestSameRun(t *testing.T) {
	r := Run{Args: []string{"up", "-d"}, Env: []string{"A=1", "B=2"}, ModelPath: "/m"}
	for name, c := range map[string]struct {
		other Run
		want  bool
	}{
		"itself":            {r, true},
		"another order":     {Run{Args: r.Args, Env: []string{"B=2", "A=1"}, ModelPath: "/m"}, true},
		"another variable":  {Run{Args: r.Args, Env: []string{"A=1"}, ModelPath: "/m"}, false},
		"another argument":  {Run{Args: []string{"up"}, Env: r.Env, ModelPath: "/m"}, false},
		"another model":     {Run{Args: r.Args, Env: r.Env, ModelPath: "/n"}, false},
		"a model in memory": {Run{Args: r.Args, Env: r.Env, ModelPath: "/m", Model: []byte("{}")}, false},
	} {
		if got := r.Same(c.other); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestHoldKnowsVersions(t *testing.T) {
	for _, version := range []string{"6.0.0", "dev", ""} {
		d := &Docker{Path: "/bin/true", Version: version}
		if h, err := d.Hold(Run{}); err == nil {
			h.Drop()
			t.Errorf("version %q is held", version)
		}
	}
}
