package tmpfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// systemRoot is where root's own tmpfs is mounted.
const systemRoot = "/run/compose-secure"

func rootDir(o Options) string {
	switch {
	case o.Root != "":
		return o.Root
	case os.Geteuid() == 0:
		return systemRoot
	default:
		return userRoot(o.Getenv("XDG_RUNTIME_DIR"), os.Geteuid())
	}
}

func open(o Options) (*Store, error) {
	s := &Store{dir: rootDir(o)}
	switch {
	case o.Root != "":
	case os.Geteuid() == 0:
		if err := ensureMount(s.dir); err != nil {
			return nil, err
		}
	default:
		s.linger = lingerText("/var/lib/systemd/linger", "/run/systemd/users", s.dir)
	}
	if !filepath.IsAbs(s.dir) {
		return nil, fmt.Errorf("the RAM store %q is not an absolute path", s.dir)
	}
	if err := s.openRoot(); err != nil {
		return nil, err
	}
	warnings, err := s.swapWarnings()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.warnings = warnings
	return s, nil
}

// userRoot picks the directory of a user who is not root. /run/user/UID is
// looked at even when the variable is not set, so that a cron job and a login
// agree; a directory of somebody else (kept by su) is passed over.
func userRoot(runtimeDir string, uid int) string {
	for _, dir := range []string{runtimeDir, "/run/user/" + strconv.Itoa(uid)} {
		if fi, err := os.Stat(dir); err == nil && filepath.IsAbs(dir) && fi.IsDir() && ownedByUs(fi) {
			return filepath.Join(dir, "compose-secure")
		}
	}
	return "/dev/shm/compose-secure-" + strconv.Itoa(uid)
}

// openRoot makes and opens s.dir and refuses what is not ours or not RAM.
func (s *Store) openRoot() error {
	parent, err := os.OpenRoot(filepath.Dir(s.dir))
	if err != nil {
		return fmt.Errorf("open the RAM store: %w", err)
	}
	defer parent.Close()
	// Look before making anything: a disk must not even get a directory.
	if _, err := parent.Lstat(filepath.Base(s.dir)); errors.Is(err, fs.ErrNotExist) {
		if err := checkRAM(parent, filepath.Dir(s.dir)); err != nil {
			return err
		}
	}
	if err := makeDir(parent, filepath.Base(s.dir)); err != nil {
		return s.explain("make", s.dir, err)
	}
	s.root, err = openDir(parent, filepath.Base(s.dir), s.dir)
	if err != nil {
		return s.explain("open", s.dir, err)
	}
	if err := checkRAM(s.root, s.dir); err != nil {
		return errors.Join(err, s.root.Close())
	}
	return nil
}

// checkRAM asks the kernel for the filesystem of an open directory.
func checkRAM(root *os.Root, path string) error {
	f, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("open the RAM store: %w", err)
	}
	defer f.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return fmt.Errorf("ask for the filesystem of %q: %w", path, err)
	}
	if st.Type != unix.TMPFS_MAGIC && st.Type != unix.RAMFS_MAGIC {
		return fmt.Errorf("%q is not in RAM (neither tmpfs nor ramfs): secrets are never written to a disk", path)
	}
	return nil
}

// explain turns the errors that a user can do something about into one line.
func (s *Store) explain(op, path string, err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%s %q: the RAM disk is full: remove projects that are not needed or enlarge it with mount -o remount,size=: %w", op, path, errnoOf(err))
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%s %q: the RAM disk is read-only: make it writable with mount -o remount,rw: %w", op, path, errnoOf(err))
	}
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	if errors.As(err, &pathErr) || errors.As(err, &linkErr) {
		return fmt.Errorf("%s %q: %w", op, path, errnoOf(err))
	}
	return err
}

// errnoOf drops the name of a temporary file that an error carries.
func errnoOf(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

func flock(f *os.File, exclusive bool) error {
	how := unix.LOCK_SH | unix.LOCK_NB
	if exclusive {
		how = unix.LOCK_EX | unix.LOCK_NB
	}
	for {
		err := unix.Flock(int(f.Fd()), how)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return errBusy
		default:
			return err
		}
	}
}

func ownedByUs(fi fs.FileInfo) bool {
	uid, _ := ownerOf(fi)
	return uid == os.Geteuid()
}

func ownerIs(fi fs.FileInfo, uid, gid int) bool {
	u, g := ownerOf(fi)
	return u == uid && g == gid
}

// ownerOf is the user and group of a file, -1 when they are not known.
func ownerOf(fi fs.FileInfo) (uid, gid int) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, -1
	}
	return int(st.Uid), int(st.Gid)
}
