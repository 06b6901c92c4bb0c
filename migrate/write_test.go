package migrate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/migrate"
)

// tree gives every file below dir with its mode and content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[rel] = info.Mode().String()
		if !d.IsDir() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files[rel] += " " + string(data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestWrite(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(dir string) error
		want   map[string]string
		errHas string
	}{
		{"all", nil, map[string]string{
			"a": "-rwxr-x--- new a", "b": "-rw-r----- new b", "secrets": "drwx------", "secrets/c": "-rw------- new c",
		}, ""},
		{"changed meanwhile", func(dir string) error { return os.WriteFile(filepath.Join(dir, "b"), []byte("other"), 0o600) }, map[string]string{
			"a": "-rwxr-x--- old a", "b": "-rw-r----- other",
		}, "changed by somebody else"},
		{"gone meanwhile", func(dir string) error { return os.Remove(filepath.Join(dir, "b")) }, map[string]string{"a": "-rwxr-x--- old a"}, "changed by somebody else"},
		{"no file", func(dir string) error {
			b := filepath.Join(dir, "b")
			if err := os.Remove(b); err != nil {
				return err
			}
			return os.Mkdir(b, 0o700)
		}, map[string]string{"a": "-rwxr-x--- old a", "b": "drwx------"}, "not a regular file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, mode := range map[string]os.FileMode{"a": 0o750, "b": 0o640} {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, []byte("old "+name), mode); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
			}
			if tt.spoil != nil {
				if err := tt.spoil(dir); err != nil {
					t.Fatal(err)
				}
			}
			err := migrate.Write(t.Context(), []migrate.Change{
				{Path: filepath.Join(dir, "secrets", "c"), Shown: "secrets/c", New: []byte("new c"), Mode: 0o600},
				{Path: filepath.Join(dir, "a"), Shown: "a", Old: []byte("old a"), New: []byte("new a")},
				{Path: filepath.Join(dir, "b"), Shown: "b", Old: []byte("old b"), New: []byte("new b")},
			})
			if (err != nil) != (tt.errHas != "") || err != nil && !strings.Contains(err.Error(), tt.errHas) {
				t.Errorf("error %v, want %q", err, tt.errHas)
			}
			if diff := cmp.Diff(tt.want, tree(t, dir)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
