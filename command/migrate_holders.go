package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/compose-secure/compose-secure/migrate"
	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/sops"
	"github.com/compose-secure/compose-secure/ui"
)

// holders says for whom a new store is encrypted.
func (o *migrateOptions) holders(st *migrate.Store) sops.For {
	return sops.For{Age: o.age.Value(), Tree: st.Tree}
}

// printHolders says who can decrypt each store, before anything is added to it: who wrote the store, or a
// .sops.yaml, has chosen them. A dry run goes on without anybody for a new store, since --age may name somebody.
func (s *session) printHolders(o *migrateOptions, p *migrate.Plan, dryRun bool) error {
	if o.store == "files" {
		return nil
	}
	for _, st := range p.Stores {
		h, err := storeHolders(o, st)
		if err != nil {
			if dryRun && !st.Exists && len(o.age.Value()) == 0 {
				continue // printApply says why
			}
			return err
		}
		by := ""
		if h.Rules != "" {
			by = fmt.Sprintf(" (chosen by %s)", shownPath(h.Rules))
		}
		if err := ui.Printf(s.Stderr, "%s can be decrypted by: %s%s\n", shownPath(st.Path), h.String(), by); err != nil {
			return err
		}
	}
	return nil
}

func storeHolders(o *migrateOptions, st *migrate.Store) (sops.Holders, error) {
	if !st.Exists {
		return sops.NewHolders(st.Path, o.holders(st))
	}
	data, err := safefile.Read(st.Path)
	if err != nil {
		return sops.Holders{}, fmt.Errorf("read the SOPS file: %w", err)
	}
	h, err := sops.HoldersOf(st.Path, data)
	if err != nil {
		return sops.Holders{}, err
	}
	if age := o.age.Value(); len(age) > 0 && !h.AreAge(age) {
		return sops.Holders{}, usagef("%q is there already, and can be decrypted by %s, not by %s alone as --age says; leave out --age, or change its recipients with `sops rotate`",
			shownPath(st.Path), h, strings.Join(age, ", "))
	}
	return h, nil
}

// checkOpens opens each store as it will be, with a key at hand, before plaintext leaves its old place.
func checkOpens(ctx context.Context, o *migrateOptions, stores []migrate.Change) error {
	if o.store == "files" {
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
