package sops

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"

	"github.com/compose-secure/compose-secure/secret"
)

// Decrypt returns the content of the file after its MAC was verified. The
// data key is retrieved once, however often and from however many goroutines
// Decrypt is called. Errors: ErrNoKey, ErrMAC, ErrDamaged, or that of ctx.
//
// The library cannot be interrupted: when ctx ends, Decrypt returns at once
// and the retrieval of the data key ends on its own.
func (f *File) Decrypt(ctx context.Context) (*Plain, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("decrypt %q: %w", f.path, err)
	}
	f.begin(nil)
	select {
	case <-f.done:
		return f.plain, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("decrypt %q: %w", f.path, ctx.Err())
	}
}

// begin decrypts once; key is the data key, or nil when it has yet to be retrieved.
func (f *File) begin(key []byte) {
	f.start.Do(func() {
		go func() {
			defer close(f.done)
			f.plain, f.err = f.decrypt(key)
		}()
	})
}

// decryptAhead decrypts when the data key can be had without asking anybody.
func (f *File) decryptAhead() {
	// The library panics on some malformed input: whoever wants a value meets it again, and is told.
	defer func() { _ = recover() }()
	if key := f.identities.dataKey(&(*f.tree).Metadata); key != nil {
		f.begin(key)
		<-f.done
	}
}

func (f *File) decrypt(key []byte) (plain *Plain, err error) {
	// The library panics on some malformed input; the panic may hold content.
	defer func() {
		if recover() != nil {
			plain, err = nil, damaged(f.path, "it cannot be decrypted")
		}
	}()
	if key == nil {
		if key, err = f.dataKey(); err != nil {
			return nil, err
		}
	}
	if err := f.verify(key, aes.NewCipher()); err != nil {
		return nil, err
	}
	plain = &Plain{file: f}
	plain.whole = sync.OnceValues(plain.emit)
	return plain, nil
}

// verify decrypts the tree in place and checks its MAC.
func (f *File) verify(key []byte, cipher aes.Cipher) error {
	// Causes are dropped: they hold ciphertexts and values.
	mac, err := (*f.tree).Decrypt(key, cipher)
	if err != nil {
		return damaged(f.path, "a value was changed, moved or replaced by plain text outside of sops")
	}
	meta := (*f.tree).Metadata
	stored, err := cipher.Decrypt(meta.MessageAuthenticationCode, key, meta.LastModified.Format(time.RFC3339))
	if err != nil {
		return macMismatch(f.path)
	}
	want, ok := stored.(string)
	if !ok || subtle.ConstantTimeCompare([]byte(want), []byte(mac)) != 1 {
		return macMismatch(f.path)
	}
	return nil
}

func macMismatch(path string) error {
	return fmt.Errorf("%q: %w: it was changed outside of sops, or merged by hand; restore it, or check it with `sops edit --ignore-mac`", path, ErrMAC)
}

// Plain is the decrypted content of a File. It prints nothing of it: the
// content sits behind the File's pointers and redacting values.
type Plain struct {
	file  *File
	whole func() (secret.Value, error) // costs as much as decrypting, and few need it
}

// Whole returns the complete decrypted file in its own format, byte for byte
// what `sops decrypt FILE` prints. ErrDamaged says that the decrypted values
// do not make a file of that format.
func (p *Plain) Whole() (secret.Value, error) { return p.whole() }

func (p *Plain) emit() (whole secret.Value, err error) {
	f := p.file
	// The library panics on values that a format cannot hold.
	defer func() {
		if recover() != nil {
			whole, err = secret.Value{}, notWritable(f)
		}
	}()
	b, err := f.format.store(storesConfig(f.path)).EmitPlainFile((*f.tree).Branches)
	if err != nil {
		// The cause may hold a value.
		return secret.Value{}, notWritable(f)
	}
	return secret.NewValue(b), nil
}

func notWritable(f *File) error {
	return damaged(f.path, "its decrypted form cannot be written as "+string(f.format))
}

// Lookup returns the leaf at key as the text of an environment variable:
// strings byte for byte, null as nothing, numbers and booleans as the format
// writes them. It reports false when there is no such key, when key names a
// map or a list, and for a binary file.
//
// A variable of a dotenv file is found by its name, without `export `, and
// given without the quotes around it, as Compose reads it.
func (p *Plain) Lookup(key []string) (secret.Value, bool) {
	v, err := p.find(key)
	return v, err == nil
}

// find is Lookup with the reason; the error holds no more than the key.
func (p *Plain) find(key []string) (secret.Value, error) {
	if p.file.Whole() {
		return secret.Value{}, fmt.Errorf("the file is binary and has no keys; leave out #/KEY")
	}
	var at any = (*p.file.tree).Branches[0]
	for _, k := range key {
		next, ok := p.file.child(at, k)
		if !ok {
			return secret.Value{}, fmt.Errorf("it has no key %q; keys are separated by / and list elements numbered from 0", k)
		}
		at = next
	}
	switch at.(type) {
	case sops.TreeBranch, []any:
		return secret.Value{}, fmt.Errorf("the key names a map or a list; name one value in it")
	}
	text, err := p.file.text(at)
	if err != nil {
		return secret.Value{}, err
	}
	return secret.NewValue([]byte(text)), nil
}

func (f *File) child(at any, key string) (any, bool) {
	switch at := at.(type) {
	case sops.TreeBranch:
		for _, item := range at {
			name, ok := item.Key.(string)
			if ok && f.format == Dotenv {
				name = dotenvKey(name)
			}
			if ok && name == key {
				return item.Value, true
			}
		}
	case []any:
		want, err := strconv.Atoi(key)
		if err != nil || strconv.Itoa(want) != key {
			return nil, false
		}
		for _, item := range at {
			if isComment(item) {
				continue
			}
			if want == 0 {
				return item, true
			}
			want--
		}
	}
	return nil, false
}
