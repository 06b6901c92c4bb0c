package tmpfs

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-secure/compose-secure/secret"
)

const (
	tempPrefix = ".tmp-"
	stateFile  = ".state.json"
	maxState   = 4 << 20
)

// TooLargeError is returned by Put for a value that is not under secret.MaxSize.
type TooLargeError struct{ File string }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("secret %q is not under %d bytes, the limit of a secret: mount it as a file instead", e.File, secret.MaxSize)
}

// OwnerError is returned by Put for an owner that is neither this user nor one of the
// user's subordinate ids, subuid(5): only root may give a file to it.
type OwnerError struct {
	File     string
	UID, GID int
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("secret %q cannot be given to %d:%d: run compose-secure as root, or install newuidmap and list a range with that id for this user in /etc/subuid and /etc/subgid", e.File, e.UID, e.GID)
}

var errNotLocked = errors.New("the project is not locked")

// Project is the directory of one Compose project. Its files are what
// containers mount; see Lock for who may write.
type Project struct {
	store *Store
	name  string
	root  *os.Root // open while locked
}

// Name returns the project's name.
func (p *Project) Name() string { return p.name }

// Dir returns the absolute path of the project's directory.
func (p *Project) Dir() string { return filepath.Join(p.store.dir, p.name) }

// Path returns the absolute path of a file, present or not.
func (p *Project) Path(file string) string { return filepath.Join(p.Dir(), file) }

// Put stores v under the flat name file, owned by uid and gid (-1: the current
// one) with mode. When content, owner and mode are already so, the file is left
// alone and changed is false: a running container keeps reading it. Anything
// else is replaced by rename; containers keep the old file until recreated.
//
// An empty directory in its place, which the engine makes when it starts a
// container whose file is missing, is removed. Errors: *TooLargeError,
// *OwnerError, and one line for a full or read-only RAM disk; none leaves a
// partial file. The project must be locked.
func (p *Project) Put(file string, v secret.Value, uid, gid int, mode fs.FileMode) (changed bool, err error) {
	if err := p.writable(file); err != nil {
		return false, err
	}
	if len(v.Reveal()) >= secret.MaxSize {
		return false, &TooLargeError{File: file}
	}
	if uid < 0 {
		uid = os.Geteuid()
	}
	if gid < 0 {
		gid = os.Getegid()
	}
	mode = mode.Perm()
	fi, err := p.root.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, p.store.explain("look at", p.Path(file), err)
	case fi.IsDir():
		if err := p.root.Remove(file); err != nil {
			return false, fmt.Errorf("%q is a directory that is not empty, where a secret belongs: remove it", p.Path(file))
		}
	default:
		old, err := p.read(p.root, file, secret.MaxSize)
		if err != nil {
			return false, err
		}
		if ownerIs(fi, uid, gid) && fi.Mode() == mode && secret.NewValue(old).Equal(v) {
			return false, nil
		}
	}
	if err := p.write(file, v.Reveal(), uid, gid, mode); err != nil {
		return false, err
	}
	return true, nil
}

// Get returns the content of a file, or false when there is none.
func (p *Project) Get(file string) (secret.Value, bool, error) {
	if !validFile(file) {
		return secret.Value{}, false, badName(file)
	}
	b, ok, err := p.load(file, secret.MaxSize)
	if err != nil || !ok {
		return secret.Value{}, false, err
	}
	return secret.NewValue(b), true, nil
}

// Owner returns the user and group of this machine that a file belongs to, as Put takes them:
// -1 for the current ones.
func (p *Project) Owner(file string) (uid, gid int, err error) {
	root, done, err := p.dir()
	if err != nil {
		return 0, 0, p.store.explain("open", p.Dir(), err)
	}
	defer done()
	fi, err := root.Lstat(file)
	if err != nil {
		return 0, 0, p.store.explain("look at", p.Path(file), err)
	}
	uid, gid = ownerOf(fi)
	if uid == os.Geteuid() {
		uid = -1
	}
	if gid == os.Getegid() {
		gid = -1
	}
	return uid, gid, nil
}

// List returns the names of the secret files, sorted. A project without a
// directory has none.
func (p *Project) List() ([]string, error) {
	root, done, err := p.dir()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, p.store.explain("open", p.Dir(), err)
	}
	defer done()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, p.store.explain("list", p.Dir(), err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Remove removes files; one that is not there is no error. The project must be
// locked. Nothing is overwritten first: a tmpfs page is freed, not kept, and an
// overwrite would reach the containers that still have the file mounted.
func (p *Project) Remove(files ...string) error {
	for _, file := range files {
		if err := p.writable(file); err != nil {
			return err
		}
		if err := p.root.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return p.store.explain("remove", p.Path(file), err)
		}
	}
	return nil
}

