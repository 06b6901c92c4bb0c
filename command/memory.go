package command

import (
	"math"
	"runtime/debug"
)

// The tool lives for a moment, so it trades memory for time, within the 1.3 times of
// docker compose's memory that make bench holds it to: nothing is collected until the heap
// reaches smallHeap. A model that needs more than that must not be collected
// all the time, so the limit goes when the files are large.
const (
	smallHeap  = 44 << 20  // bytes
	largeFiles = 400 << 10 // bytes of compose files: about 1,300 services of 10 variables
	largeGC    = 200       // GOGC for these
)

func (s *session) saveTime() {
	if s.Getenv("GOGC") == "" && s.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(smallHeap)
	}
}

func (s *session) expectFiles(size int64) {
	if size > largeFiles && s.Getenv("GOGC") == "" && s.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(largeGC)
		debug.SetMemoryLimit(math.MaxInt64)
	}
}
