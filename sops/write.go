package sops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"

	"github.com/compose-secure/compose-secure/secret"
)

// Write stores values, by Ref.ID(), in the encrypted files that refs name: all or
// none. Keys, comments and the ciphertext of every other value stay as they are. restore puts
// the files back as they were, unless somebody else changed them since.
//
// A value that is not encrypted in its file is refused, for it would stand
// there in the clear; so is one that the format cannot hold.
func (s *Source) Write(ctx context.Context, values map[string]secret.Value, refs []secret.Ref) (restore func() error, err error) {
	byFile := map[string][]secret.Ref{}
	var paths []string
	for _, ref := range refs {
		if len(ref.Params) > 0 {
			return nil, errors.New("ref+sops takes no parameters; remove what follows the ?")
		}
		if _, ok := byFile[ref.Path]; !ok {
			paths = append(paths, ref.Path)
		}
		byFile[ref.Path] = append(byFile[ref.Path], ref)
	}
	var changes []fileChange
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		abs := path
		if !filepath.IsAbs(abs) {
			abs = filepath.Join(s.cache.base, path)
		}
		if abs, err = filepath.EvalSymlinks(abs); err != nil {
			return nil, fmt.Errorf("open %q: %w", path, cause(err))
		}
		c := fileChange{path: path, abs: abs}
		if c.before, err = readRegular(path, abs); err != nil {
			return nil, err
		}
		if c.after, err = rewrite(path, c.before, byFile[path], values); err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	for i, c := range changes {
		if err := c.replace(c.before, c.after); err != nil {
			return nil, errors.Join(err, putBack(changes[:i]))
		}
	}
	return func() error { return putBack(changes) }, nil
}

func putBack(changes []fileChange) error {
	var errs []error
	for _, c := range slices.Backward(changes) {
		errs = append(errs, c.replace(c.after, c.before))
	}
	return errors.Join(errs...)
}

// fileChange is one encrypted file before and after.
type fileChange struct {
	path, abs     string
	before, after []byte
}

// replace exchanges the content by rename, provided that it still is what it
// was.
func (c *fileChange) replace(from, to []byte) error {
	now, err := readRegular(c.path, c.abs)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, from) {
		return fmt.Errorf("%q was changed by somebody else at the same time; nothing of it was overwritten", c.path)
	}
	info, err := os.Stat(c.abs)
	if err != nil {
		return fmt.Errorf("write %q: %w", c.path, cause(err))
	}
	f, err := os.CreateTemp(filepath.Dir(c.abs), "."+filepath.Base(c.abs)+".*")
	if err != nil {
		return fmt.Errorf("write %q: %w", c.path, cause(err))
	}
	_, err = f.Write(to)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), keepOwner(f, info), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.abs)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error above counts
		return fmt.Errorf("write %q: %w", c.path, cause(err))
	}
	return nil
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
		var got secret.Value
		if len(ref.Key) == 0 {
			got, err = plain.Whole()
		} else {
			got, err = plain.find(ref.Key)
		}
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
