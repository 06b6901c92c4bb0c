package migrate

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/lint"
)

// pass plans every file, with what former passes have learned. It reports
// whether it learned more: all is planned anew then, since what one file has to
// leave others must not take.
func (p *planner) pass() (again bool, err error) {
	p.state = newState()
	for _, n := range p.all {
		if n.refused != "" {
			continue
		}
		if err := p.composeFile(n); err != nil {
			return false, fmt.Errorf("%s: %w", p.shown(n.path), err)
		}
	}
	for _, n := range p.all {
		again = p.keepUnheld(n) || again
	}
	return again, nil
}

// composeFile plans one file: with the image's own file variables where that
// is possible, else with variables alone.
func (p *planner) composeFile(n *part) error {
	data, err := original(n.path)
	if err != nil {
		return err
	}
	var first error
	for _, simple := range []bool{false, true} {
		saved := p.save()
		c, err := p.open(n, data, simple)
		if err == nil {
			err = c.run()
		}
		if err == nil {
			n.result = c.doc.root
			return nil
		}
		p.state = saved
		if first == nil {
			first = err
		}
		if !errors.Is(err, errPlace) && !errors.Is(err, errMeaning) {
			return err
		}
	}
	return first
}

// keepUnheld keeps entries of .env that the planned file still takes where no
// secret can stand. It reports whether there is one that had moved.
func (p *planner) keepUnheld(n *part) (again bool) {
	tree := n.result
	if tree == nil {
		tree = n.tree
	}
	keep := func(name, why string) {
		for _, path := range n.envPaths() {
			if p.moved[path][name] != nil {
				p.keep(path, name, why)
				again = true
			}
		}
	}
	for _, u := range lint.UnheldVariables(tree) {
		keep(u.Name, u.Why(p.why[place(p.shown(n.path), u.Line, u.Arg)]))
	}
	if p.o.Files { // nothing defines them any more
		for name := range takenBy(tree) {
			keep(name, outsideEnvironments)
		}
	}
	return again
}

const outsideEnvironments = "it is used outside environments; a SOPS file can define it"

// takenBy gives the variables that anything below n takes.
func takenBy(n *yaml.Node) map[string]bool {
	names := map[string]bool{}
	noteBare(n, names)
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			for _, name := range lint.Variables(n.Value) {
				names[name] = true
			}
		}
		for _, child := range n.Content {
			walk(child)
		}
	}
	walk(n)
	return names
}

// keep has a variable stay in its .env.
func (p *planner) keep(path, name, why string) {
	if p.stay[path] == nil {
		p.stay[path] = map[string]string{}
	}
	p.stay[path][name] = why
}
