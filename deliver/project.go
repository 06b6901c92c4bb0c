package deliver

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/sops"
	"github.com/compose-secure/compose-secure/source"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/visible"
)

// Project is a project with what is needed to resolve its values.
type Project struct {
	*compose.Project
	env    *Env
	images map[string]transform.Image // the facts that the plan was made with
	used   map[string]bool            // names under which the plan takes values, from wherever
	// exported are variables of this process that the project says are secret.
	exported map[string]bool
	values   []string // those of secrets that stand in the model, or came from this process
	sources  []source.Source
	literals *visible.Literals // see open
}

// Purpose says what a project is loaded for.
type Purpose bool

// The purposes.
const (
	ForModel  Purpose = false // no value will be resolved
	ForValues Purpose = true  // files that open without asking are decrypted meanwhile
)

// Load reads a project. The caller says which one: its files, name, directory, profiles, env files and services.
func (e *Env) Load(ctx context.Context, why Purpose, o compose.Options) (*Project, error) {
	if e.Dir == "" {
		return nil, ErrNoDir
	}
	cache := sops.NewCache(e.Dir)
	if why == ForValues {
		cache.Ahead()
	}
	o.Environ, o.Stdin, o.Encrypted, o.Size, o.Checked = e.Environ, e.Stdin, encrypted{cache}, e.Size, checked{e}
	p, err := Await(ctx, func() (*compose.Project, error) { return compose.Load(ctx, o) })
	if err != nil {
		return nil, err
	}
	e.Report.Debugf("loaded project %s from %s", p.Name, strings.Join(p.ConfigFiles, ", "))
	return &Project{Project: p, env: e, sources: []source.Source{
		relative{sops.NewSource(cache), p.WorkingDir}, source.NewFile(p.WorkingDir), source.NewEnv(e.Lookup),
	}}, nil
}

// planOptions are what every plan of the project rests on; dir is where its files will stand.
func (p *Project) planOptions(dir string) transform.Options {
	return transform.Options{
		Dir: dir, Unknown: p.env.Unknown, HelperDir: p.env.dataDir(), Schemes: source.Schemes(p.sources),
		InText:      func(content string) bool { return visible.InText(p.Project, content) },
		InArguments: func(image string, argv []string) []secret.Argument { return visible.Arguments(p.Project, image, argv) },
	}
}

// use notes which variables the plan takes values from.
func (p *Project) use(plan *transform.Plan) {
	p.used, p.exported = map[string]bool{}, map[string]bool{}
	note := func(in *secret.Input) {
		p.used[in.Name] = true
		if in.Ref == nil {
			p.values = append(p.values, string(in.Known.Reveal()))
		}
		if in.Ref != nil && in.Ref.Scheme == "env" {
			p.exported[in.Ref.Path] = true
		}
	}
	for _, s := range plan.Secrets {
		for _, part := range s.Parts {
			if part.Input != nil {
				note(part.Input)
			} else {
				p.values = append(p.values, string(part.Literal.Reveal()))
			}
		}
	}
	for _, k := range plan.Kept {
		for _, in := range k.Inputs {
			note(in)
		}
	}
	for _, r := range plan.Refused {
		for _, in := range r.Inputs {
			note(in)
		}
	}
	for _, s := range p.Secrets {
		if s.Environment != "" {
			p.exported[s.Environment] = true
		}
	}
}

// relative makes the paths of references start at the project's directory.
type relative struct {
	source.Source
	dir string
}

// Resolve implements source.Source.
func (r relative) Resolve(ctx context.Context, refs []secret.Ref) ([]secret.Value, error) {
	absolute := make([]secret.Ref, len(refs))
	for i, ref := range refs {
		ref.Path = compose.Absolute(r.dir, ref.Path)
		absolute[i] = ref
	}
	values, err := r.Source.Resolve(ctx, absolute)
	return values, eachRefError(err, func(e *secret.RefError) error {
		i := slices.IndexFunc(absolute, func(ref secret.Ref) bool { return ref.ID() == e.Ref.ID() })
		if i < 0 {
			return e
		}
		return &secret.RefError{Ref: refs[i], Err: e.Err} // as the user has it
	})
}

// eachRefError replaces those among joined errors that are about one reference.
func eachRefError(err error, replace func(*secret.RefError) error) error {
	if ref, ok := err.(*secret.RefError); ok { //nolint:errorlint // one that stands alone, not the first of several
		return replace(ref)
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var errs []error
	for _, one := range joined.Unwrap() {
		errs = append(errs, eachRefError(one, replace))
	}
	return errors.Join(errs...)
}

// encrypted lets package compose recognise SOPS files without importing SOPS.
type encrypted struct{ cache *sops.Cache }

var _ compose.Encrypted = encrypted{}

// Inspect implements compose.Encrypted. A nested key becomes a variable with
// its elements joined by "_".
func (e encrypted) Inspect(path string, data []byte) ([]compose.EncryptedVariable, bool, error) {
	f, err := e.cache.Add(path, data)
	if err != nil || f == nil {
		return nil, false, err
	}
	if f.Whole() {
		return nil, true, nil // one opaque value: it defines no variable
	}
	var vars []compose.EncryptedVariable
	for _, entry := range f.Entries() {
		v := compose.EncryptedVariable{Name: strings.Join(entry.Key, "_"), Plain: entry.Plain}
		if entry.Encrypted {
			v.Ref = &secret.Ref{Scheme: "sops", Path: path, Key: entry.Key}
		}
		vars = append(vars, v)
	}
	return vars, true, nil
}

// WholeFile implements compose.Encrypted.
func (e encrypted) WholeFile(path string, data []byte) (secret.Ref, bool, error) {
	f, err := e.cache.Add(path, data)
	if err != nil || f == nil {
		return secret.Ref{}, false, err
	}
	return secret.Ref{Scheme: "sops", Path: path}, true, nil
}
