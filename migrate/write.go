package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Write makes all changes or none: every file is written apart first and takes
// its place then; what has its place goes back if a later one cannot. Ignore files
// come first: from then on nothing with a value in it is seen by git. A file that
// is no longer what it was planned from is an error. Modes and owners stay.
func Write(changes []Change) (err error) {
	var w writing
	defer func() { err = w.end(err) }()
	var first, then []Change
	for i := range changes {
		removeLeftovers(filepath.Dir(changes[i].Path))
		if strings.HasSuffix(changes[i].Path, "ignore") {
			first = append(first, changes[i])
		} else {
			then = append(then, changes[i])
		}
	}
	if err := w.apply(first); err != nil {
		return err
	}
	return w.apply(then)
}

// writing is what a run has done so far.
type writing struct {
	done []Change
	made []string // directories
}

func (w *writing) apply(changes []Change) error {
	apart := make([]*apart, len(changes))
	defer func() {
		for _, a := range apart {
			a.remove()
		}
	}()
	for i := range changes {
		err := w.folder(&changes[i])
		if err == nil {
			apart[i], err = changes[i].apart(changes[i].New)
		}
		if err != nil {
			return err
		}
	}
	for i := range changes {
		if err := changes[i].unchanged(); err != nil {
			return err
		}
		if err := apart[i].replace(changes[i].Path); err != nil {
			return fmt.Errorf("write %q: %w", changes[i].Shown, err)
		}
		w.done = append(w.done, changes[i])
	}
	return nil
}

// folder makes the directory of a change. One that is there has to be a
// directory itself: git takes what a symlink leads to for other files.
func (w *writing) folder(c *Change) error {
	dir := filepath.Dir(c.Path)
	err := os.Mkdir(dir, 0o700)
	switch {
	case err == nil:
		w.made = append(w.made, dir)
		return nil
	case !errors.Is(err, os.ErrExist):
		return fmt.Errorf("write %q: %w", c.Shown, err)
	case !c.Private:
		return nil
	}
	if err := realFolder(dir); err != nil {
		return fmt.Errorf("write %q: %w", c.Shown, err)
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory needs x
		return fmt.Errorf("write %q: %w", c.Shown, err)
	}
	return nil
}

func realFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is no directory of its own; move it away")
	}
	return err
}

// end puts everything back after an error.
func (w *writing) end(err error) error {
	if err == nil {
		return nil
	}
	err = errors.Join(err, putBack(w.done))
	for i := len(w.made) - 1; i >= 0; i-- {
		_ = os.Remove(w.made[i]) // the error counts
	}
	return err
}

// unchanged makes sure that nobody wrote to the file meanwhile.
func (c *Change) unchanged() error {
	now, err := original(c.Path)
	if err != nil {
		return fmt.Errorf("read %q: %w", c.Shown, err)
	}
	if !bytes.Equal(now, c.Old) || (now == nil) != (c.Old == nil) {
		return fmt.Errorf("%q was changed by somebody else at the same time; run migrate again", c.Shown)
	}
	return nil
}

func putBack(changes []Change) error {
	var errs []error
	for i := len(changes) - 1; i >= 0; i-- { // ignore files last
		c := &changes[i]
		if c.Old == nil {
			errs = append(errs, os.Remove(c.Path))
			continue
		}
		a, err := c.apart(c.Old)
		if err == nil {
			err = a.replace(c.Path)
			a.remove()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// leftover starts the names that a file has before it takes its place.
const leftover = ".compose-secure.tmp-"

// removeLeftovers removes what a run that was killed has left: it may hold values.
func removeLeftovers(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // it is made, or writing to it fails
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), leftover) && e.Type().IsRegular() {
			_ = os.Remove(filepath.Join(dir, e.Name())) // who can write there could as well
		}
	}
}

// apart is a new file that has not taken its place.
type apart struct {
	file *os.File
	name string // "" while it has none, and is gone with this process
}

// apart writes data to a new file in the directory of the change.
func (c *Change) apart(data []byte) (a *apart, err error) {
	mode := c.Mode
	info, statErr := os.Lstat(c.Path)
	if statErr == nil {
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%q is not a regular file; name the file itself", c.Shown)
		}
		mode = info.Mode().Perm()
	}
	if a, err = newApart(filepath.Dir(c.Path)); err != nil {
		return nil, fmt.Errorf("write %q: %w", c.Shown, err)
	}
	_, err = a.file.Write(data)
	if statErr == nil {
		if s, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
			err = errors.Join(err, a.file.Chown(int(s.Uid), int(s.Gid)))
		}
	}
	if err = errors.Join(err, a.file.Chmod(mode), a.file.Sync()); err != nil {
		a.remove()
		return nil, fmt.Errorf("write %q: %w", c.Shown, err)
	}
	return a, nil
}

// replace has the file take its place.
func (a *apart) replace(path string) error {
	if err := a.link(filepath.Dir(path)); err != nil {
		return err
	}
	if err := a.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(a.name, path); err != nil {
		return err
	}
	a.name = ""
	return nil
}

// remove gives up a file that has not taken its place.
func (a *apart) remove() {
	if a == nil {
		return
	}
	_ = a.file.Close() // it is closed already when all went well
	if a.name != "" {
		_ = os.Remove(a.name) // the error that led here counts
	}
}
