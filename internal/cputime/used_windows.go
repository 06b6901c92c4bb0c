package cputime

import (
	"syscall"
	"time"
)

// Used returns the processor time that this process has taken.
func Used() time.Duration {
	self, _ := syscall.GetCurrentProcess() // a constant, no error
	var created, ended, kernel, user syscall.Filetime
	_ = syscall.GetProcessTimes(self, &created, &ended, &kernel, &user) // cannot fail with these arguments
	ticks := func(f syscall.Filetime) int64 { return int64(f.HighDateTime)<<32 + int64(f.LowDateTime) }
	return time.Duration(ticks(kernel)+ticks(user)) * 100
}
