//go:build unix

package dockercli

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// inForeground reports whether this process group is the one that the terminal sends its interrupts to.
func inForeground() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer func() { _ = tty.Close() }() // read only
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}

func signalNumber(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return int(status.Signal())
	}
	return 1
}
