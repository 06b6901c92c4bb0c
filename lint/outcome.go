package lint

import (
	"cmp"
	"context"
	"path/filepath"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/secret"
)

// Place is where a secret stands. Name is that of the variable or argument.
type Place struct {
	Path string // on disk
	Line int
	Name string
}

// Outcome is what a plan does with a secret: it moves, or it stays for a reason.
type Outcome struct {
	Moves  bool
	Reason Reason
}

// Outcomes is what a plan does with the secrets of a workspace.
type Outcomes interface {
	// Of returns the outcome of the secret at a place, and false if the plan knows none there.
	Of(Place) (Outcome, bool)
}

// Planner plans a workspace without a store. It changes nothing.
type Planner func(ctx context.Context, w *Workspace) (Outcomes, error)

// Workspace is what a run was asked for.
type Workspace struct {
	Dir     string // what paths are shown relative to
	Policy  secret.Policy
	Project *Project
	Files   []string // compose files, on disk
	Walked  []string // directories that were read whole, symlinks resolved
	Trees   Trees    // of what may be edited
	parsed  map[string]*composeFile
}

// Parsed returns a compose file that was read and is one YAML document, or nil. It is not to be changed.
func (w *Workspace) Parsed(path string) ([]byte, *yaml.Node) {
	if c := w.parsed[path]; c != nil {
		return c.src.data, c.root
	}
	return nil, nil
}

// HasSecrets reports whether a variable, build argument or argument of a compose file is a secret, or the file was not read.
func (w *Workspace) HasSecrets(path string) bool {
	c := w.parsed[path]
	return c == nil || len(c.literals()) > 0 || len(c.buildArgs()) > 0 || len(c.argumentsUnder(argumentFields()...)) > 0
}

// workspace is what start has found, before anything is read.
func (l *linter) workspace(paths []string) *Workspace {
	w := &Workspace{Dir: l.options.Dir, Policy: l.policy, Project: l.options.Project, parsed: map[string]*composeFile{}}
	for _, r := range l.queue {
		if r.kind == kindCompose && r.path != "-" {
			w.Files = append(w.Files, filepath.Clean(r.path))
		}
	}
	for _, p := range l.walked {
		if !filepath.IsAbs(p) {
			p = filepath.Join(w.Dir, p)
		}
		w.Walked = append(w.Walked, resolved(p))
	}
	w.Trees = TreesOf(w.Dir, w.Files, paths, w.Project)
	return w
}

// settle has the plan say what it does with each finding that a rule takes for movable.
func (l *linter) settle(ctx context.Context, w *Workspace) error {
	var plan Outcomes
	for i := range l.findings {
		f := &l.findings[i]
		if f.Fix.By == ByHand || l.options.Plan == nil {
			continue
		}
		if plan == nil {
			var err error
			if plan, err = l.options.Plan(ctx, w); err != nil {
				return err
			}
		}
		f.settle(plan)
		if f.Fix.By == ByFile && f.handled != nil && !f.handled(l) {
			f.Fix = byWrap()
		}
	}
	return nil
}

func (f *Finding) settle(plan Outcomes) {
	outcome, known := plan.Of(Place{f.path, f.Line, cmp.Or(f.arg, f.Key)})
	if outcome.Moves {
		return
	}
	if !known {
		outcome.Reason = cmp.Or(f.unplanned, Because(NotReached))
	}
	f.Fix, f.Hint = Fix{ByHand, outcome.Reason.String()}, cmp.Or(f.staysHint, f.Hint)
	if f.hintsWhy {
		f.Hint = outcome.Reason.String()
	}
}

// Scan is what there is to plan.
type Scan struct {
	Workspace *Workspace
	// Secrets are the plaintext secrets, as the rules find them. Fix is what a rule says by itself.
	Secrets []Finding
	// Hidden is that of a Report.
	Hidden map[string]map[int][]string
}

// Read finds the plaintext secrets of paths, as Run does, and says nothing of what can be done with them.
func Read(ctx context.Context, o Options, paths []string) (*Scan, error) {
	o.Severity, o.Rules, o.Baseline, o.Plan = Error, nil, nil, nil
	l, space, err := read(ctx, o, paths)
	if err != nil {
		return nil, err
	}
	plaintext := map[string]bool{}
	for _, r := range l.rules {
		plaintext[r.ID] = r.Plaintext
	}
	scan := &Scan{Workspace: space, Hidden: l.hidden}
	for _, f := range l.report().Findings {
		if plaintext[f.Rule] && f.Severity == Error {
			scan.Secrets = append(scan.Secrets, f)
		}
	}
	return scan, nil
}

// Place is where the secret of a finding stands.
func (f *Finding) Place() Place { return Place{f.path, f.Line, cmp.Or(f.arg, f.Key)} }

// Stays returns the reason why the secret stays for which a plan has no outcome.
func (f *Finding) Stays() string {
	if f.Fix.By == ByHand {
		return f.Fix.Text
	}
	return cmp.Or(f.unplanned, Because(NotReached)).String()
}

// project gives the other files that docker compose may merge with c: those of
// the directory, and what they include.
func (l *linter) project(c *composeFile) []*composeFile {
	var list []*composeFile
	for _, o := range l.read {
		if o != c && o.top().dir == c.top().dir {
			list = append(list, o)
		}
	}
	return list
}

// maxParents bounds how far a file is followed to those that include it.
const maxParents = 16

// top gives the file that includes c, or the one that includes that.
func (c *composeFile) top() *composeFile {
	for range maxParents { // files may include each other
		if c.parent == nil {
			break
		}
		c = c.parent
	}
	return c
}
