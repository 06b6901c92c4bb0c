package safefile

import (
	"crypto/rand"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// newFile makes a file without a name, where the filesystem has such: nothing is left of
// it however this process ends.
func (f *folder) newFile() (*os.File, string, error) {
	fd, err := unix.Openat(int(f.file.Fd()), ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), f.paths[0]), "", nil
	}
	return f.newNamed()
}

// place has a file take its place: a fresh one gets the name, if nothing has it; else it replaces what does.
func (f *folder) place(s *stage, fresh bool) error {
	if s.temp != "" {
		return f.move(s, fresh)
	}
	name := s.base
	if !fresh {
		name = leftover + rand.Text() // a rename needs one
	}
	err := unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", s.file.Fd()), int(f.file.Fd()), name, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return fmt.Errorf("name the new file: %w", err)
	}
	if fresh {
		return nil
	}
	s.temp = name
	return f.move(s, false)
}
