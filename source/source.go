// Package source resolves ref+ references to values: it groups them by
// scheme and asks every source once, all at the same time. It owns the
// sources that need nothing but the machine (file, env); a source that needs
// a client library has a package of its own. It stores and prints no value.
package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/compose-secure/compose-secure/secret"
)

// Source resolves the references of one scheme.
type Source interface {
	// Scheme is what stands between ref+ and :// in its references.
	Scheme() string
	// Resolve returns one value per reference, in the same order. It is called
	// once with all distinct references of the scheme, so that it can read
	// each file or endpoint once. When it fails it reports every reference
	// that cannot be resolved, one line each, as a *secret.RefError where the
	// reference is at fault and not what it stands in, and no value.
	Resolve(ctx context.Context, refs []secret.Ref) ([]secret.Value, error)
}

// Resolve returns the value of every reference by its Ref.ID(). Equal
// references are resolved once, schemes concurrently. The error joins those of
// all references, one line each: unknown schemes first, then by scheme in
// order of the alphabet.
func Resolve(ctx context.Context, sources []Source, refs []secret.Ref) (map[string]secret.Value, error) {
	groups, err := group(sources, refs)
	errs := []error{err}
	values := make(map[string]secret.Value, len(refs))
	var mu sync.Mutex
	var wg sync.WaitGroup
	groupErrs := make([]error, len(groups))
	for i, g := range groups {
		wg.Go(func() {
			got, err := g.source.Resolve(ctx, g.refs)
			if err == nil && len(got) != len(g.refs) {
				err = fmt.Errorf("the source of ref+%s:// gave %d values for %d references", g.source.Scheme(), len(got), len(g.refs))
			}
			if err != nil {
				groupErrs[i] = err
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for j, ref := range g.refs {
				values[ref.ID()] = got[j]
			}
		})
	}
	wg.Wait()
	if err := errors.Join(append(errs, groupErrs...)...); err != nil {
		return nil, err
	}
	return values, nil
}

// schemeGroup is the distinct references of one scheme, sorted.
type schemeGroup struct {
	source Source
	refs   []secret.Ref
}

// group reports the references whose scheme has no source as an error each.
func group(sources []Source, refs []secret.Ref) ([]schemeGroup, error) {
	byScheme := map[string]Source{}
	for _, s := range sources {
		byScheme[s.Scheme()] = s
	}
	refs = slices.Clone(refs)
	slices.SortStableFunc(refs, func(a, b secret.Ref) int {
		if c := strings.Compare(a.Scheme, b.Scheme); c != 0 {
			return c
		}
		return strings.Compare(a.ID(), b.ID())
	})
	refs = slices.CompactFunc(refs, func(a, b secret.Ref) bool { return a.ID() == b.ID() })
	var groups []schemeGroup
	var errs []error
	for _, ref := range refs {
		s, ok := byScheme[ref.Scheme]
		if !ok {
			errs = append(errs, &secret.RefError{Ref: ref, Err: &secret.SchemeError{Scheme: ref.Scheme, Known: Schemes(sources)}})
			continue
		}
		if n := len(groups); n == 0 || groups[n-1].source.Scheme() != ref.Scheme {
			groups = append(groups, schemeGroup{source: s})
		}
		last := &groups[len(groups)-1]
		last.refs = append(last.refs, ref)
	}
	return groups, errors.Join(errs...)
}

// Schemes are those that sources resolve.
func Schemes(sources []Source) []string {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = s.Scheme()
	}
	return names
}

// checkSize is the size limit that all sources share.
func checkSize(n int) error {
	if n >= secret.MaxSize {
		return fmt.Errorf("the value is too large: a secret must be under %d bytes", secret.MaxSize)
	}
	return nil
}

// resolveEach resolves references one after the other, for a source on this
// machine, where asking at the same time gains nothing.
func resolveEach(ctx context.Context, refs []secret.Ref, one func(secret.Ref) (secret.Value, error)) ([]secret.Value, error) {
	values := make([]secret.Value, len(refs))
	errs := make([]error, len(refs))
	for i, ref := range refs {
		err := ctx.Err()
		if err == nil {
			values[i], err = one(ref)
		}
		if err != nil {
			errs[i] = &secret.RefError{Ref: ref, Err: err}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return values, nil
}