// RemoveAll removes every file of the project and its state. The directory goes
// when the lock is released. The project must be locked.
func (p *Project) RemoveAll() error {
	return p.removeIf(func(name string) bool { return name != lockFile && name != usersFile })
}

func (p *Project) removeIf(match func(name string) bool) error {
	if p.root == nil {
		return errNotLocked
	}
	entries, err := fs.ReadDir(p.root.FS(), ".")
	if err != nil {
		return p.store.explain("list", p.Dir(), err)
	}
	var errs []error
	for _, e := range entries {
		if match(e.Name()) {
			if err := p.root.RemoveAll(e.Name()); err != nil {
				errs = append(errs, p.store.explain("remove", p.Path(e.Name()), err))
			}
		}
	}
	return errors.Join(errs...)
}

// WriteState replaces the project's state, which is JSON of the caller's own
// making: versions and names, never a value or a hash of one. The project must
// be locked.
func (p *Project) WriteState(b []byte) error {
	if p.root == nil {
		return errNotLocked
	}
	return p.write(stateFile, b, os.Geteuid(), os.Getegid(), 0o600)
}

// ReadState returns what WriteState wrote, or false when there is nothing.
func (p *Project) ReadState() ([]byte, bool, error) {
	return p.load(stateFile, maxState)
}

// writable checks what every change of a secret file needs.
func (p *Project) writable(file string) error {
	if p.root == nil {
		return errNotLocked
	}
	if !validFile(file) {
		return badName(file)
	}
	return nil
}

func badName(file string) error {
	return fmt.Errorf("secret file name %q may hold only letters, digits and _ . @ -, and starts with a letter, a digit or _", file)
}

// dir returns the project's directory, which done gives back.
func (p *Project) dir() (root *os.Root, done func(), err error) {
	if p.root != nil {
		return p.root, func() {}, nil
	}
	root, err = openDir(p.store.root, p.name, p.Dir())
	if err != nil {
		return nil, nil, err
	}
	return root, func() { _ = root.Close() }, nil
}

func (p *Project) load(name string, limit int) ([]byte, bool, error) {
	root, done, err := p.dir()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, p.store.explain("open", p.Dir(), err)
	}
	defer done()
	b, err := p.read(root, name, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return b, err == nil, err
}

// read returns the content of a regular file; a symlink or anything else that
// was planted is refused.
func (p *Project) read(root *os.Root, name string, limit int) ([]byte, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, p.store.explain("look at", p.Path(name), err)
	}
	if !before.Mode().IsRegular() {
		return nil, p.planted(name, before)
	}
	f, err := root.Open(name)
	given := errors.Is(err, fs.ErrPermission)
	if given {
		f, err = openGiven(root, name)
	}
	if err != nil {
		return nil, p.store.explain("open", p.Path(name), err)
	}
	defer f.Close()
	after, err := f.Stat()
	if err != nil {
		return nil, p.store.explain("look at", p.Path(name), err)
	}
	if !os.SameFile(before, after) {
		return nil, fmt.Errorf("%q was replaced while it was read", p.Path(name))
	}
	var b []byte
	if given {
		b, err = p.store.readGiven(f, limit)
	} else {
		b, err = io.ReadAll(io.LimitReader(f, int64(limit)+1))
	}
	if err != nil {
		return nil, p.store.explain("read", p.Path(name), err)
	}
	if len(b) > limit {
		return nil, fmt.Errorf("%q is larger than anything compose-secure writes: remove it", p.Path(name))
	}
	return b, nil
}

func (p *Project) planted(name string, fi fs.FileInfo) error {
	if fi.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%q is a symlink and is not followed: remove it", p.Path(name))
	}
	return fmt.Errorf("%q is not a regular file: remove it", p.Path(name))
}

// write puts b under a new name and renames it over name, so that a reader
// sees the old file or the new one. There is no fsync: RAM has no crash to
// survive.
func (p *Project) write(name string, b []byte, uid, gid int, mode fs.FileMode) error {
	temp := tempPrefix + rand.Text()
	f, err := p.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return p.store.explain("write", p.Path(name), err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(mode) // while the file is ours
	}
	if err == nil && (uid != os.Geteuid() || gid != os.Getegid()) {
		if err = f.Chown(uid, gid); errors.Is(err, fs.ErrPermission) && p.store.give(f, uid, gid) == nil {
			err = nil
		} else if errors.Is(err, fs.ErrPermission) {
			err = &OwnerError{File: name, UID: uid, GID: gid}
		}
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = p.root.Rename(temp, name)
	}
	if err == nil {
		return nil
	}
	_ = p.root.Remove(temp) // the first error is the one to tell
	return p.store.explain("write", p.Path(name), err)
}
