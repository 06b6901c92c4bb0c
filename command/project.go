package command

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/sops"
	"github.com/compose-secure/compose-secure/source"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/visible"
)

// loaded is a project with what is needed to resolve its values.
type loaded struct {
	*compose.Project
	options compose.Options
	images  map[string]transform.Image // the facts that the plan was made with
	used    map[string]bool            // names under which the plan takes values, from wherever
	// exported are variables of this process that the project says are secret.
	exported map[string]bool
	values   []string // those of secrets that stand in the model, or came from this process
	sources  []source.Source
	literals *visible.Literals // see open
}

// purpose says what a project is loaded for.
type purpose bool

const (
	forModel  purpose = false // no value will be resolved
	forValues purpose = true  // files that open without asking are decrypted meanwhile
)

// load reads the project that the global flags name; services are those named on the command line.
func (s *session) load(ctx context.Context, why purpose, services ...string) (*loaded, error) {
	return s.loadProject(ctx, why, compose.Options{
		Files: s.global.files.Value(), ProjectName: s.global.name, ProjectDirectory: s.global.dir,
		Profiles: s.global.profiles.Value(), EnvFiles: s.global.envFiles.Value(), Services: services,
	})
}

func (s *session) loadProject(ctx context.Context, why purpose, o compose.Options) (*loaded, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	cache := sops.NewCache(dir)
	if why == forValues {
		cache.Ahead()
	}
	o.Environ, o.Stdin, o.Encrypted, o.Size, o.Checked = s.Environ, s.Stdin, encrypted{cache}, s.expectFiles, checked{s}
	p, err := await(ctx, func() (*compose.Project, error) { return compose.Load(ctx, o) })
	if err != nil {
		return nil, err
	}
	s.log.debugf("loaded project %s from %s", p.Name, strings.Join(p.ConfigFiles, ", "))
	return &loaded{Project: p, options: o, sources: []source.Source{
		relative{sops.NewSource(cache), p.WorkingDir}, source.NewFile(p.WorkingDir), source.NewEnv(s.lookup),
	}}, nil
}

// planOptions are what every plan of the project rests on; dir is where its files will stand.
func (s *session) planOptions(l *loaded, dir string) transform.Options {
	return transform.Options{
		Dir: dir, Unknown: transform.Unknown(s.global.unknown), HelperDir: s.helperDir(), Schemes: source.Schemes(l.sources),
		InText:      func(content string) bool { return len(lint.InText(l.Detect, content)) > 0 },
		InArguments: func(argv []string) []secret.Argument { return visible.Arguments(l.Project, argv) },
	}
}

// use notes which variables the plan takes values from.
func (l *loaded) use(plan *transform.Plan) {
	l.used, l.exported = map[string]bool{}, map[string]bool{}
	note := func(in *secret.Input) {
		l.used[in.Name] = true
		if in.Ref == nil {
			l.values = append(l.values, string(in.Known.Reveal()))
		}
		if in.Ref != nil && in.Ref.Scheme == "env" {
			l.exported[in.Ref.Path] = true
		}
	}
	for _, s := range plan.Secrets {
		for _, p := range s.Parts {
			if p.Input != nil {
				note(p.Input)
			} else {
				l.values = append(l.values, string(p.Literal.Reveal()))
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
	for _, s := range l.Secrets {
		if s.Environment != "" {
			l.exported[s.Environment] = true
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
