//go:build linux

package tmpfs

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	s := newStore(t)
	p, err := s.Project("p")
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := p.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Path(".keep"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := child(t, false, "lock", s.Dir()).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Fatalf("a second process got the lock: %v\n%s", err, out)
	}
	want := (&LockedError{Project: "p", PID: os.Getpid()}).Error()
	if got := strings.TrimSpace(string(out)); got != want || !strings.Contains(want, `project "p"`) {
		t.Errorf("error %q, want %q", got, want)
	}
	unlock()
	unlock()
	if out, err := child(t, false, "lock", s.Dir()).CombinedOutput(); err != nil {
		t.Errorf("the lock was not given back: %v\n%s", err, out)
	}
}

func TestUnlockTidies(t *testing.T) {
	s := newStore(t)
	p, err := s.Project("p")
	if err != nil {
		t.Fatal(err)
	}
	gone := func() bool {
		_, err := os.Lstat(p.Dir())
		return errors.Is(err, fs.ErrNotExist)
	}
	unlock, err := p.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Put("s", value("v"), -1, -1, 0o400); err != nil {
		t.Fatal(err)
	}
	unlock()
	if gone() {
		t.Fatal("a project with a file was removed")
	}
	if unlock, err = p.Lock(); err != nil {
		t.Fatal(err)
	}
	release, err := p.ShareUse()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.RemoveAll(); err != nil {
		t.Fatal(err)
	}
	unlock()
	if gone() {
		t.Fatal("a project in use was removed")
	}
	release()
	if unlock, err = p.Lock(); err != nil {
		t.Fatal(err)
	}
	unlock()
	if !gone() {
		t.Error("an empty project was kept")
	}
}

func TestLockCleans(t *testing.T) {
	s := newStore(t)
	p, err := s.Project("p")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(p.Dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	left := p.Path(tempPrefix + "left")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	unlock, err := p.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a half-written file is still there: %v", err)
	}
}

func TestUse(t *testing.T) {
	s := newStore(t)
	p := newProject(t, s, "p")
	one, err := p.ShareUse()
	if err != nil {
		t.Fatal(err)
	}
	two, err := p.ShareUse()
	if err != nil {
		t.Fatal(err)
	}
	try := func(want bool) {
		t.Helper()
		release, ok, err := p.TryExclusiveUse()
		if ok != want || err != nil {
			t.Fatalf("exclusive use: %v %v, want %v", ok, err, want)
		}
		if ok {
			release()
		}
	}
	try(false)
	one()
	try(false)
	two()
	try(true)
	try(true)
	release, _, err := p.TryExclusiveUse()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := p.ShareUse(); err == nil {
		t.Error("a run began while the files were being removed")
	}
}

// Many goroutines, each with an opened store of its own, lock and remove the
// same project: never two at once, although the lock file comes and goes.
func TestLockSurvivesRemoval(t *testing.T) {
	dir := newStore(t).Dir()
	var inside atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(Options{Root: dir})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			for got := 0; got < 100; {
				p, err := s.Project("p")
				if err != nil {
					t.Error(err)
					return
				}
				unlock, err := p.Lock()
				if locked := (*LockedError)(nil); errors.As(err, &locked) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) != 1 {
					t.Error("two hold the lock")
				}
				got++
				if _, err := p.Put("s", value("v"), -1, -1, 0o400); err != nil {
					t.Error(err)
				}
				if err := p.RemoveAll(); err != nil {
					t.Error(err)
				}
				inside.Add(-1)
				unlock()
			}
		})
	}
	wg.Wait()
}

// A child that puts two large values in turn is killed at random moments: the
// file is always one of the two, the lock is free and the next Lock cleans.
func TestKill(t *testing.T) {
	s := newStore(t)
	p, err := s.Project("p")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 25 {
		cmd := child(t, false, "put", s.Dir())
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
			t.Errorf("the child said %q (%v)", line, err)
		}
		time.Sleep(time.Duration(i*137) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		got, ok, err := p.Get("s")
		if err != nil || !ok {
			t.Fatalf("found %v, %v", ok, err)
		}
		if b := got.Reveal(); !bytes.Equal(b, putA) && !bytes.Equal(b, putB) {
			t.Fatal("the file is torn")
		}
		unlock, err := p.Lock()
		if err != nil {
			t.Fatal(err)
		}
		left, err := filepath.Glob(p.Path(tempPrefix + "*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
		unlock()
	}
}
