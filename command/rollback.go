package command

import (
	"context"

	"github.com/urfave/cli/v2"
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
	eng, err := s.connect(ctx)
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
	return printChanges(s.Stdout, changes)
}
