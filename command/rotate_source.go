package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/sops"
	"github.com/compose-secure/compose-secure/transform"
)

// writer is a source that values can be written to.
type writer interface {
	// Write stores the values, by reference, all or none. restore puts back what was there before.
	Write(ctx context.Context, values map[string]secret.Value, refs []secret.Ref) (restore func() error, err error)
}

func (m *stackModel) secret(name string) *transform.Secret {
	i := slices.IndexFunc(m.secrets, func(sec *transform.Secret) bool { return sec.Name == name })
	if i < 0 {
		return nil
	}
	return m.secrets[i]
}

func (m *stackModel) names() []string {
	names := make([]string, len(m.secrets))
	for i, sec := range m.secrets {
		names[i] = sec.Name
	}
	return names
}

// keep drops all other secrets.
func (m *stackModel) keep(names []string) {
	m.secrets = slices.DeleteFunc(m.secrets, func(sec *transform.Secret) bool { return !slices.Contains(names, sec.Name) })
}

// writeBackLater is writeBack in the background. store waits for it; check waits too and
// returns what was wrong with the project.
func (s *session) writeBackLater(ctx context.Context, eng *engine.Engine, stack string, values map[string]secret.Value) (store func(context.Context) (func() error, error), check func() error) {
	type found struct {
		store func(context.Context) (func() error, error)
		err   error
	}
	done := make(chan found, 1)
	go func() {
		f, err := s.writeBack(ctx, eng, stack, values)
		done <- found{f, err}
	}()
	wait := sync.OnceValue(func() found { return <-done })
	store = func(ctx context.Context) (func() error, error) {
		switch f := wait(); {
		case f.err != nil:
			return nil, f.err
		case f.store != nil:
			return f.store(ctx)
		}
		return func() error { return nil }, nil
	}
	return store, func() error { return wait().err }
}

// writeBack finds where the new values have to be stored so that the next deploy does not
// bring the old ones back. nil when no source can be written, which is said.
func (s *session) writeBack(ctx context.Context, eng *engine.Engine, stack string, values map[string]secret.Value) (func(context.Context) (func() error, error), error) {
	l, err := s.loadStack(ctx, forValues, stack, nil)
	if errors.Is(err, compose.ErrNoFile) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	model, err := s.stackModel(ctx, l, eng)
	if err != nil {
		return nil, err
	}
	trees, err := s.trees(l)
	if err != nil {
		return nil, err
	}
	var refs []secret.Ref
	byRef := map[string]secret.Value{}
	var target writer
	for name, value := range values {
		sec := model.secret(name)
		if sec == nil {
			continue
		}
		ref, w := l.writerOf(sec)
		if w == nil {
			s.log.warn(fmt.Sprintf("the source of %s cannot be written: put the new value there too, or the next stack deploy brings the old one back", name))
			continue
		}
		if trees.Outside(ref.Path) {
			return nil, fmt.Errorf("%q, the source of %s: %s, and rotate writes no such file; edit it with sops and run rotate without a value, or name it with --env-file",
				compose.Display(ref.Path), name, lint.WhyOutside)
		}
		target = w
		refs = append(refs, ref)
		byRef[ref.ID()] = value
	}
	if target == nil {
		return nil, nil
	}
	slices.SortFunc(refs, func(a, b secret.Ref) int { return strings.Compare(a.ID(), b.ID()) })
	return func(ctx context.Context) (func() error, error) { return target.Write(ctx, byRef, refs) }, nil
}

// writerOf is the source of a secret that is one reference, when it can be written.
func (l *loaded) writerOf(sec *transform.Secret) (secret.Ref, writer) {
	if len(sec.Parts) != 1 || sec.Parts[0].Input == nil || sec.Parts[0].Input.Ref == nil {
		return secret.Ref{}, nil
	}
	ref := *sec.Parts[0].Input.Ref
	for _, src := range l.sources {
		if rel, ok := src.(relative); ok {
			ref.Path = compose.Absolute(rel.dir, ref.Path)
			src = rel.Source
		}
		if w, ok := src.(writer); ok && src.Scheme() == ref.Scheme {
			return ref, w
		}
		ref = *sec.Parts[0].Input.Ref
	}
	return secret.Ref{}, nil
}

var _ writer = (*sops.Source)(nil)
