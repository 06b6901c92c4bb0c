package migrate

import (
	"bytes"
	"errors"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"

	"github.com/compose-secure/compose-secure/secret"
)

// notes counts what is known of one file and matters to others: what stays, files, entries of env files and arguments of
// Dockerfiles, which files name the store, and what is a secret.
func (p *planner) notes() int {
	count := p.kept() + len(p.declares)
	for _, names := range p.secretFor {
		count += len(names)
	}
	for _, n := range p.all {
		if n.out != nil {
			count++
		}
	}
	return count
}

func (p *planner) kept() int {
	count := len(p.keptArgs)
	for _, names := range p.stay {
		count += len(names)
	}
	return count
}

// pass plans every file, with what former passes have noted. When it notes more, all is to be planned anew, since what
// one file has to leave others must not take.
func (p *planner) pass() {
	p.state, p.takenNames = newState(), map[string]map[string]bool{}
	for _, n := range p.all {
		n.result = nil
	}
	known := p.notes()
	kept := p.kept()
	for _, n := range p.all {
		if n.out != nil || !p.hasSecrets(n) {
			continue
		}
		if other := p.readers.LeadsTo(n.path); other != "" {
			n.out = p.outFor(n, ledElsewhereError(other))
			continue
		}
		err := p.composeFile(n)
		if p.kept() > kept { // a file that was planned before has moved what this one keeps
			return
		}
		if err != nil {
			p.leaveOut(n, err)
		}
	}
	p.followOut()
	if p.notes() > known {
		return
	}
	for _, n := range p.all {
		p.keepUnsupported(n)
		p.declareLate(n)
	}
	p.keepArgs()
}

// declareLate has a file name the store where one that was planned after it has moved what it takes.
func (p *planner) declareLate(n *part) {
	if p.o.Files || n.result == nil {
		return
	}
	store, err := p.storeOf(n.root.tree(), n.root.dir)
	if err == nil && p.needsStore(n, store, n.result) && len(yamldoc.Texts(yamldoc.Get(yamldoc.Get(n.result, "x-compose-secure"), "sops"))) == 0 {
		p.declares[n.path] = true
	}
}

// hasSecrets reports whether anything could move for the sake of a part: for itself, or for one of its project.
func (p *planner) hasSecrets(n *part) bool {
	known, ok := p.withSecrets[n.root.dir]
	if !ok {
		known = slices.ContainsFunc(append(p.others(n), n), p.holdsSecrets)
		p.withSecrets[n.root.dir] = known
	}
	return known
}

func (p *planner) holdsSecrets(n *part) bool {
	if p.HasSecrets(n.path) {
		return true
	}
	files := n.envPaths()
	for _, s := range n.services() {
		for _, f := range s.envFiles(n.dir) {
			files = append(files, f.path)
		}
	}
	return slices.ContainsFunc(files, func(path string) bool {
		data, err := original(path)
		return err != nil || bytes.ContainsAny(data, "=:") && !secret.IsSOPS(data)
	})
}

// composeFile plans one file: with the image's own file variables where that
// is possible, else with variables alone.
func (p *planner) composeFile(n *part) error {
	var first error
	for _, simple := range []bool{false, true} {
		saved := p.save()
		c, err := p.open(n, simple)
		if err == nil {
			err = c.run()
		}
		if err == nil {
			n.result = c.doc.Root
			return nil
		}
		p.state = saved
		if first == nil {
			first = err
		}
		if !errors.Is(err, yamldoc.ErrPlace) && !errors.Is(err, errMeaning) {
			return err
		}
	}
	return first
}

// planned gives what the file would hold, or what it holds if it stays.
func (n *part) planned() []*yaml.Node {
	if n.result != nil {
		return []*yaml.Node{n.result}
	}
	return n.trees
}

// keepUnsupported keeps entries of .env that a file still takes where no secret can
// stand.
func (p *planner) keepUnsupported(n *part) {
	keep := func(name string, why lint.Reason) {
		for _, path := range n.envPaths() {
			if p.hasMoved(path, name) {
				p.keep(path, name, why)
			}
		}
	}
	for _, tree := range n.planned() {
		for _, u := range lint.UnsupportedUses(tree) {
			keep(u.Name, u.Why(p.outcomes[lint.Place{Path: n.path, Line: u.Line, Name: u.Arg}].Reason))
		}
		if p.o.Files { // nothing defines them any more
			for name := range lint.Taken(tree) {
				keep(name, lint.Because(lint.OutsideEnvironments))
			}
		}
	}
}

// keep has a variable stay in its env file.
func (p *planner) keep(path, name string, why lint.Reason) {
	if p.stay[path] == nil {
		p.stay[path] = map[string]lint.Reason{}
	}
	p.stay[path][name] = why
}

// dockerArg is an argument of a Dockerfile.
type dockerArg struct{ dockerfile, name string }

// keepArgs keeps arguments of Dockerfiles that somebody builds without the
// secret which took their place: such a build would stop.
func (p *planner) keepArgs() {
	for a := range p.mounts {
		granted := map[[2]string]bool{} // a file may add to the service of another
		var without []*part
		var names []string
		for _, n := range p.all {
			for _, tree := range n.planned() {
				for _, s := range services(tree) {
					build := yamldoc.Follow(yamldoc.Get(s.merged, "build"))
					_, dockerfile := s.buildsIn(n.dir)
					switch list := yamldoc.Follow(yamldoc.Get(build, "secrets")); {
					case list != nil && list.Kind == yaml.SequenceNode && hasGrant(list, a):
						granted[[2]string{n.root.dir, s.name}] = true
					case dockerfile == a.dockerfile:
						without, names = append(without, n), append(names, s.name)
					}
				}
			}
		}
		for i, n := range without {
			if !granted[[2]string{n.root.dir, names[i]}] {
				p.keptArgs[a] = lint.Because(lint.BuiltWithout, names[i]+" of "+p.shown(n.path))
			}
		}
	}
}
