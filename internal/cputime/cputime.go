// Package cputime holds fuzz tests to a limit of processor time for each input. It counts
// the time of the process and not that of a clock, so that a busy machine does
// not fail a test.
package cputime

import (
	"fmt"
	"testing"
	"time"
)

// MaxInput is the size in bytes up to which the limit holds.
const MaxInput = 64 << 10

const (
	limit = slowdown * time.Second
	// hung is when an input is given up: a test cannot end code that runs.
	hung = 20 * limit
)

// Limit runs f for an input of size bytes and fails t when it takes more than a second (ten with the race detector)
// each time of three. Larger inputs are not run. Tests in the same process count too, so none
// may run in parallel.
func Limit(t *testing.T, size int, f func()) {
	t.Helper()
	if size > MaxInput {
		return
	}
	best := hung
	for range 3 {
		done := make(chan struct{})
		start := Used()
		go watch(start, size, done)
		f()
		close(done)
		if best = min(best, Used()-start); best <= limit {
			return
		}
	}
	t.Fatalf("%d bytes take %s of processor time", size, best)
}

// watch ends the process when f does not.
func watch(start time.Duration, size int, done <-chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if used := Used() - start; used > hung {
				panic(fmt.Sprintf("%d bytes take more than %s of processor time", size, hung))
			}
		}
	}
}
