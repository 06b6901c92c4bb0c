package lint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/safefile"
)

// BaselineFile is where a baseline is kept.
type BaselineFile struct {
	Dir, Name string
	// Config is the configuration that names it, "" for a flag. What a configuration names, its
	// author chose: it is a file below dir, to which no symlink leads.
	Config string
}

func (b BaselineFile) path() string {
	if filepath.IsAbs(b.Name) {
		return b.Name
	}
	return filepath.Join(b.Dir, b.Name)
}

// Read returns the baseline.
func (b BaselineFile) Read() ([]byte, error) {
	if b.Config != "" {
		data, err := safefile.ReadBelow(b.Dir, b.Name)
		return data, b.explain(err)
	}
	data, err := safefile.Read(b.path())
	return data, b.explain(err)
}

func (b BaselineFile) lock(ctx context.Context) (*safefile.Lock, error) {
	if b.Config != "" {
		if slices.Contains(strings.Split(filepath.ToSlash(filepath.Clean(b.Name)), "/"), ".git") {
			return nil, errOfGit
		}
		return safefile.AcquireBelow(ctx, b.Dir, filepath.Clean(b.Name))
	}
	return safefile.Acquire(ctx, b.path())
}

// errOfGit refuses a file of git's own: its configuration names programs.
var errOfGit = errors.New("the baseline lies in a directory of git; name another file")

func (b BaselineFile) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the baseline: %w; write it with --update-baseline", err)
	case b.Config != "":
		return fmt.Errorf("%s: baseline: %w; name a file below this directory, or use --baseline", b.Config, err)
	}
	return fmt.Errorf("read the baseline: %w; name another file", err)
}

// Replaceable returns the baseline that is there, nil for none; what else is in its place is an error.
func (b BaselineFile) Replaceable() ([]byte, error) {
	old, err := b.Read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if _, err := ParseBaseline(old); err != nil {
		return nil, fmt.Errorf("%q holds something else than a baseline and is not replaced; name another file, or remove it", b.Name)
	}
	return old, nil
}

// Replace writes the baseline, unless another command wrote a different one since old was read.
func (b BaselineFile) Replace(ctx context.Context, old, data []byte) (err error) {
	lock, err := b.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	now, err := lock.Read(b.path())
	if err != nil || bytes.Equal(now, data) {
		return err
	}
	_, err = lock.Replace(safefile.Change{Path: b.path(), Name: b.Name, Old: old, New: data, Mode: 0o644})
	return err
}
