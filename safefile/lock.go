package safefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Patience is how long a lock is waited for that another command has.
const Patience = 30 * time.Second

// Lock is the right to replace files in some directories. It is held by this process alone, among those
// that use this package: the kernel locks the directories themselves (flock(2)), so that nothing is left behind, a
// rename keeps it, and the end of the process, however it ends, frees it.
type Lock struct{ folders []*folder }

// folder is a directory that is open and locked.
type folder struct {
	paths []string // that lead to it
	id    identity
	root  *os.Root
	file  *os.File // the same directory
}

// BusyError says that another command keeps a directory locked.
type BusyError struct {
	Dir    string
	Holder int // its process id; 0 if that is not known
}

func (e *BusyError) Error() string {
	who := ""
	if e.Holder > 0 {
		who = fmt.Sprintf(" (process %d)", e.Holder)
	}
	return fmt.Sprintf("files of %q are being changed by another command%s; run this one again when it has ended", e.Dir, who)
}

// Acquire locks the directories of files, which must exist. It waits for other holders until ctx
// ends, and no longer than Patience: the error is then a *BusyError, or the cause of ctx when it was cancelled. Commands that
// need the same directories take them in one order, so that none waits for the other forever.
func Acquire(ctx context.Context, files ...string) (*Lock, error) {
	return acquire(ctx, func() (*Lock, error) { return openFolders(files) })
}

// AcquireBelow is Acquire for the file name below dir, in which no symlink is followed.
func AcquireBelow(ctx context.Context, dir, name string) (*Lock, error) {
	return acquire(ctx, func() (*Lock, error) {
		root, _, err := openBelow(dir, name)
		if err != nil {
			return nil, err
		}
		f, err := newFolder(filepath.Dir(filepath.Join(dir, name)), root)
		if err != nil {
			return nil, err
		}
		return &Lock{[]*folder{f}}, nil
	})
}

func acquire(ctx context.Context, open func() (*Lock, error)) (*Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for {
		l, err := open()
		if err != nil {
			return nil, err
		}
		if err := l.take(ctx); err != nil {
			return nil, errors.Join(err, l.Close())
		}
		if l.current() {
			return l, nil
		}
		// A directory was replaced while this one waited.
		if err := errors.Join(ctx.Err(), l.Close()); err != nil {
			return nil, err
		}
	}
}

func openFolders(files []string) (*Lock, error) {
	l := &Lock{}
	for _, file := range files {
		dir := filepath.Dir(file)
		if l.folder(dir) != nil {
			continue
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %q: %w", dir, cause(err)), l.Close())
		}
		f, err := newFolder(dir, root)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		if i := slices.IndexFunc(l.folders, func(o *folder) bool { return o.id == f.id }); i >= 0 {
			l.folders[i].paths = append(l.folders[i].paths, dir)
			if err := f.close(); err != nil {
				return nil, errors.Join(err, l.Close())
			}
			continue
		}
		l.folders = append(l.folders, f)
	}
	slices.SortFunc(l.folders, func(a, b *folder) int { return a.id.compare(b.id) })
	return l, nil
}

// newFolder takes ownership of root.
func newFolder(dir string, root *os.Root) (*folder, error) {
	fail := func(err error) error { return fmt.Errorf("lock %q: %w", dir, cause(err)) }
	file, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(fail(err), root.Close())
	}
	f := &folder{paths: []string{dir}, root: root, file: file}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fail(err), f.close())
	}
	f.id = identityOf(info)
	return f, nil
}

func (f *folder) close() error { return errors.Join(f.file.Close(), f.root.Close()) }

// take locks the folders one after the other.
func (l *Lock) take(ctx context.Context) error {
	for _, f := range l.folders {
		for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
			ok, err := tryLock(f.file)
			if err != nil {
				return fmt.Errorf("lock %q: %w", f.paths[0], err)
			}
			if ok {
				break
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
					return &BusyError{f.paths[0], holder(f.id)}
				}
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// current reports whether the paths still lead to what is locked.
func (l *Lock) current() bool {
	for _, f := range l.folders {
		mine, err := f.file.Stat()
		if err != nil {
			return false
		}
		for _, path := range f.paths {
			if now, err := os.Stat(path); err != nil || !os.SameFile(mine, now) {
				return errors.Is(err, fs.ErrNotExist) // it is gone, which every use of it will say
			}
		}
	}
	return true
}

// folder gives the open directory of a path, nil if it is not locked.
func (l *Lock) folder(dir string) *folder {
	for _, f := range l.folders {
		if slices.Contains(f.paths, dir) {
			return f
		}
	}
	return nil
}

// in gives the locked directory of a file, and its name there.
func (l *Lock) in(path string) (*folder, string, error) {
	f := l.folder(filepath.Dir(path))
	if f == nil {
		return nil, "", fmt.Errorf("write %q: its directory is not locked", path)
	}
	return f, filepath.Base(path), nil
}

// Read reads a regular file of a locked directory; nil if there is none. A symlink in its place is not followed.
func (l *Lock) Read(path string) ([]byte, error) {
	f, base, err := l.in(path)
	if err != nil {
		return nil, err
	}
	data, err := readIn(f.root, base, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Close frees the lock.
func (l *Lock) Close() error {
	var errs []error
	for _, f := range l.folders {
		errs = append(errs, f.close())
	}
	l.folders = nil
	return errors.Join(errs...)
}

// holder finds the process that has a directory locked in the kernel's list, proc_locks(5). 0 where
// there is none, or it lives where this process does not see it.
func holder(id identity) int {
	data, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		var n, kind, way, mode, at string
		var pid int
		if c, _ := fmt.Sscan(line, &n, &kind, &way, &mode, &pid, &at); c == 6 && kind == "FLOCK" && at == id.String() {
			return max(pid, 0)
		}
	}
	return 0
}
