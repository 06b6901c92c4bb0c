package command

import (
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/visible"
)

// warnings are what a person should know of a plan: what may be meant otherwise, and
// which secrets stay in the open.
func warnings(l *loaded, plan *transform.Plan) []string {
	slices.Sort(l.Warnings)
	return slices.Concat(l.Warnings, outside(l, plan), l.open(plan).Warnings(), plan.Warnings)
}

// open finds the literal secrets that plan leaves where everybody sees them. The project is walked once.
func (l *loaded) open(plan *transform.Plan) *visible.Literals {
	if l.literals == nil {
		l.literals = visible.Find(l.Project, plan)
	}
	return l.literals
}

// masked is the model of plan without the literals that stay in it, for people to read.
func (l *loaded) masked(plan *transform.Plan) *types.Project { return l.open(plan).Mask(plan.Project) }
