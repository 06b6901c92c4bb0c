package safefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxSize is the most that is read of one file, in bytes: many secrets of the largest size, and
// far from exhausting memory.
const MaxSize = 16 << 20

var (
	// ErrNotRegular is about a pipe, a device or a directory, which may have no end, or nobody at its other one.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge is about a file over the limit.
	ErrTooLarge = errors.New("too large")
	// ErrLink is about a symlink where none is followed.
	ErrLink = errors.New("a symlink is not followed here")
)

// TooLargeError is ErrTooLarge with the limit in bytes.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string { return fmt.Sprintf("larger than %d bytes", e.Limit) }

// Is makes errors.Is find ErrTooLarge.
func (e *TooLargeError) Is(target error) bool { return target == ErrTooLarge }

// Read reads a regular file of at most MaxSize bytes. Symlinks are followed. The error is a
// *fs.PathError; of a file that is refused it wraps ErrNotRegular or ErrTooLarge.
func Read(path string) ([]byte, error) { return ReadLimit(path, MaxSize) }

// ReadLimit is Read with another limit, in bytes.
func ReadLimit(path string, limit int64) ([]byte, error) {
	// Not blocking, so that a pipe without a writer does not hang.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return readOpen(file, path, limit, false)
}

// ReadGiven reads a file that the user named, which may be a pipe or a device, but no directory.
func ReadGiven(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return readOpen(file, path, limit, true)
}

// ReadAll reads a stream of at most limit bytes. More is a *TooLargeError.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &TooLargeError{limit}
	}
	return data, nil
}

// readOpen reads and closes file.
func readOpen(file *os.File, path string, limit int64, any bool) (_ []byte, err error) {
	defer func() { err = errors.Join(err, file.Close()) }()
	refuse := func(why error) error { return &fs.PathError{Op: "read", Path: path, Err: why} }
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir(), !any && !info.Mode().IsRegular():
		return nil, refuse(ErrNotRegular)
	case info.Size() > limit:
		return nil, refuse(&TooLargeError{limit})
	}
	data, err := ReadAll(file, limit) // it may grow
	if errors.Is(err, ErrTooLarge) {
		err = refuse(err)
	}
	return data, err
}

// ReadBelow reads the regular file name below the directory dir. Nothing outside is read: name is
// local, and no part of it is a symlink.
func ReadBelow(dir, name string) ([]byte, error) {
	folder, base, err := openBelow(dir, name)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return readIn(folder, base, filepath.Join(dir, name))
}

// readIn reads the regular file base, which is no symlink, of an open directory.
func readIn(folder *os.Root, base, path string) ([]byte, error) {
	refuse := func(why error) error { return &fs.PathError{Op: "read", Path: path, Err: why} }
	before, err := folder.Lstat(base)
	switch {
	case err != nil:
		return nil, refuse(cause(err))
	case before.Mode()&fs.ModeSymlink != 0:
		return nil, refuse(ErrLink)
	case !before.Mode().IsRegular():
		return nil, refuse(ErrNotRegular)
	}
	file, err := folder.OpenFile(base, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, refuse(cause(err))
	}
	if now, err := file.Stat(); err != nil || !os.SameFile(before, now) {
		return nil, errors.Join(refuse(errors.New("it was replaced while it was opened")), file.Close())
	}
	return readOpen(file, path, MaxSize, false)
}

// openBelow opens the directory of name, which lies below dir, without following a symlink in name.
func openBelow(dir, name string) (folder *os.Root, base string, err error) {
	refuse := func(why error) error {
		return &fs.PathError{Op: "open", Path: filepath.Join(dir, name), Err: why}
	}
	if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
		return nil, "", &fs.PathError{Op: "open", Path: name, Err: errors.New("it does not lie below " + dir)}
	}
	if folder, err = os.OpenRoot(dir); err != nil {
		return nil, "", err
	}
	parts := strings.Split(filepath.Clean(name), string(filepath.Separator))
	for _, part := range parts[:len(parts)-1] {
		next, err := enter(folder, part)
		if err = errors.Join(err, folder.Close()); err != nil {
			return nil, "", refuse(cause(err))
		}
		folder = next
	}
	return folder, parts[len(parts)-1], nil
}

// enter opens a directory of folder that is no symlink.
func enter(folder *os.Root, name string) (*os.Root, error) {
	before, err := folder.Lstat(name)
	if err != nil {
		return nil, cause(err)
	}
	if before.Mode()&fs.ModeSymlink != 0 {
		return nil, ErrLink
	}
	next, err := folder.OpenRoot(name)
	if err != nil {
		return nil, cause(err)
	}
	if now, err := next.Stat("."); err != nil || !os.SameFile(before, now) {
		return nil, errors.Join(ErrLink, next.Close())
	}
	return next, nil
}

// cause takes operation and path off err, which the caller names itself.
func cause(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	if l := (*os.LinkError)(nil); errors.As(err, &l) {
		return l.Err
	}
	return err
}
