package deliver

import (
	"context"
	"fmt"
	"maps"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/source"
	"github.com/compose-secure/compose-secure/transform"
)

// Resolve gets the values of the secrets, all sources at once. Those that stay
// in the environment come back under the name of their reference.
func (p *Project) Resolve(ctx context.Context, secrets []*transform.Secret, kept []transform.KeptValue) (map[string]secret.Value, error) {
	var refs []secret.Ref
	places := map[string][]string{}
	add := func(in *secret.Input, at []string) {
		if in == nil || in.Ref == nil {
			return
		}
		refs = append(refs, *in.Ref)
		if places[in.Ref.ID()] == nil {
			places[in.Ref.ID()] = at
		}
	}
	for _, k := range kept {
		for _, in := range k.Inputs {
			add(in, k.At)
		}
	}
	for _, s := range secrets {
		for _, part := range s.Parts {
			add(part.Input, s.At)
		}
	}
	resolved, err := source.Resolve(ctx, p.sources, refs)
	if err != nil {
		return nil, eachRefError(err, func(e *secret.RefError) error { return p.placed(e, places[e.Ref.ID()]) })
	}
	values := make(map[string]secret.Value, len(resolved)+len(secrets))
	maps.Copy(values, resolved)
	for _, s := range secrets {
		values[s.Name] = join(s.Parts, resolved)
	}
	for _, v := range values { // a copy of one may stand in the environment under any name
		p.values = append(p.values, string(v.Reveal()))
	}
	return values, nil
}

// placed puts the position of a path in the model in front of an error.
func (p *Project) placed(err error, path []string) error {
	if position := p.Sources().Find(p.Sources().Bearer(path)...); position.File != "" {
		return fmt.Errorf("%s: %w", position, err)
	}
	return err
}

func join(parts []secret.Part, resolved map[string]secret.Value) secret.Value {
	var b []byte
	for _, part := range parts {
		switch {
		case part.Input == nil:
			b = append(b, part.Literal.Reveal()...)
		case part.Input.Ref != nil:
			b = append(b, resolved[part.Input.Ref.ID()].Reveal()...)
		default:
			b = append(b, part.Input.Known.Reveal()...)
		}
	}
	return secret.NewValue(b)
}
