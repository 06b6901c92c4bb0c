package migrate

import (
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"
)

// Uneditable is a compose file that is left as it is, with all that it needs.
type Uneditable struct {
	File         string
	Line, Column int
	Why, Todo    string
	Secrets      int // plaintext secrets that stay in it
}

// Error says the same as one line.
func (o *Uneditable) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s; %s", o.File, o.Line, o.Column, o.Why, o.Todo)
}

// reason is why the file stays, for each of its secrets.
func (o *Uneditable) reason() lint.Reason {
	why := o.Why
	if o.Todo != byHand && o.Todo != nameIt {
		why += "; " + o.Todo
	}
	return lint.Because(lint.UneditableFile, why)
}

const byHand = "move its secrets by hand"

// storeError is about the store of a project, which no file of it can do without.
type storeError struct{ error }

// ledElsewhereError names a compose file that nobody named and that includes or extends one of the plan.
type ledElsewhereError string

func (e ledElsewhereError) Error() string { return string(e) + " includes or extends it too" }

// leaveOut leaves a file as it is, for the reason that err gives.
func (p *planner) leaveOut(n *part, err error) {
	if store := (storeError{}); errors.As(err, &store) && n.root != n {
		n = n.root // that names it; what it leads to follows
	}
	n.out = p.outFor(n, err)
}

func (p *planner) outFor(n *part, err error) *Uneditable {
	o := &Uneditable{File: p.shown(n.path), Line: 1, Column: 1, Why: err.Error(), Todo: byHand}
	var file *lint.Uneditable
	var store storeError
	var led ledElsewhereError
	switch {
	case errors.As(err, &led):
		o.Todo = "name that file on the command line as well"
	case errors.As(err, &file):
		o.Line, o.Column, o.Why, o.Todo = file.Line, file.Column, file.Why, file.Todo
	case errors.As(err, &store):
		o.Todo = "then run migrate again"
		if own := yamldoc.Follow(yamldoc.Get(yamldoc.Get(n.tree(), "x-compose-secure"), "sops")); own != nil && own.Line > 0 {
			o.Line, o.Column = own.Line, own.Column
		}
	}
	return o
}

// followOut leaves out what a file that is left out leads to: it owns the
// store, and nobody else could name that.
func (p *planner) followOut() {
	for _, n := range p.all {
		if n.out == nil && n.root.out != nil {
			n.out = p.outFor(n, fmt.Errorf("%s, which leads to it, is left as it is", p.shown(n.root.path)))
		}
	}
}

// allOut is an error when no file at all can be planned.
func (p *planner) allOut() error {
	var errs []error
	for _, n := range p.all {
		if n.out == nil {
			return nil
		}
		errs = append(errs, n.out)
	}
	return errors.Join(errs...)
}

// neededBy gives the reason why an entry of an env file has to stay for a file
// that is left out, or for one that names it in a way that migrate does not follow; "" if it has not.
func (p *planner) neededBy(path, name string) lint.Reason {
	for _, o := range p.all {
		if o.out != nil && o.unedited().Needs(path, name, o.envPaths()) {
			return lint.Because(lint.NeededByUnedited, p.shown(o.path))
		}
		if !o.namesFilesByVariable() {
			continue
		}
		for _, tree := range o.trees {
			if s := lint.NamedByVariable(tree, o.dir, path, p.envOf(o)); s != "" {
				return lint.Because(lint.FileNamedByVariable, s)
			}
		}
	}
	return lint.Reason{}
}

// namesFilesByVariable reports whether a service of a part reads an env file under a name with variables in it.
func (n *part) namesFilesByVariable() bool {
	if n.byVariable == nil {
		found := slices.ContainsFunc(n.trees, lint.NamesFilesByVariable)
		n.byVariable = &found
	}
	return *n.byVariable
}

func (n *part) unedited() *lint.Unedited { return &lint.Unedited{Dir: n.dir, Data: n.data} }

// mentions reports whether a part takes a variable; of one that is left out the
// text alone is known.
func (n *part) mentions(name string) bool {
	if n.out != nil {
		return n.unedited().Mentions(name)
	}
	return slices.ContainsFunc(n.trees, func(t *yaml.Node) bool { return mentionsVariable(t, name) })
}

// words gives all that a part that is left out may have a meaning for.
func (n *part) words() map[string]bool {
	words := map[string]bool{}
	start := -1
	for i, c := range n.data {
		switch word := c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'; {
		case word && start < 0:
			start = i
		case !word && start >= 0:
			words[string(n.data[start:i])] = true
			start = -1
		}
	}
	if start >= 0 {
		words[string(n.data[start:])] = true
	}
	return words
}
