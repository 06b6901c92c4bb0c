package sops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"

	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/secret"
)

// Write stores values, by Ref.ID(), in the encrypted files that refs name: all or
// none. Keys, comments and the ciphertext of every other value stay as they are, also when another process
// writes to the same file: one waits for the other, see [safefile.Acquire]. restore puts the old values back, unless somebody
// else changed them since; what else was written to the file meanwhile stays.
//
// A value that is not encrypted in its file is refused, for it would stand
// there in the clear; so is one that the format cannot hold.
func (s *Source) Write(ctx context.Context, values map[string]secret.Value, refs []secret.Ref) (restore func() error, err error) {
	files, err := s.writtenFiles(refs)
	if err != nil {
		return nil, err
	}
	lock, err := lockFiles(ctx, files)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	var changes []safefile.Change
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if f.before, err = f.read(lock); err != nil {
			return nil, err
		}
		if f.after, err = rewrite(f.path, f.before, f.refs, values); err != nil {
			return nil, err
		}
		changes = append(changes, f.change(f.before, f.after))
	}
	if _, err := lock.Replace(changes...); err != nil {
		return nil, err
	}
	return func() error { return putBack(context.WithoutCancel(ctx), files, values) }, nil
}

// writtenFile is one encrypted file before and after.
type writtenFile struct {
	path, abs     string // as it was named; without symlinks
	refs          []secret.Ref
	before, after []byte
}

// writtenFiles groups refs by their file, in the order of refs.
func (s *Source) writtenFiles(refs []secret.Ref) ([]*writtenFile, error) {
	var files []*writtenFile
	for _, ref := range refs {
		if len(ref.Params) > 0 {
			return nil, errors.New("ref+sops takes no parameters; remove what follows the ?")
		}
		abs := ref.Path
		if !filepath.IsAbs(abs) {
			abs = filepath.Join(s.cache.base, ref.Path)
		}
		abs, err := filepath.EvalSymlinks(abs)
		if err != nil {
			return nil, fmt.Errorf("open %q: %w", ref.Path, cause(err))
		}
		i := slices.IndexFunc(files, func(f *writtenFile) bool { return f.abs == abs })
		if i < 0 {
			i = len(files)
			files = append(files, &writtenFile{path: ref.Path, abs: abs})
		}
		files[i].refs = append(files[i].refs, ref)
	}
	return files, nil
}

func lockFiles(ctx context.Context, files []*writtenFile) (*safefile.Lock, error) {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.abs
	}
	return safefile.Acquire(ctx, paths...)
}

func (f *writtenFile) read(lock *safefile.Lock) ([]byte, error) {
	data, err := lock.Read(f.abs)
	if err == nil && data == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", f.path, cause(err))
	}
	return data, nil
}

func (f *writtenFile) change(from, to []byte) safefile.Change {
	return safefile.Change{Path: f.abs, Name: f.path, Old: from, New: to}
}

