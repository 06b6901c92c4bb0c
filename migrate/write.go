package migrate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/safefile"
)

// Write makes all changes or none: every file is written apart first and takes
// its place then; what has its place goes back if a later one cannot. Ignore files
// come first: from then on nothing with a value in it is seen by git. A file that
// is no longer what it was planned from is an error. Modes and owners stay. Two that write to the same
// directories at once take turns, see [safefile.Acquire].
func Write(ctx context.Context, changes []Change) (err error) {
	w := writing{}
	defer func() { err = w.end(err) }()
	paths := make([]string, len(changes))
	for i := range changes {
		paths[i] = changes[i].Path
		if err := w.folder(&changes[i]); err != nil {
			return err
		}
	}
	if w.lock, err = safefile.Acquire(ctx, paths...); err != nil {
		return err
	}
	var first, then []safefile.Change
	for i := range changes {
		c := &changes[i]
		if err := c.keepPrivate(); err != nil {
			return err
		}
		change := safefile.Change{Path: c.Path, Name: c.Shown, Old: c.Old, New: c.New, Mode: c.Mode}
		if strings.HasSuffix(c.Path, "ignore") {
			first = append(first, change)
		} else {
			then = append(then, change)
		}
	}
	for _, list := range [][]safefile.Change{first, then} {
		undo, err := w.lock.Replace(list...)
		if err != nil {
			return err
		}
		w.undo = append(w.undo, undo)
	}
	return nil
}

// writing is what a run has done so far.
type writing struct {
	made []string // directories
	lock *safefile.Lock
	undo []func() error
}

// folder makes the directory of a change.
func (w *writing) folder(c *Change) error {
	dir := filepath.Dir(c.Path)
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		w.made = append(w.made, dir)
		return nil
	}
	if !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("write %q: %w", c.Shown, err)
	}
	return nil
}

// keepPrivate has a directory of values be for its owner alone. It has to be a
// directory itself: git takes what a symlink leads to for other files.
func (c *Change) keepPrivate() error {
	if !c.Private {
		return nil
	}
	dir := filepath.Dir(c.Path)
	err := realFolder(dir)
	if err == nil {
		err = os.Chmod(dir, 0o700) //nolint:gosec // a directory needs x
	}
	if err != nil {
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

// end frees the lock, after it has put everything back if there was an error.
func (w *writing) end(err error) error {
	errs := []error{err}
	if err != nil {
		for _, undo := range slices.Backward(w.undo) {
			errs = append(errs, undo())
		}
		for _, dir := range slices.Backward(w.made) {
			_ = os.Remove(dir) // the error counts; it is not empty when somebody else uses it
		}
	}
	if w.lock != nil {
		errs = append(errs, w.lock.Close())
	}
	return errors.Join(errs...)
}
