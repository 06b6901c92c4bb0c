package deliver

import (
	"slices"

	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/visible"
)

// Notes are what a person should know of a plan: what may be meant otherwise, and
// which secrets stay in the open.
func (p *Project) Notes(plan *transform.Plan) []string {
	slices.Sort(p.Warnings)
	return slices.Concat(p.Warnings, outside(p, plan), p.open(plan).Warnings(), plan.Warnings)
}

// open finds the literal secrets that plan leaves where everybody sees them. The project is walked once.
func (p *Project) open(plan *transform.Plan) *visible.Literals {
	if p.literals == nil {
		p.literals = visible.Find(p.Project, plan)
	}
	return p.literals
}
