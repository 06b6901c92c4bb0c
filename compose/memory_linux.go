package compose

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile holds data in a file that has no name and lives in RAM only, and
// returns a path under which this process can read it again and again. It
// lives as long as the process.
func memoryFile(name string, data []byte) (string, error) {
	f, err := newMemoryFile(name, data)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/proc/self/fd/%d", keep(f)), nil
}

// newMemoryFile returns an open memfd, see memfd_create(2).
func newMemoryFile(name string, data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.Write(data); err != nil {
		_ = f.Close() // the write error counts
		return nil, fmt.Errorf("write a file in memory: %w", err)
	}
	return f, nil
}

// keep returns the descriptor of f and leaves it open for the life of the process.
func keep(f *os.File) int {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return int(f.Fd())
	}
	_ = f.Close() // the duplicate stays
	return fd
}
