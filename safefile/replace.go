package safefile

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Change is a file before and after.
type Change struct {
	Path string
	Name string      // in errors; Path if empty
	Old  []byte      // what it is made from; nil for a file that must not exist yet
	New  []byte      //
	Mode fs.FileMode // of a new file; one that exists keeps owner and mode
}

func (c *Change) name() string { return cmp.Or(c.Name, c.Path) }

func (c *Change) fail(err error) error { return fmt.Errorf("write %q: %w", c.name(), cause(err)) }

// ChangedError says that a file is not what a change was made from. It was left as it is.
type ChangedError struct{ Name string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%q was changed by somebody else at the same time; nothing of it was overwritten, run the command again", e.Name)
}

// Replace makes all changes or none: every file is written apart first, then each takes its place, in order. A
// file that is no longer Old is a *ChangedError. undo puts back what was there before, where it
// still is what this made of it; it needs the lock too.
func (l *Lock) Replace(changes ...Change) (undo func() error, err error) {
	var staged, done []*stage
	defer func() {
		for _, s := range staged {
			s.discard()
		}
	}()
	for i := range changes {
		s, err := l.stage(changes[i])
		if err != nil {
			return nil, err
		}
		staged = append(staged, s)
	}
	for _, s := range staged {
		if err := s.commit(); err != nil {
			return nil, errors.Join(err, l.putBack(done))
		}
		done = append(done, s)
	}
	return func() error { return l.putBack(done) }, nil
}

// leftover starts the names that a file has before it takes its place.
const leftover = ".compose-secure.tmp-"

// removeLeftovers removes what a process that was killed has left: it may hold values. Who has the
// lock knows that nobody needs it.
func (f *folder) removeLeftovers() {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return // writing will fail and say so, or it does not matter
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), leftover) && e.Type().IsRegular() {
			_ = f.root.Remove(e.Name()) // who can write there could as well
		}
	}
}

// stage is a new file that has not taken its place.
type stage struct {
	Change
	folder *folder
	base   string
	was    fs.FileInfo // of the file that it replaces, nil for none
	file   *os.File
	temp   string // "" while it has no name, and is gone with this process
}

func (l *Lock) stage(c Change) (*stage, error) {
	f, base, err := l.in(c.Path)
	if err != nil {
		return nil, err
	}
	f.removeLeftovers()
	s := &stage{Change: c, folder: f, base: base}
	info, err := f.root.Lstat(base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, c.fail(err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%q is not a regular file; name the file itself", c.name())
	default:
		s.was = info
	}
	return s, s.write(c.New)
}

// write makes the new file, with the owner and mode that it will have.
func (s *stage) write(data []byte) error {
	var err error
	if s.file, s.temp, err = s.folder.newFile(); err != nil {
		return s.fail(err)
	}
	mode := s.Mode
	_, err = s.file.Write(data)
	if s.was != nil {
		mode = s.was.Mode().Perm()
		err = errors.Join(err, keepOwner(s.file, s.was))
	}
	if err = errors.Join(err, s.file.Chmod(mode), s.file.Sync()); err != nil {
		s.discard()
		return s.fail(err)
	}
	return nil
}

// commit has the file take its place, if that is what it was.
func (s *stage) commit() error {
	now, err := readIn(s.folder.root, s.base, s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		now = nil
	case err != nil:
		return s.fail(err)
	}
	if !bytes.Equal(now, s.Old) || (now == nil) != (s.Old == nil) {
		return &ChangedError{s.name()}
	}
	err = s.folder.place(s, now == nil)
	if errors.Is(err, fs.ErrExist) {
		return &ChangedError{s.name()}
	}
	if err != nil {
		return s.fail(err)
	}
	_ = s.folder.file.Sync() // the file is in its place; some filesystems cannot write a directory out
	return nil
}

// move gives the file its name by rename, or, where nothing may be replaced, by a link.
func (f *folder) move(s *stage, fresh bool) error {
	if fresh {
		if err := f.root.Link(s.temp, s.base); err == nil || errors.Is(err, fs.ErrExist) {
			return err // discard removes the other name
		}
		// A filesystem without links: the lock and the comparison have to be enough.
	}
	if err := f.root.Rename(s.temp, s.base); err != nil {
		return err
	}
	s.temp = ""
	return nil
}

// discard gives up what has not taken its place.
func (s *stage) discard() {
	if s.file != nil {
		_ = s.file.Close() // Sync told what went wrong
		s.file = nil
	}
	if s.temp != "" {
		_ = s.folder.root.Remove(s.temp) // the error that led here counts
		s.temp = ""
	}
}

// putBack undoes what has taken its place, last first.
func (l *Lock) putBack(done []*stage) error {
	var errs []error
	for _, s := range slices.Backward(done) {
		errs = append(errs, l.putOneBack(s))
	}
	return errors.Join(errs...)
}

func (l *Lock) putOneBack(s *stage) error {
	if s.Old != nil {
		back := &stage{Change: s.Change, folder: s.folder, base: s.base, was: s.was}
		back.Old, back.New = s.New, s.Old
		defer back.discard()
		if err := back.write(s.Old); err != nil {
			return err
		}
		return back.commit()
	}
	now, err := readIn(s.folder.root, s.base, s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return s.fail(err)
	case !bytes.Equal(now, s.New):
		return &ChangedError{s.name()}
	}
	if err := s.folder.root.Remove(s.base); err != nil {
		return s.fail(err)
	}
	return nil
}

// newNamed makes a file with a name of its own.
func (f *folder) newNamed() (*os.File, string, error) {
	name := leftover + rand.Text()
	file, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	return file, name, err
}
