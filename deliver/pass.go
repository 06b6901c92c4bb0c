package deliver

import (
	"context"
	"errors"
	"slices"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/transform"
)

// PassOptions say what a call of docker compose that needs no value is for.
type PassOptions struct {
	DryRun   bool
	Literals Literals // of a model that config prints
}

// errPublish refuses a command that reads the files of secrets and shows what is in them, and whose result would name the
// paths of this machine.
var errPublish = errors.New("publish uploads the source, and with it no secret that compose-secure keeps: " +
	"look what stands in it with compose-secure lint, then run docker compose publish")

// Pass fills in the model, arguments and environment of a call that needs no value, and returns the name of the project.
// Without a compose file a project that is named is still one: docker compose finds it by its containers' labels.
func (e *Env) Pass(ctx context.Context, c dockercli.Call, which compose.Options, o PassOptions, run *dockercli.Run) (project string, err error) {
	if c.Publishes() {
		return "", errPublish
	}
	p, err := e.Load(ctx, ForModel, which)
	if errors.Is(err, compose.ErrNoFile) && which.ProjectName != "" {
		args := c.Args
		if c.Name == "exec" {
			args = plainExec(args)
		}
		run.Args = slices.Concat([]string{"--project-name", which.ProjectName}, e.ComposeFlags, []string{c.Name}, args)
		run.Env = e.ChildEnv()
		return which.ProjectName, nil
	}
	if err != nil {
		return "", err
	}
	literals := o.Literals
	if c.Name != "config" { // which starts nothing
		literals = Planned
		if err := p.CheckProviders(); err != nil {
			return "", err
		}
	}
	var plan *transform.Plan
	switch {
	case c.WritesFiles():
		plan, run.Model, err = p.writtenModel(ctx)
	case o.DryRun:
		plan, run.Model, err = p.dryModel(ctx)
	default:
		plan, run.Model, err = p.publicModel(literals)
	}
	if err != nil {
		return "", err
	}
	switch {
	case c.Name == "exec" && o.DryRun:
		c.Args = plainExec(c.Args)
	case c.Name == "exec":
		c.Args = p.execArgs(ctx, plan, c.Args)
	}
	run.Model = compose.Blank(run.Model, p.Inputs)
	run.Args, run.Env = p.ComposeArgs(c), p.ChildEnv(c.Passed()...)
	return p.Name, nil
}
