package sops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/getsops/sops/v3"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/version"

	"github.com/compose-secure/compose-secure/secret"
)

// For says for whom a new file is encrypted.
type For struct {
	Age  []string // recipients that the user named; without any, the creation rules of .sops.yaml count
	Tree string   // the directory that a .sops.yaml has to lie in: the work tree, or the folder of the project
}

// Holders are those who can decrypt a file.
type Holders struct {
	Names []string // age recipients, fingerprints of PGP, names of keys of a KMS
	Need  string   // how many key groups it takes, "" when any of Names will do
	Rules string   // the .sops.yaml that chose them for a new file, "" when the user or the file did
}

// String gives them as one line without control characters.
func (h Holders) String() string { return secret.Printable(h.Need + strings.Join(h.Names, ", ")) }

// NewHolders names those who will be able to decrypt a new file at path. It reaches no server.
func NewHolders(path string, to For) (Holders, error) {
	meta, rules, err := newMetadata(path, to)
	if err != nil {
		return Holders{}, err
	}
	h := holdersOf(&meta)
	h.Rules = rules
	return h, nil
}

// HoldersOf names those who can decrypt the SOPS file path, whose content is data. It needs no key.
func HoldersOf(path string, data []byte) (h Holders, err error) {
	// The library panics on some malformed input; the panic may hold content.
	defer func() {
		if recover() != nil {
			h, err = Holders{}, damaged(path, "its recipients cannot be read")
		}
	}()
	f, err := Inspect(path, data)
	if err != nil {
		return Holders{}, err
	}
	if f == nil {
		return Holders{}, fmt.Errorf("%q: %w", path, ErrNotSOPS)
	}
	return holdersOf(&(*f.tree).Metadata), nil
}

func holdersOf(meta *sops.Metadata) Holders {
	var h Holders
	var groups []string
	for _, group := range meta.KeyGroups {
		var names []string
		for _, k := range group {
			names = append(names, k.ToString())
		}
		groups = append(groups, "("+strings.Join(names, ", ")+")")
		h.Names = append(h.Names, names...)
	}
	if len(groups) > 1 {
		need := meta.ShamirThreshold
		if need == 0 {
			need = len(groups)
		}
		h.Names, h.Need = groups, fmt.Sprintf("one key of each of %d of these %d groups: ", need, len(groups))
	}
	return h
}

// AreAge reports whether the holders are these age recipients and nobody else.
func (h Holders) AreAge(recipients []string) bool {
	return h.Need == "" && slices.Equal(sortedKeys(h.Names), sortedKeys(recipients))
}

// sortedKeys takes the comments off keys of SSH, and what is there twice.
func sortedKeys(recipients []string) []string {
	var list []string
	for _, r := range recipients {
		for one := range strings.SplitSeq(r, ",") {
			if f := strings.Fields(one); len(f) > 0 {
				list = append(list, strings.Join(f[:min(len(f), 2)], " "))
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Opens reports, as an error, why no key at hand opens the SOPS file path, whose
// content is data: it is decrypted as everybody else would, with its data key not at hand.
func Opens(ctx context.Context, path string, data []byte) error {
	f, err := Inspect(path, data)
	if err != nil {
		return err
	}
	if f == nil {
		return fmt.Errorf("%q: %w", path, ErrNotSOPS)
	}
	_, err = f.Decrypt(ctx)
	return err
}

// NoRecipient says why a new file at path has nobody to be encrypted for unless
// one is named, or "".
func NoRecipient(path, tree string) string {
	_, _, err := newMetadata(path, For{Tree: tree})
	var why *noRuleError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &why):
		return why.short
	}
	return err.Error()
}

// newMetadata also returns the .sops.yaml that it comes from.
func newMetadata(path string, to For) (meta sops.Metadata, rules string, err error) {
	meta = sops.Metadata{UnencryptedSuffix: sops.DefaultUnencryptedSuffix, Version: version.Version}
	if len(to.Age) == 0 {
		if rules, err = creationRule(path, to.Tree, &meta); err != nil {
			return meta, "", err
		}
		return meta, rules, checkHolders(path, rules, &meta)
	}
	keys, err := sopsage.MasterKeysFromRecipients(strings.Join(to.Age, ","))
	if err != nil {
		return meta, "", errors.New("an age recipient looks like age1...; age-keygen -y shows yours")
	}
	group := sops.KeyGroup{}
	for _, k := range keys {
		group = append(group, k)
	}
	meta.KeyGroups = []sops.KeyGroup{group}
	return meta, "", nil
}

// checkHolders asks the policy about each key that a .sops.yaml names, so that a dry run tells what writing would.
func checkHolders(path, rules string, meta *sops.Metadata) error {
	s := newKeyServer(nil, nil)
	for _, group := range meta.KeyGroups {
		for _, k := range group {
			key := keyservice.KeyFromMasterKey(k)
			if _, err := s.checked(&key, "encrypt"); err != nil {
				return fmt.Errorf("%q: %q names %s for it: %w", path, rules, keyName(&key), err)
			}
		}
	}
	return nil
}
