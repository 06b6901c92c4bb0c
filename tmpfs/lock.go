package tmpfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
)

const (
	lockFile  = ".lock"
	usersFile = ".users"
)

// LockedError says that another process holds the project. PID is 0 when it
// is not known.
type LockedError struct {
	Project string
	PID     int
}

func (e *LockedError) Error() string {
	who := ""
	if e.PID > 0 {
		who = fmt.Sprintf(" (pid %d)", e.PID)
	}
	return fmt.Sprintf("another compose-secure%s is working on project %q; wait for it to end, then try again", who, e.Project)
}

// errBusy and errStale are the two ways in which taking a lock can miss.
var (
	errBusy  = errors.New("the lock is held")
	errStale = errors.New("it was removed meanwhile")
)

// Lock makes the project's directory, takes its lock and removes what a killed
// process left half-written. It does not wait: a held lock is a *LockedError.
// unlock may be called twice; it also removes the directory when that holds
// nothing and no attached run uses it.
func (p *Project) Lock() (unlock func(), err error) {
	if p.root != nil {
		return nil, &LockedError{Project: p.name, PID: os.Getpid()}
	}
	root, f, err := p.acquire(lockFile, true)
	if err != nil {
		return nil, err
	}
	p.root = root
	unlock = sync.OnceFunc(func() {
		p.tidy()
		p.root = nil
		_ = f.Close() // closing gives the lock back and cannot lose data
		_ = root.Close()
	})
	// The process id is told to whoever finds the lock held; a failure to
	// write it is not worth failing for.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	if err := p.removeIf(func(name string) bool { return strings.HasPrefix(name, tempPrefix) }); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// ShareUse marks the project's files as needed by an attached run until
// release. Many may share.
func (p *Project) ShareUse() (release func(), err error) {
	root, f, err := p.acquire(usersFile, false)
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { _ = f.Close(); _ = root.Close() }), nil
}

// TryExclusiveUse reports whether no attached run needs the files and keeps new
// ones out until release, which is nil when ok is false.
func (p *Project) TryExclusiveUse() (release func(), ok bool, err error) {
	root, f, err := p.acquire(usersFile, true)
	if locked := (*LockedError)(nil); errors.As(err, &locked) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return sync.OnceFunc(func() { _ = f.Close(); _ = root.Close() }), true, nil
}

// acquire opens the project's directory, making it when missing, and locks the
// file name in it. The previous holder may remove file and directory at any
// moment up to the lock, so it starts over until both are still in place.
func (p *Project) acquire(name string, exclusive bool) (*os.Root, *os.File, error) {
	for range 1000 {
		if err := makeDir(p.store.root, p.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, p.store.explain("make", p.Dir(), err)
		}
		root, err := openDir(p.store.root, p.name, p.Dir())
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errStale) {
			continue
		}
		if err != nil {
			return nil, nil, p.store.explain("open", p.Dir(), err)
		}
		f, err := p.lock(root, name, exclusive)
		if err == nil {
			return root, f, nil
		}
		_ = root.Close()
		switch {
		case errors.Is(err, errStale), errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, errBusy):
			return nil, nil, &LockedError{Project: p.name, PID: p.holder(name)}
		default:
			return nil, nil, p.store.explain("lock", p.Path(name), err)
		}
	}
	return nil, nil, fmt.Errorf("lock %q: it is removed as fast as it is made", p.Path(name))
}

// lock opens and locks one file, and makes sure that the locked inode is still
// the one with that name.
func (p *Project) lock(root *os.Root, name string, exclusive bool) (*os.File, error) {
	if fi, err := root.Lstat(name); err == nil && !fi.Mode().IsRegular() {
		return nil, p.planted(name, fi)
	}
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, exclusive); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	mine, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	named, err := root.Lstat(name)
	if err != nil || !os.SameFile(mine, named) {
		return nil, errors.Join(errStale, f.Close())
	}
	return f, nil
}

// holder reads who has the lock; 0 when that cannot be told.
func (p *Project) holder(name string) int {
	if name != lockFile {
		return 0
	}
	root, done, err := p.dir()
	if err != nil {
		return 0
	}
	defer done()
	f, err := root.Open(name)
	if err != nil {
		return 0
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 16))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		return 0
	}
	return pid
}

// tidy removes the directory, lock files included, if nothing else is in it
// and nobody uses it. Whoever waits for one of the files notices (errStale).
func (p *Project) tidy() {
	entries, err := fs.ReadDir(p.root.FS(), ".")
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Name() != lockFile && e.Name() != usersFile {
			return
		}
	}
	users, err := p.lock(p.root, usersFile, true)
	if err != nil {
		return
	}
	defer users.Close()
	// Errors leave an empty directory for the next one to tidy.
	_ = p.root.Remove(usersFile)
	_ = p.root.Remove(lockFile)
	_ = p.store.root.Remove(p.name)
}
