//go:build !race

package cputime

const slowdown = 1
