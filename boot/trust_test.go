package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckTrust(t *testing.T) {
	uid := os.Geteuid()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write := func(path string, mode os.FileMode) string {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(full, mode); err != nil {
			t.Fatal(err)
		}
		return full
	}
	chmod := func(path string, mode os.FileMode) {
		if err := os.Chmod(filepath.Join(root, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target, path string) string {
		full := filepath.Join(root, path)
		if err := os.Symlink(target, full); err != nil {
			t.Fatal(err)
		}
		return full
	}
	own, open := write("own/f", 0o600), write("own/open", 0o602)
	below := write("open/f", 0o600)
	chmod("open", 0o777)
	sticky := write("sticky/f", 0o600)
	chmod("sticky", 0o777|os.ModeSticky)
	group := write("own/group", 0o660)
	if err := os.Chown(group, -1, 12345); err != nil && uid == 0 {
		t.Fatal(err)
	}
	tests := map[string]struct{ path, want string }{
		"own":                                {own, ""},
		"not there":                          {filepath.Join(root, "own/no/f"), ""},
		"sticky directory":                   {sticky, ""},
		"writable":                           {open, "every user may write"},
		"below a directory that is writable": {below, "every user may write"},
		"symlink to own":                     {link(own, "own/l1"), ""},
		"symlink that leads below one":       {link("../open/f", "own/l2"), "every user may write"},
		"symlink in one":                     {link(own, "open/l3"), "every user may write"},
		"symlink to itself":                  {link("l4", "own/l4"), "too many symlinks"},
		"dots":                               {filepath.Join(root, "own") + "/../open/f", "every user may write"},
	}
	if uid == 0 {
		other := write("other/f", 0o600)
		if err := os.Chown(filepath.Dir(other), 12345, -1); err != nil {
			t.Fatal(err)
		}
		tests["below a directory of another user"] = struct{ path, want string }{other, "belongs to uid 12345"}
		tests["group of others"] = struct{ path, want string }{group, "group 12345 may write"}
	}
	for name, tt := range tests {
		err := CheckTrust(tt.path, uid)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
