package engine

import (
	"testing"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

// FuzzSubIDs reads /etc/subuid and what a user namespace maps.
func FuzzSubIDs(f *testing.F) {
	f.Add([]byte("me:100000:65536\n1000:1:1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cputime.Limit(t, len(data), func() {
			parseSubIDs(data)
			rangesFrom(data, 0)
			mapID(rootlessMap("me", 1000, 1000, data, data).uids, 5)
		})
	})
}
