package migrate

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// newApart makes a file without a name, where the filesystem has such: nothing
// is left of it however this process ends.
func newApart(dir string) (*apart, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return &apart{file: os.NewFile(uintptr(fd), dir)}, nil
	}
	f, err := os.CreateTemp(dir, leftover)
	if err != nil {
		return nil, err
	}
	return &apart{f, f.Name()}, nil
}

// link gives the file a name, which a rename needs.
func (a *apart) link(dir string) error {
	if a.name != "" {
		return nil
	}
	name := filepath.Join(dir, leftover+rand.Text())
	err := unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", a.file.Fd()), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return fmt.Errorf("name the new file: %w", err)
	}
	a.name = name
	return nil
}
