package command

import (
	"math"
	"runtime/debug"
)

// The tool lives for a moment, so it trades memory for time, within the 1.3 times of
// docker compose's memory that make bench holds it to: collections are rare until
// smallHeap is reached. A model that needs more than that must not be collected
// all the time, so the limit goes when the files are large.
const (
	gcPercent  = 400
	smallHeap  = 50 << 20  // bytes
	largeFiles = 400 << 10 // bytes of compose files: about 1,300 services of 10 variables
)

func (s *session) saveTime() {
	if s.Getenv("GOGC") == "" && s.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(gcPercent)
		debug.SetMemoryLimit(smallHeap)
	}
}

func (s *session) expectFiles(size int64) {
	if size > largeFiles && s.Getenv("GOGC") == "" && s.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(gcPercent / 2)
		debug.SetMemoryLimit(math.MaxInt64)
	}
}
