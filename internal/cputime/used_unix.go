//go:build unix

package cputime

import (
	"syscall"
	"time"
)

// Used returns the processor time that this process has taken.
func Used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
