package compose

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/compose-secure/compose-secure/safefile"
)

// memoryFile holds data in a file that has no name and lives in RAM only, and
// returns a path under which this process can read it again and again. It
// lives as long as the process.
func memoryFile(name string, data []byte) (string, error) {
	f, err := safefile.Memory(name, data)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/proc/self/fd/%d", keep(f)), nil
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
