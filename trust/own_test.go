package trust_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/trust"
)

const stranger = 12345

// give makes a path belong to somebody else; only root can.
func give(t *testing.T, path string, uid, gid int) {
	t.Helper()
	if err := os.Lchown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
}

func TestOwn(t *testing.T) {
	root := os.Geteuid() == 0
	for _, tt := range []struct {
		name, want string
		root       bool // the case needs root to be made
		make       func(t *testing.T, top string)
	}{
		{name: "the user's", make: func(*testing.T, string) {}},
		{name: "everybody writes", want: "can be written by everybody", make: func(t *testing.T, top string) { mode(t, top+"/a/f", 0o602) }},
		{name: "everybody writes the folder", want: "can be written by everybody", make: func(t *testing.T, top string) { mode(t, top+"/a", 0o702) }},
		{name: "sticky folder", make: func(t *testing.T, top string) { mode(t, top+"/a", 0o777|os.ModeSticky) }},
		{name: "folder in its place", want: "not a regular file", make: func(t *testing.T, top string) {
			must(t, os.Remove(top+"/a/f"))
			must(t, os.Mkdir(top+"/a/f", 0o700))
		}},
		{name: "symlink below", make: func(t *testing.T, top string) { link(t, top, "../b/g") }},
		{name: "symlink to a symlink", make: func(t *testing.T, top string) {
			must(t, os.Symlink("b", top+"/c"))
			link(t, top, top+"/c/g")
		}},
		{name: "symlink out", want: "leads out of", make: func(t *testing.T, top string) { link(t, top, "../../out") }},
		{name: "symlink out and back", want: "behind a symlink", make: func(t *testing.T, top string) {
			must(t, os.MkdirAll(top+"/deep/er", 0o700))
			must(t, os.Symlink("../deep/er", top+"/b/d"))
			must(t, os.WriteFile(top+"/deep/g", nil, 0o666))
			must(t, os.Chmod(top+"/deep/g", 0o666))
			link(t, top, "../b/d/../g")
		}},
		{name: "symlink in a circle", want: "too many symlinks", make: func(t *testing.T, top string) { link(t, top, "f") }},
		{name: "symlink to a file that everybody writes", want: "can be written by everybody", make: func(t *testing.T, top string) {
			mode(t, top+"/b/g", 0o666)
			link(t, top, "../b/g")
		}},
		{name: "a stranger's", want: "belongs to user 12345", root: true, make: func(t *testing.T, top string) { give(t, top+"/a/f", stranger, 0) }},
		{name: "a stranger's folder", want: "belongs to user 12345", root: true, make: func(t *testing.T, top string) { give(t, top+"/a", stranger, 0) }},
		{name: "a stranger's symlink", want: "belongs to user 12345", root: true, make: func(t *testing.T, top string) {
			link(t, top, "../b/g")
			give(t, top+"/a/f", stranger, 0)
		}},
		{name: "a group writes", want: "can be written by group 12345", root: true, make: func(t *testing.T, top string) {
			give(t, top+"/a/f", -1, stranger)
			mode(t, top+"/a/f", 0o660)
		}},
		{name: "a group reads", root: true, make: func(t *testing.T, top string) { give(t, top+"/a/f", -1, stranger) }},
	} {
		if tt.root && !root {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			must(t, err)
			top := filepath.Join(dir, "top")
			must(t, os.MkdirAll(filepath.Join(top, "a"), 0o700))
			must(t, os.Mkdir(filepath.Join(top, "b"), 0o700))
			for _, f := range []string{top + "/a/f", top + "/b/g", dir + "/out"} {
				must(t, os.WriteFile(f, nil, 0o600))
			}
			tt.make(t, top)
			err = trust.Own(filepath.Join(top, "a", "f"), top)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("want %q, got %v", tt.want, err)
			}
		})
	}
	if err := trust.Own(filepath.Join(t.TempDir(), "none"), "/"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mode(t *testing.T, path string, m os.FileMode) {
	t.Helper()
	must(t, os.Chmod(path, m))
}

// link makes a/f a symlink.
func link(t *testing.T, top, to string) {
	t.Helper()
	must(t, os.Remove(top+"/a/f"))
	must(t, os.Symlink(to, top+"/a/f"))
}