// putBack gives the values in files that still are what was written their old ones.
func putBack(ctx context.Context, files []*writtenFile, written map[string]secret.Value) (err error) {
	lock, err := lockFiles(ctx, files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	var errs []error
	for _, f := range slices.Backward(files) {
		errs = append(errs, f.putBack(lock, written))
	}
	return errors.Join(errs...)
}

func (f *writtenFile) putBack(lock *safefile.Lock, written map[string]secret.Value) error {
	now, err := f.read(lock)
	if err != nil {
		return err
	}
	if bytes.Equal(now, f.after) {
		_, err := lock.Replace(f.change(now, f.before))
		return err
	}
	// Somebody else wrote to the file since: what is still ours in it goes back.
	old, err := f.values(f.before)
	if err != nil {
		return fmt.Errorf("put the old values back: %w", err)
	}
	have, err := f.values(now)
	if err != nil {
		return fmt.Errorf("put the old values back: %w", err)
	}
	var ours []secret.Ref
	var errs []error
	for _, ref := range f.refs {
		if have[ref.ID()].Equal(written[ref.ID()]) {
			ours = append(ours, ref)
		} else {
			errs = append(errs, fmt.Errorf("%s was changed by another command at the same time and was left as it is", ref))
		}
	}
	if len(ours) > 0 {
		after, err := rewrite(f.path, now, ours, old)
		if err == nil {
			_, err = lock.Replace(f.change(now, after))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// values are those that refs have in data.
func (f *writtenFile) values(data []byte) (map[string]secret.Value, error) {
	file, err := Inspect(f.path, data)
	if err != nil {
		return nil, err
	}
	if file == nil {
		return nil, fmt.Errorf("%q: %w", f.path, ErrNotSOPS)
	}
	plain, err := file.Decrypt(context.Background())
	if err != nil {
		return nil, err
	}
	values := map[string]secret.Value{}
	for _, ref := range f.refs {
		if values[ref.ID()], err = plain.valueOf(ref); err != nil {
			return nil, fmt.Errorf("%q: %w", f.path, err)
		}
	}
	return values, nil
}

// valueOf is the value that a reference means, the whole file without a key.
func (p *Plain) valueOf(ref secret.Ref) (secret.Value, error) {
	if len(ref.Key) == 0 {
		return p.Whole()
	}
	return p.find(ref.Key)
}

// rewrite returns data with the values in it, encrypted with the file's own
// data key.
func rewrite(path string, data []byte, refs []secret.Ref, values map[string]secret.Value) (out []byte, err error) {
	f, err := Inspect(path, data)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, fmt.Errorf("%q: %w", path, ErrNotSOPS)
	}
	// The library panics on some malformed input; the panic may hold content.
	defer func() {
		if recover() != nil {
			out, err = nil, damaged(path, "it cannot be written")
		}
	}()
	key, err := f.dataKey()
	if err != nil {
		return nil, err
	}
	cipher := aes.NewCipher() // remembers what each ciphertext held, so that the others stay
	if err := f.verify(key, cipher); err != nil {
		return nil, err
	}
	tree := *f.tree
	for _, ref := range refs {
		if err := f.put(tree, ref, values[ref.ID()]); err != nil {
			return nil, fmt.Errorf("%q: %w", path, err)
		}
	}
	// Causes are dropped from here on: they may hold values.
	mac, err := tree.Encrypt(key, cipher)
	if err != nil {
		return nil, damaged(path, "its values cannot be encrypted")
	}
	tree.Metadata.LastModified = time.Now().UTC()
	if tree.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, key, tree.Metadata.LastModified.Format(time.RFC3339)); err != nil {
		return nil, damaged(path, "its MAC cannot be encrypted")
	}
	if out, err = f.format.store(storesConfig(path)).EmitEncryptedFile(*tree); err != nil {
		return nil, damaged(path, "its encrypted form cannot be written as "+string(f.format))
	}
	return out, check(path, out, refs, values)
}

// check reads the new content as everybody will.
func check(path string, data []byte, refs []secret.Ref, values map[string]secret.Value) error {
	f, err := Inspect(path, data)
	if err != nil {
		return err
	}
	if f == nil {
		return damaged(path, "its new content is no SOPS file")
	}
	plain, err := f.Decrypt(context.Background())
	if err != nil {
		return err
	}
	for _, ref := range refs {
		got, err := plain.valueOf(ref)
		if err != nil || !got.Equal(values[ref.ID()]) {
			return fmt.Errorf("%q: a %s file cannot hold the new value byte for byte: use another alphabet, or another format", path, f.format)
		}
	}
	return nil
}

// put sets one value in the decrypted tree.
func (f *File) put(tree *sops.Tree, ref secret.Ref, v secret.Value) error {
	text := string(v.Reveal())
	if f.Whole() {
		if len(ref.Key) > 0 {
			return errors.New("the file is binary and has no keys; leave out #/KEY")
		}
		tree.Branches[0][0].Value = text
		return nil
	}
	if len(ref.Key) == 0 {
		return errors.New("the secret is the whole file, of which only values can be replaced: edit it with sops edit")
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("a %s file cannot hold the new value, which is not UTF-8", f.format)
	}
	encrypted := slices.ContainsFunc(f.entries, func(e Entry) bool { return e.Encrypted && slices.Equal(e.Key, ref.Key) })
	if !encrypted {
		return fmt.Errorf("the value of %s is not encrypted there, so a new one would stand in the clear", ref)
	}
	if !f.set(tree.Branches[0], ref.Key, text) {
		return fmt.Errorf("it has no value at %s", ref)
	}
	return nil
}

// set replaces the leaf at key.
func (f *File) set(at any, key []string, text string) bool {
	switch at := at.(type) {
	case sops.TreeBranch:
		for i := range at {
			name, ok := at[i].Key.(string)
			if ok && f.format == Dotenv {
				name = dotenvKey(name)
			}
			if !ok || name != key[0] {
				continue
			}
			if len(key) > 1 {
				return f.set(at[i].Value, key[1:], text)
			}
			at[i].Value = text
			return true
		}
	case []any:
		want, err := strconv.Atoi(key[0])
		if err != nil {
			return false
		}
		for i := range at {
			if isComment(at[i]) {
				continue
			}
			if want == 0 {
				if len(key) > 1 {
					return f.set(at[i], key[1:], text)
				}
				at[i] = text
				return true
			}
			want--
		}
	}
	return false
}
