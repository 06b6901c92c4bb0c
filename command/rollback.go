package command

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/swarm"
)

func newRollback(s *session) *cli.Command {
	var o shiftOptions
	return interspersed(&cli.Command{
		Name: "rollback", Usage: "move secrets of a stack to the version before",
		ArgsUsage: "STACK [SECRET...]",
		Description: `Without SECRET, every secret that has a version before the one in use.

   Example:
     compose-secure rollback shop db_password`,
		Flags: o.flags(),
	}, func(c *cli.Context, args []string) error {
		if len(args) == 0 {
			return usagef("rollback takes the name of a stack, then those of secrets")
		}
		stack, err := oneStack("rollback", args[:1])
		if err != nil {
			return err
		}
		return runRollback(c.Context, s, stack, args[1:], o)
	})
}

func runRollback(ctx context.Context, s *session, stack string, names []string, o shiftOptions) error {
	r, err := o.rotation(stack)
	if err != nil {
		return err
	}
	eng, err := s.env().Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = eng.Close() }() // a connection
	cluster, done := s.cluster(eng, o.quiet)
	defer done()
	changes, err := cluster.Rollback(ctx, r, names, o.dryRun || s.global.dryRun)
	if err != nil {
		return s.rolledBack(ctx, err)
	}
	if !o.dryRun && !s.global.dryRun {
		s.warnSources(ctx, eng, stack, changes)
	}
	return printChanges(s.Stdout, changes)
}

// warnSources says for each secret that its source still has the value that was rolled back. Swarm
// shows nobody the value of a secret, so that the earlier one cannot be written there.
func (s *session) warnSources(ctx context.Context, eng *engine.Engine, stack string, changes []swarm.Change) {
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Secret
	}
	for _, source := range s.env().Sources(ctx, eng, s.stackOptions(stack, nil), names) {
		s.log.Warn(source + " was not changed, since Swarm shows nobody the earlier value: put it back there, or a new one; until then stack deploy refuses without --force")
	}
}
