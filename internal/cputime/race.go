//go:build race

package cputime

// slowdown is how much more time the race detector takes:
// https://go.dev/doc/articles/race_detector#Runtime_Overheads.
const slowdown = 10
