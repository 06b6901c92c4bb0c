package sops

import (
	"context"
	"errors"
	"fmt"

	"github.com/compose-secure/compose-secure/secret"
)

// Source resolves ref+sops://FILE, the whole decrypted file, and
// ref+sops://FILE#/a/b, one value of it.
type Source struct{ cache *Cache }

// NewSource returns the source over the files of cache.
func NewSource(cache *Cache) *Source { return &Source{cache: cache} }

// Scheme implements source.Source.
func (*Source) Scheme() string { return "sops" }

// Resolve implements source.Source: one value per reference, in order, or all
// errors, one line each.
func (s *Source) Resolve(ctx context.Context, refs []secret.Ref) ([]secret.Value, error) {
	files := make([]*File, len(refs))
	errs := make([]error, len(refs))
	var open []*File
	atOnce(len(refs), func(i int) { files[i], errs[i] = s.open(refs[i]) })
	for i, f := range files {
		if errs[i] == nil {
			open = append(open, f)
		}
	}
	// Each error comes up again below.
	_ = s.cache.DecryptAll(ctx, open...)
	values := make([]secret.Value, len(refs))
	told := map[string]bool{} // what is wrong with a file is said once, not for each of its values
	for i, ref := range refs {
		if errs[i] == nil {
			if _, err := files[i].Decrypt(ctx); err != nil {
				if !told[err.Error()] {
					told[err.Error()] = true
					errs[i] = err
				}
				continue
			}
			values[i], errs[i] = lookup(ctx, files[i], ref)
		}
		if errs[i] != nil {
			errs[i] = &secret.RefError{Ref: ref, Err: errs[i]}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return values, nil
}

func (s *Source) open(ref secret.Ref) (*File, error) {
	if len(ref.Params) > 0 {
		return nil, fmt.Errorf("ref+sops takes no parameters; remove what follows the ?")
	}
	f, err := s.cache.Open(ref.Path)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, fmt.Errorf("%q: %w; encrypt it with `sops encrypt`, or use ref+file://", ref.Path, ErrNotSOPS)
	}
	return f, nil
}

func lookup(ctx context.Context, f *File, ref secret.Ref) (secret.Value, error) {
	plain, err := f.Decrypt(ctx)
	if err != nil {
		return secret.Value{}, err
	}
	var v secret.Value
	if len(ref.Key) == 0 {
		v, err = plain.Whole()
	} else if v, err = plain.find(ref.Key); err != nil {
		err = fmt.Errorf("%q: %w", f.Path(), err)
	}
	if err != nil {
		return secret.Value{}, err
	}
	if len(v.Reveal()) >= secret.MaxSize {
		return secret.Value{}, fmt.Errorf("the value is too large: a secret must be under %d bytes", secret.MaxSize)
	}
	return v, nil
}
