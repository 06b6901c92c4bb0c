// Package stores puts the values of a plan of migrate into SOPS files, or into files that git ignores, and says who can
// decrypt them.
package stores

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-secure/compose-secure/migrate"
	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/sops"
	"github.com/compose-secure/compose-secure/ui"
)

// Options say where values go.
type Options struct {
	Dir   string   // the working directory: paths below it are shown from there
	Files bool     // plain files instead of SOPS files
	Age   []string // recipients of a new SOPS file; without any, .sops.yaml says
}

func (o Options) recipients(st *migrate.Store) sops.For { return sops.For{Age: o.Age, Tree: st.Tree} }

// RecipientsError is that a SOPS file is there already, for others than the options name.
type RecipientsError struct{ Text string }

func (e *RecipientsError) Error() string { return e.Text }

// Keys lists the names that an encrypted file defines.
func Keys(path string) ([]string, error) {
	data, err := safefile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("read the SOPS file: %w", err)
	}
	f, err := sops.Inspect(path, data)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, fmt.Errorf("%q: %w; encrypt it with: sops encrypt -i %s", path, sops.ErrNotSOPS, path)
	}
	var keys []string
	for _, e := range f.Entries() {
		if len(e.Key) > 0 {
			keys = append(keys, e.Key[0])
		}
	}
	return keys, nil
}

// Holders are those who can decrypt a store.
func (o Options) Holders(st *migrate.Store) (sops.Holders, error) {
	if !st.Exists {
		return sops.NewHolders(st.Path, o.recipients(st))
	}
	data, err := safefile.Read(st.Path)
	if err != nil {
		return sops.Holders{}, fmt.Errorf("read the SOPS file: %w", err)
	}
	h, err := sops.HoldersOf(st.Path, data)
	if err != nil {
		return sops.Holders{}, err
	}
	if age := o.Age; len(age) > 0 && !h.AreAge(age) {
		return sops.Holders{}, &RecipientsError{fmt.Sprintf("%q is there already, and can be decrypted by %s, not by %s alone as --age says; leave out --age, or change its recipients with `sops rotate`",
			ui.Relative(o.Dir, st.Path), h, strings.Join(age, ", "))}
	}
	return h, nil
}

// CheckOpens opens each store as it will be, with a key at hand, before plaintext leaves its old place.
func (o Options) CheckOpens(ctx context.Context, stores []migrate.Change) error {
	if o.Files {
		return nil // they hold the values as they are
	}
	for i := range stores {
		err := sops.Opens(ctx, stores[i].Path, stores[i].New)
		if errors.Is(err, sops.ErrNoKey) {
			return fmt.Errorf("nothing was changed, since you could not read the values any more: %w; name your own recipient with --age too, or use --force", err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// NoRecipient says why a write would not know for whom to encrypt, or "".
func (o Options) NoRecipient(p *migrate.Plan) string {
	if o.Files || len(o.Age) > 0 {
		return ""
	}
	for _, st := range p.Stores {
		if _, err := os.Stat(st.Path); err == nil {
			continue // it has its recipients
		}
		if missing := sops.NoRecipient(st.Path, st.Tree); missing != "" {
			return missing
		}
	}
	return ""
}

// Changes makes the files that hold the values.
func (o Options) Changes(p *migrate.Plan) ([]migrate.Change, error) {
	var list []migrate.Change
	for _, st := range p.Stores {
		if o.Files {
			for _, v := range st.Values {
				path := filepath.Join(st.Path, v.Name)
				list = append(list, migrate.Change{Path: path, Shown: ui.Relative(o.Dir, path), New: v.Value.Reveal(), Mode: 0o600, Private: true})
			}
			continue
		}
		old, err := safefile.Read(st.Path)
		if errors.Is(err, os.ErrNotExist) {
			old = nil
		} else if err != nil {
			return nil, fmt.Errorf("read the SOPS file: %w", err)
		}
		added := make([]sops.Added, 0, len(st.Values))
		for _, v := range st.Values {
			added = append(added, sops.Added{Name: v.Name, Value: v.Value})
		}
		data, err := sops.Extend(st.Path, old, added, o.recipients(st))
		if err != nil {
			return nil, err
		}
		list = append(list, migrate.Change{Path: st.Path, Shown: ui.Relative(o.Dir, st.Path), Old: old, New: data, Mode: 0o644})
	}
	return list, nil
}
