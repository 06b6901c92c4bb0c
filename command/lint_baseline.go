package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/safefile"
)

// baselineFile is where a baseline is kept.
type baselineFile struct {
	dir, name string
	// config is the configuration that names it, "" for a flag. What a configuration names, its
	// author chose: it is a file below dir, to which no symlink leads.
	config string
}

func (b baselineFile) path() string { return under(b.dir, b.name) }

func (b baselineFile) read() ([]byte, error) {
	if b.config != "" {
		data, err := safefile.ReadBelow(b.dir, b.name)
		return data, b.explain(err)
	}
	data, err := safefile.Read(b.path())
	return data, b.explain(err)
}

func (b baselineFile) lock(ctx context.Context) (*safefile.Lock, error) {
	if b.config != "" {
		if slices.Contains(strings.Split(filepath.ToSlash(filepath.Clean(b.name)), "/"), ".git") {
			return nil, errOfGit
		}
		return safefile.AcquireBelow(ctx, b.dir, filepath.Clean(b.name))
	}
	return safefile.Acquire(ctx, b.path())
}

// errOfGit refuses a file of git's own: its configuration names programs.
var errOfGit = errors.New("the baseline lies in a directory of git; name another file")

func (b baselineFile) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the baseline: %w; write it with --update-baseline", err)
	case b.config != "":
		return fmt.Errorf("%s: baseline: %w; name a file below this directory, or use --baseline", b.config, err)
	}
	return fmt.Errorf("read the baseline: %w; name another file", err)
}

// updateBaseline writes the findings of a run. Only a baseline is replaced, and only by a
// run that began after it was written.
func updateBaseline(ctx context.Context, s *session, o *lintOptions, lo lint.Options, paths []string) error {
	if o.known.name == "" {
		return usagef("--update-baseline needs --baseline FILE")
	}
	old, err := o.known.replaceable()
	if err != nil {
		return err
	}
	report, err := deliver.Await(ctx, func() (*lint.Report, error) { return lint.Run(ctx, lo, paths) })
	if err != nil {
		return err
	}
	if report.NothingChecked != "" {
		return errors.New(report.NothingChecked)
	}
	var b bytes.Buffer
	if err := lint.NewBaseline(report.Findings).Write(&b); err != nil {
		return err
	}
	if err := o.known.replace(ctx, old, b.Bytes()); err != nil {
		return fmt.Errorf("write the baseline: %w", err)
	}
	if _, err := fmt.Fprintf(s.Stderr, "%s holds %d findings\n", o.known.name, report.Summary.Findings); err != nil {
		return err
	}
	return s.complete(report)
}

// replaceable returns the baseline that is there, nil for none; what else is in its place is an error.
func (b baselineFile) replaceable() ([]byte, error) {
	old, err := b.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if _, err := lint.ParseBaseline(old); err != nil {
		return nil, fmt.Errorf("%q holds something else than a baseline and is not replaced; name another file, or remove it", b.name)
	}
	return old, nil
}

// replace writes the baseline, unless another command wrote a different one since old was read.
func (b baselineFile) replace(ctx context.Context, old, data []byte) (err error) {
	lock, err := b.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	now, err := lock.Read(b.path())
	if err != nil || bytes.Equal(now, data) {
		return err
	}
	_, err = lock.Replace(safefile.Change{Path: b.path(), Name: b.name, Old: old, New: data, Mode: 0o644})
	return err
}
