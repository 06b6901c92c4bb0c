package migrate

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/lint"
)

// Of returns what the plan does with the secret at a place.
func (p *planner) Of(at lint.Place) (lint.Outcome, bool) {
	if outcome, ok := p.outcomes[at]; ok {
		return outcome, true
	}
	if i := slices.IndexFunc(p.all, func(n *part) bool { return n.path == at.Path }); i >= 0 && p.all[i].out != nil {
		return lint.Outcome{Reason: p.all[i].out.reason()}, true
	}
	if outcome, ok := p.argOutcomes[dockerArg{at.Path, at.Name}]; ok {
		return outcome, true
	}
	if p.Trees.Outside(at.Path) {
		return lint.Outcome{Reason: lint.Because(lint.OutsideProject)}, true
	}
	why := p.neededBy(at.Path, at.Name)
	return lint.Outcome{Reason: why}, why.Given()
}

// moves notes that the secret at a place moves.
func (p *planner) moves(at lint.Place) { p.outcomes[at] = lint.Outcome{Moves: true} }

// stays notes why the secret at a place stays, unless it has moved for another file.
func (p *planner) stays(at lint.Place, why lint.Reason) {
	if !p.outcomes[at].Moves {
		p.outcomes[at] = lint.Outcome{Reason: why}
	}
}

// settle notes the outcome of what a scalar of a compose file holds, on each of its lines.
func (c *file) settle(n *yaml.Node, name string, why lint.Reason) {
	to, _ := c.doc.End(n)
	for line := n.Line; line <= max(n.Line, c.doc.Line(to)); line++ {
		at := lint.Place{Path: c.path, Line: line, Name: name}
		if !why.Given() {
			c.moves(at)
		} else {
			c.stays(at, why)
		}
	}
}
