package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/sops"
	"github.com/compose-secure/compose-secure/transform"
)

// writer is a source that values can be written to.
type writer interface {
	// Write stores the values, by reference, all or none. restore puts back what was there before.
	Write(ctx context.Context, values map[string]secret.Value, refs []secret.Ref) (restore func() error, err error)
}

// Secret returns the secret of that name, or nil.
func (m *Stack) Secret(name string) *transform.Secret {
	i := slices.IndexFunc(m.Secrets, func(sec *transform.Secret) bool { return sec.Name == name })
	if i < 0 {
		return nil
	}
	return m.Secrets[i]
}

func (m *Stack) names() []string {
	names := make([]string, len(m.Secrets))
	for i, sec := range m.Secrets {
		names[i] = sec.Name
	}
	return names
}

// keep drops all other secrets.
func (m *Stack) keep(names []string) {
	m.Secrets = slices.DeleteFunc(m.Secrets, func(sec *transform.Secret) bool { return !slices.Contains(names, sec.Name) })
}

// MayWrite returns why the value of the secret name must not be written to a file of the project.
type MayWrite func(p *Project, path, name string) error

// WriteBackLater is writeBack in the background. store waits for it; check waits too and
// returns what was wrong with the project.
func (e *Env) WriteBackLater(ctx context.Context, eng Engine, o compose.Options, mayWrite MayWrite, values map[string]secret.Value) (store func(context.Context) (func() error, error), check func() error) {
	type found struct {
		store func(context.Context) (func() error, error)
		err   error
	}
	done := make(chan found, 1)
	go func() {
		f, err := e.writeBack(ctx, eng, o, mayWrite, values)
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
func (e *Env) writeBack(ctx context.Context, eng Engine, o compose.Options, mayWrite MayWrite, values map[string]secret.Value) (func(context.Context) (func() error, error), error) {
	p, err := e.Load(ctx, ForValues, o)
	if errors.Is(err, compose.ErrNoFile) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	model, err := p.Stack(ctx, eng)
	if err != nil {
		return nil, err
	}
	var refs []secret.Ref
	byRef := map[string]secret.Value{}
	var target writer
	for name, value := range values {
		sec := model.Secret(name)
		if sec == nil {
			continue
		}
		ref, w := p.writerOf(sec)
		if w == nil {
			e.Report.Warn(fmt.Sprintf("the source of %s cannot be written: put the new value there too, or the next stack deploy brings the old one back", name))
			continue
		}
		if err := mayWrite(p, ref.Path, name); err != nil {
			return nil, err
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
func (p *Project) writerOf(sec *transform.Secret) (secret.Ref, writer) {
	if len(sec.Parts) != 1 || sec.Parts[0].Input == nil || sec.Parts[0].Input.Ref == nil {
		return secret.Ref{}, nil
	}
	ref := *sec.Parts[0].Input.Ref
	for _, src := range p.sources {
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

// SourceValues reads the values of a stack's secrets again from where the compose file says; no name is all of them.
func (e *Env) SourceValues(ctx context.Context, eng Engine, o compose.Options, names []string) (map[string]secret.Value, error) {
	p, err := e.Load(ctx, ForValues, o)
	if err != nil {
		return nil, err
	}
	model, err := p.Stack(ctx, eng)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if model.Secret(name) == nil {
			return nil, fmt.Errorf("the compose file has no secret %s; it has: %s", name, strings.Join(model.names(), ", "))
		}
	}
	if len(names) > 0 {
		model.keep(names)
	}
	values, err := p.Resolve(ctx, model.Secrets, nil)
	if err != nil {
		return nil, err
	}
	return model.Values(values), nil
}

// Sources names, for each of some secrets of a stack, where its value comes from. Without a compose file, or with one that cannot
// be read now, a source has no name: what is wrong with the project the next deploy tells.
func (e *Env) Sources(ctx context.Context, eng Engine, o compose.Options, secrets []string) []string {
	var model *Stack
	if p, err := e.Load(ctx, ForModel, o); err == nil {
		model, _ = p.Stack(ctx, eng)
	}
	list := make([]string, len(secrets))
	for i, name := range secrets {
		list[i] = "the source of " + name
		if model == nil {
			continue
		}
		if sec := model.Secret(name); sec != nil && len(sec.Parts) == 1 && sec.Parts[0].Input != nil && sec.Parts[0].Input.Ref != nil {
			list[i] = fmt.Sprintf("%s, the source of %s,", sec.Parts[0].Input.Ref, name)
		}
	}
	return list
}
