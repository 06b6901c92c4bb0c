//go:build linux

package tmpfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/secret"
)

func inode(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

func TestPut(t *testing.T) {
	p := newProject(t, newStore(t), "p")
	const odd = "a\x00\n'\"$`\\\xff\n\n"
	steps := []struct {
		name    string
		value   string
		mode    fs.FileMode
		changed bool
	}{
		{"new", odd, 0o400, true},
		{"same", odd, 0o400, false},
		{"other mode", odd, 0o440, true},
		{"other value", odd + "x", 0o440, true},
		{"empty", "", 0o440, true},
		{"empty again", "", 0o440, false},
		{"largest", strings.Repeat("x", secret.MaxSize-1), 0o440, true},
	}
	if _, err := p.Put("s", value("first"), -1, -1, 0o400); err != nil {
		t.Fatal(err)
	}
	for _, st := range steps {
		t.Run(st.name, func(t *testing.T) {
			before := inode(t, p.Path("s"))
			changed, err := p.Put("s", value(st.value), -1, -1, st.mode)
			if err != nil || changed != st.changed {
				t.Fatalf("changed %v, error %v; want %v", changed, err, st.changed)
			}
			after := inode(t, p.Path("s"))
			if os.SameFile(before, after) == st.changed {
				t.Errorf("the file was replaced: %v, want %v", !os.SameFile(before, after), st.changed)
			}
			if after.Mode() != st.mode {
				t.Errorf("mode %v, want %v", after.Mode(), st.mode)
			}
			got, ok, err := p.Get("s")
			if err != nil || !ok || string(got.Reveal()) != st.value {
				t.Errorf("the content differs (found %v, error %v)", ok, err)
			}
		})
	}
}

func TestPutOwner(t *testing.T) {
	p := newProject(t, newStore(t), "p")
	_, err := p.Put("s", value("v"), 4711, 4712, 0o400)
	if os.Geteuid() != 0 {
		var owner *OwnerError
		if !errors.As(err, &owner) || owner.UID != 4711 || owner.GID != 4712 {
			t.Fatalf("error %v, want an OwnerError", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	before := inode(t, p.Path("s"))
	if !ownerIs(before, 4711, 4712) {
		t.Error("the owner was not set")
	}
	if changed, err := p.Put("s", value("v"), 4711, 4712, 0o400); changed || err != nil {
		t.Errorf("same owner: changed %v, %v", changed, err)
	}
	if changed, err := p.Put("s", value("v"), 4711, 4713, 0o400); !changed || err != nil {
		t.Errorf("other group: changed %v, %v", changed, err)
	}
}

func TestPutRefuses(t *testing.T) {
	p := newProject(t, newStore(t), "p")
	outside := filepath.Join(ramDir(t), "outside")
	if err := os.WriteFile(outside, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := p.Path("full")
	if err := errors.Join(os.Symlink(outside, p.Path("link")), os.MkdirAll(filepath.Join(full, "sub"), 0o700)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, file string
		value      secret.Value
		want       []string
	}{
		{"a planted symlink", "link", value("v"), []string{p.Path("link"), "symlink"}},
		{"a directory with content", "full", value("v"), []string{full, "not empty"}},
		{"a value that is too large", "big", value(strings.Repeat("x", secret.MaxSize)), []string{"big", "512000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := p.Put(tt.file, tt.value, -1, -1, 0o400)
			wantError(t, err, tt.want...)
		})
	}
	var large *TooLargeError
	if _, err := p.Put("big", tests[2].value, -1, -1, 0o400); !errors.As(err, &large) {
		t.Errorf("error %v, want a TooLargeError", err)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "untouched" {
		t.Errorf("the target of the symlink is now %q (%v)", b, err)
	}
	if _, _, err := p.Get("link"); err == nil {
		t.Error("the symlink was read")
	}
	if err := p.Remove("link"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("removing a symlink removed its target: %v", err)
	}
}

func TestPlantedProject(t *testing.T) {
	s := newStore(t)
	target := ramDir(t)
	if err := os.Symlink(target, filepath.Join(s.Dir(), "p")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("q", filepath.Join(s.Dir(), "inside")); err != nil {
		t.Fatal(err)
	}
	newProject(t, s, "q")
	for _, name := range []string{"p", "inside"} {
		p, err := s.Project(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Lock()
		wantError(t, err, p.Dir(), "symlink")
		_, err = p.List()
		wantError(t, err, p.Dir(), "symlink")
	}
	if entries, err := os.ReadDir(target); err != nil || len(entries) > 0 {
		t.Errorf("the symlink was followed: %v %v", entries, err)
	}
}

func TestPlantedLock(t *testing.T) {
	s := newStore(t)
	target := filepath.Join(ramDir(t), "target")
	p, err := s.Project("p")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(p.Dir(), 0o700), os.Symlink(target, p.Path(lockFile))); err != nil {
		t.Fatal(err)
	}
	_, err = p.Lock()
	wantError(t, err, p.Path(lockFile), "symlink")
}

func TestPutRepairsDirectory(t *testing.T) {
	p := newProject(t, newStore(t), "p")
	if err := os.Mkdir(p.Path("s"), 0o755); err != nil {
		t.Fatal(err)
	}
	if changed, err := p.Put("s", value("v"), -1, -1, 0o400); !changed || err != nil {
		t.Fatalf("changed %v, %v", changed, err)
	}
	if got, _, err := p.Get("s"); err != nil || string(got.Reveal()) != "v" {
		t.Errorf("the content differs: %v", err)
	}
}

func TestListAndRemove(t *testing.T) {
	s := newStore(t)
	p := newProject(t, s, "p")
	for _, name := range []string{"b", "a", "c"} {
		if _, err := p.Put(name, value("v"), -1, -1, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.WriteState([]byte(`{"v":1}`)); err != nil {
		t.Fatal(err)
	}
	list := func(want ...string) {
		t.Helper()
		got, err := p.List()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("files (-want +got):\n%s%v", diff, err)
		}
	}
	list("a", "b", "c")
	if err := p.Remove("b", "none"); err != nil {
		t.Fatal(err)
	}
	list("a", "c")
	state, ok, err := p.ReadState()
	if string(state) != `{"v":1}` || !ok || err != nil {
		t.Errorf("state %q %v %v", state, ok, err)
	}
	if err := p.RemoveAll(); err != nil {
		t.Fatal(err)
	}
	list()
	if _, ok, err := p.ReadState(); ok || err != nil {
		t.Errorf("the state is still there: %v %v", ok, err)
	}
}

func TestUnknownProjectIsEmpty(t *testing.T) {
	s := newStore(t)
	p, err := s.Project("none")
	if err != nil {
		t.Fatal(err)
	}
	names, err := p.List()
	_, found, getErr := p.Get("s")
	_, state, stateErr := p.ReadState()
	if len(names) > 0 || found || state || errors.Join(err, getErr, stateErr) != nil {
		t.Errorf("an unknown project has %v %v %v (%v %v %v)", names, found, state, err, getErr, stateErr)
	}
	if _, err := os.Stat(p.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading made the directory: %v", err)
	}
	for name, err := range map[string]error{
		"put": second(p.Put("s", value("v"), -1, -1, 0o400)), "remove": p.Remove("s"),
		"remove all": p.RemoveAll(), "write state": p.WriteState(nil),
	} {
		if !errors.Is(err, errNotLocked) {
			t.Errorf("%s without the lock: %v", name, err)
		}
	}
}

func second(_ bool, err error) error { return err }

func TestErrorsHoldNoValue(t *testing.T) {
	p := newProject(t, newStore(t), "p")
	if err := os.MkdirAll(filepath.Join(p.Path("s"), "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := p.Put("s", value("sentinel"), -1, -1, 0o400)
	if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "sentinel") {
		t.Error("the error shows the value")
	}
}
