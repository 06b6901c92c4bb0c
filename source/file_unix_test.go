//go:build unix

package source_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/source"
)

func TestFileRefusesWhatIsNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "value", "hunter2")
	if err := os.Symlink("value", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	s := source.NewFile(dir)
	for _, path := range []string{"pipe", ".", "/dev/zero"} {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		_, err := s.Resolve(ctx, []secret.Ref{{Scheme: "file", Path: path}})
		cancel()
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: want a refusal, got %v", path, err)
		}
	}
	got, err := s.Resolve(context.Background(), []secret.Ref{{Scheme: "file", Path: "link"}, {Scheme: "file", Path: filepath.Join(dir, "value")}})
	if err != nil {
		t.Fatal(err)
	}
	if string(got[0].Reveal()) != "hunter2" || !got[0].Equal(got[1]) {
		t.Error("a link and an absolute path to a regular file must work")
	}
}
