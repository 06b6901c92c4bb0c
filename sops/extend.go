package sops

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"

	"github.com/compose-secure/compose-secure/secret"
)

// Added is a value under a name that the file does not have yet.
type Added struct {
	Name  string
	Value secret.Value
}

// Extend returns the SOPS file path, whose content is data, with values added at
// its top level; the ciphertext of the others stays as it is, and so do its recipients. Without data it
// makes a new file, in the format of its name, for those that to names. It writes nothing to disk.
func Extend(path string, data []byte, added []Added, to For) (out []byte, err error) {
	// The library panics on some malformed input; the panic may hold content.
	defer func() {
		if recover() != nil {
			out, err = nil, damaged(path, "it cannot be written")
		}
	}()
	silence() // also for a file that is new
	cipher := aes.NewCipher()
	var tree *sops.Tree
	var key []byte
	format := formatOfName(path)
	if data == nil {
		if format != YAML && format != JSON && format != Dotenv {
			return nil, fmt.Errorf("%q: name a new SOPS file *.yaml, *.json or *.env", path)
		}
		tree, key, err = newTree(path, to)
	} else {
		tree, format, key, err = openTree(path, data, cipher)
	}
	if err != nil {
		return nil, err
	}
	for _, a := range added {
		for _, item := range tree.Branches[0] {
			name, ok := item.Key.(string)
			if ok && format == Dotenv {
				name = dotenvKey(name)
			}
			if ok && name == a.Name {
				return nil, fmt.Errorf("%q: it has %s already; rename the variable, or remove it there", path, a.Name)
			}
		}
		tree.Branches[0] = append(tree.Branches[0], sops.TreeItem{Key: a.Name, Value: string(a.Value.Reveal())})
	}
	if out, err = seal(path, format, tree, key, cipher); err != nil {
		return nil, err
	}
	if err := holds(path, out, key, added); err != nil {
		return nil, err
	}
	return out, nil
}

// holds reads the new content as everybody will, with the data key at hand,
// since who encrypts for others need not be able to decrypt. It refuses a file
// whose own rules leave an added value in the clear.
func holds(path string, data, key []byte, added []Added) error {
	f, err := Inspect(path, data)
	if err != nil {
		return err
	}
	if f == nil {
		return damaged(path, "its new content is no SOPS file")
	}
	encrypted := map[string]bool{}
	for _, e := range f.Entries() {
		encrypted[e.Key[0]] = e.Encrypted
	}
	if err := f.verify(key, aes.NewCipher()); err != nil {
		return err
	}
	plain := &Plain{file: f}
	for _, a := range added {
		if !encrypted[a.Name] && !a.Value.IsEmpty() {
			return fmt.Errorf("%q: the rules in its metadata would leave %s unencrypted, so it would stand there in the clear", path, a.Name)
		}
		got, err := plain.find([]string{a.Name})
		if err != nil || !got.Equal(a.Value) {
			return fmt.Errorf("%q: a %s file cannot hold the value of %s byte for byte; move it by hand", path, f.format, a.Name)
		}
	}
	return nil
}

func openTree(path string, data []byte, cipher aes.Cipher) (*sops.Tree, Format, []byte, error) {
	f, err := Inspect(path, data)
	switch {
	case err != nil:
		return nil, "", nil, err
	case f == nil:
		return nil, "", nil, fmt.Errorf("%q: %w", path, ErrNotSOPS)
	case f.format != YAML && f.format != JSON && f.format != Dotenv:
		return nil, "", nil, fmt.Errorf("%q is a %s file; only yaml, json and dotenv files can be extended", path, f.format)
	}
	key, err := f.dataKey()
	if err != nil {
		return nil, "", nil, err
	}
	return *f.tree, f.format, key, f.verify(key, cipher)
}

func newTree(path string, to For) (*sops.Tree, []byte, error) {
	meta, _, err := newMetadata(path, to)
	if err != nil {
		return nil, nil, err
	}
	tree := &sops.Tree{Branches: sops.TreeBranches{sops.TreeBranch{}}, Metadata: meta, FilePath: path}
	s := newKeyServer(&sync.Mutex{}, &identities{})
	s.chosen = len(to.Age) > 0
	key, errs := tree.GenerateDataKeyWithKeyServices(s.clients())
	if len(errs) > 0 {
		// The causes are dropped: they quote programs and their output.
		why := "check them and the access to the key service"
		if len(s.failed) > 0 {
			why = strings.Join(s.failed, "; ")
		}
		return nil, nil, fmt.Errorf("%q: its data key cannot be encrypted for every recipient: %s", path, why)
	}
	return tree, key, nil
}

// seal encrypts a tree in the clear. Causes are dropped: they may hold values.
func seal(path string, format Format, tree *sops.Tree, key []byte, cipher aes.Cipher) ([]byte, error) {
	mac, err := tree.Encrypt(key, cipher)
	if err != nil {
		return nil, damaged(path, "its values cannot be encrypted")
	}
	tree.Metadata.LastModified = time.Now().UTC()
	if tree.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, key, tree.Metadata.LastModified.Format(time.RFC3339)); err != nil {
		return nil, damaged(path, "its MAC cannot be encrypted")
	}
	out, err := format.store(storesConfig(path)).EmitEncryptedFile(*tree)
	if err != nil {
		return nil, damaged(path, "its encrypted form cannot be written as "+string(format))
	}
	return out, nil
}
