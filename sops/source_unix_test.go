//go:build unix

package sops_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/compose-secure/compose-secure/sops"
)

func TestCacheOpensOnlyWhatCanBeSOPS(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "plain.env"), []byte("A=b\n"))
	write(t, filepath.Join(dir, "huge"), nil)
	if err := os.Truncate(filepath.Join(dir, "huge"), 1<<30); err != nil {
		t.Fatal(err)
	}
	c := sops.NewCache(dir)
	for _, path := range []string{"pipe", "plain.env", ".", "/dev/null"} {
		if f, err := c.Open(path); f != nil || err != nil {
			t.Errorf("%s: got %v, %v", path, f, err)
		}
	}
	if _, err := c.Open("absent.env"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("want fs.ErrNotExist, got %v", err)
	}
	if _, err := c.Open("huge"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("want a limit, got %v", err)
	}
}
