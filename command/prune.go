package command

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/ui"
)

type pruneOptions struct {
	keep   int
	dryRun bool
}

func newPrune(s *session) *cli.Command {
	var o pruneOptions
	return interspersed(&cli.Command{
		Name: "prune", Usage: "remove old versions of a stack's secrets and configs that nothing needs",
		ArgsUsage: "STACK",
		Description: `Never removes what a service's spec or previous spec or a running task needs, nor the
   newest versions. Prints the names of what it removed.

   Example:
     compose-secure prune shop --keep 3`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "print what would be removed; changes nothing", Destination: &o.dryRun},
			&cli.IntFlag{Name: "keep", Value: 2, Usage: "newest versions of each that stay", Destination: &o.keep},
		},
	}, func(c *cli.Context, args []string) error {
		stack, err := oneStack("prune", args)
		if err != nil {
			return err
		}
		if o.keep < 0 {
			return usagef("--keep takes a number from 0, not %d", o.keep)
		}
		return runPrune(c.Context, s, stack, o)
	})
}

func runPrune(ctx context.Context, s *session, stack string, o pruneOptions) error {
	eng, err := s.env().Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = eng.Close() }() // a connection
	cluster, done := s.cluster(eng, true)
	defer done()
	removed, err := cluster.Prune(ctx, stack, o.keep, o.dryRun || s.global.dryRun)
	for _, name := range removed {
		_ = ui.Printf(s.Stdout, "%s\n", name)
	}
	return err
}
