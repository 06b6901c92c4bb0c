package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Write makes all changes or none: every file is written beside its place
// first and renamed then; what was renamed goes back if a later one cannot. A
// file that is no longer what it was planned from is an error. Modes and
// owners stay.
func Write(changes []Change) (err error) {
	temps := make([]string, len(changes))
	var made []string
	defer func() {
		for _, t := range temps {
			if t != "" {
				_ = os.Remove(t) // renamed already when all went well
			}
		}
		if err != nil {
			for i := len(made) - 1; i >= 0; i-- {
				_ = os.Remove(made[i]) // the error counts
			}
		}
	}()
	for i := range changes {
		dir := filepath.Dir(changes[i].Path)
		if err := os.Mkdir(dir, 0o700); err == nil {
			made = append(made, dir)
		} else if !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("write %q: %w", changes[i].Shown, err)
		}
		if temps[i], err = changes[i].beside(changes[i].New); err != nil {
			return err
		}
	}
	for i := range changes {
		if err := changes[i].unchanged(); err != nil {
			return errors.Join(err, putBack(changes[:i]))
		}
		if err := os.Rename(temps[i], changes[i].Path); err != nil {
			return errors.Join(fmt.Errorf("write %q: %w", changes[i].Shown, err), putBack(changes[:i]))
		}
	}
	return nil
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
	for i := range changes {
		c := &changes[i]
		if c.Old == nil {
			errs = append(errs, os.Remove(c.Path))
			continue
		}
		temp, err := c.beside(c.Old)
		if err == nil {
			err = os.Rename(temp, c.Path)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// beside writes data to a new file in the directory of the change.
func (c *Change) beside(data []byte) (name string, err error) {
	mode := c.Mode
	info, statErr := os.Lstat(c.Path)
	if statErr == nil {
		if !info.Mode().IsRegular() {
			return "", fmt.Errorf("%q is not a regular file; name the file itself", c.Shown)
		}
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(c.Path), ".compose-secure-*")
	if err != nil {
		return "", fmt.Errorf("write %q: %w", c.Shown, err)
	}
	_, err = f.Write(data)
	if statErr == nil {
		if s, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
			err = errors.Join(err, f.Chown(int(s.Uid), int(s.Gid)))
		}
	}
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		_ = os.Remove(f.Name()) // the error counts
		return "", fmt.Errorf("write %q: %w", c.Shown, err)
	}
	return f.Name(), nil
}
