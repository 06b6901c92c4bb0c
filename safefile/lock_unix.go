//go:build unix

package safefile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// identity tells files apart, whatever path leads to them.
type identity struct{ device, inode uint64 }

func identityOf(info fs.FileInfo) identity {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}
	}
	return identity{uint64(s.Dev), s.Ino} //nolint:unconvert // its type depends on the system
}

func (i identity) compare(o identity) int {
	return cmp.Or(cmp.Compare(i.device, o.device), cmp.Compare(i.inode, o.inode))
}

// String is how /proc/locks names a file.
func (i identity) String() string {
	return fmt.Sprintf("%02x:%02x:%d", unix.Major(i.device), unix.Minor(i.device), i.inode)
}

// tryLock reports whether it could lock an open directory.
func tryLock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}

// keepOwner gives f the owner of the file that it will replace.
func keepOwner(f *os.File, old fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	have, ok := now.Sys().(*syscall.Stat_t)
	want, too := old.Sys().(*syscall.Stat_t)
	if !ok || !too || have.Uid == want.Uid && have.Gid == want.Gid {
		return nil
	}
	if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
		return fmt.Errorf("its owner %d:%d would change: %w", want.Uid, want.Gid, cause(err))
	}
	return nil
}
