package deliver

import (
	"fmt"
	"io/fs"
	"syscall"
)

// inode is the file's own number and the time of its last change of any kind, which no
// program can set.
func inode(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d %d.%d", st.Ino, st.Ctim.Sec, st.Ctim.Nsec)
}
