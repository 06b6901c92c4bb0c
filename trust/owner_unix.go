//go:build unix

package trust

import (
	"io/fs"
	"syscall"
)

// Owner returns the user and the group that a file belongs to; ok is false when that is not known.
func Owner(info fs.FileInfo) (uid, gid int, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}
