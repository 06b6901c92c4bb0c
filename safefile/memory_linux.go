package safefile

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Memory returns an open file that has no name, lives in RAM only and holds data: see memfd_create(2). name is for
// people who look at the process.
func Memory(name string, data []byte) (*os.File, error) {
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
