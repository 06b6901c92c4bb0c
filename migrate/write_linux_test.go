package migrate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/compose-secure/compose-secure/migrate"
)

// TestWriteIgnoresFirst: before a value has a name on disk, git leaves its place alone.
func TestWriteIgnoresFirst(t *testing.T) {
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets")
	if err := os.Mkdir(secrets, 0o700); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, d := range []string{dir, secrets} {
		if _, err := unix.InotifyAddWatch(fd, d, unix.IN_MOVED_TO|unix.IN_CREATE); err != nil {
			t.Fatal(err)
		}
	}
	err = migrate.Write(t.Context(), []migrate.Change{
		{Path: filepath.Join(secrets, "c"), Shown: "secrets/c", New: []byte("new c"), Mode: 0o600, Private: true},
		{Path: filepath.Join(dir, ".gitignore"), Shown: ".gitignore", New: []byte("/secrets/\n"), Mode: 0o644},
	})
	if err != nil {
		t.Fatal(err)
	}
	events := make([]byte, 1<<16)
	n, err := unix.Read(fd, events)
	if err != nil {
		t.Fatal(err)
	}
	named, ignored := bytes.Index(events[:n], []byte("c\x00\x00")), bytes.Index(events[:n], []byte(".gitignore\x00"))
	if ignored < 0 || named < 0 || ignored > named {
		t.Errorf("the value has its name at event byte %d, .gitignore at %d", named, ignored)
	}
}
