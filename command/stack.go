package command

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/swarm"
)

func newStack(s *session) *cli.Command {
	return group(&cli.Command{
		Name: "stack", Usage: "deploy to a swarm, or remove from it",
		Subcommands: []*cli.Command{newStackDeploy(s), newStackRemove(s)},
	}, "; docker stack has others")
}

type deployOptions struct {
	files        cli.StringSlice
	prune        bool
	force        bool
	detach       bool
	timeout      time.Duration
	registryAuth bool
	resolveImage string
	quiet        bool
	dryRun       bool
}

func newStackDeploy(s *session) *cli.Command {
	var o deployOptions
	return interspersed(&cli.Command{
		Name: "deploy", Aliases: []string{"up"}, Usage: "deploy the project as a stack, secrets as versions, and wait until it has converged",
		ArgsUsage: "STACK",
		Description: `A secret gets a new version only when its value changed. When a service does not
   come up, every service goes back to what it was and the exit code is 4.

   Example:
     compose-secure --env-file secrets.enc.env stack deploy shop`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "compose-file", Aliases: []string{"c"}, Usage: "compose `FILE`, repeatable; as the global -f", Destination: &o.files},
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "do not wait for the services to converge", Destination: &o.detach},
			&cli.BoolFlag{Name: "dry-run", Usage: "print which versions would be made; changes nothing", Destination: &o.dryRun},
			&cli.BoolFlag{Name: "force", Usage: "deploy a value also when it was rolled back", Destination: &o.force},
			&cli.BoolFlag{Name: "prune", Usage: "remove services that the project does not have, once the others have converged", Destination: &o.prune},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "show no progress", Destination: &o.quiet},
			&cli.StringFlag{Name: "resolve-image", Value: "always", Usage: "ask the registry for digests: always, changed, never", Destination: &o.resolveImage},
			timeoutFlag(&o.timeout),
			&cli.BoolFlag{Name: "with-registry-auth", Usage: "give the nodes the login for the registry", Destination: &o.registryAuth},
		},
	}, func(c *cli.Context, args []string) error {
		stack, err := oneStack("stack deploy", args)
		if err != nil {
			return err
		}
		switch o.resolveImage {
		case "always", "changed", "never":
		default:
			return usagef("--resolve-image is always, changed or never, not %q", o.resolveImage)
		}
		return runStackDeploy(c.Context, s, stack, o)
	})
}

func timeoutFlag(into *time.Duration) cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Value: swarm.DefaultTimeout, Usage: "how long services may take to converge", Destination: into}
}

// oneStack is the only argument of a command.
func oneStack(command string, args []string) (string, error) {
	if len(args) != 1 {
		return "", usagef("%s takes the name of one stack, but got %d arguments", command, len(args))
	}
	if err := swarm.CheckStack(args[0]); err != nil {
		return "", usageError{err.Error()}
	}
	return args[0], nil
}

func runStackDeploy(ctx context.Context, s *session, stack string, o deployOptions) error {
	if _, err := s.env().Docker(); err != nil {
		return err
	}
	p, err := s.env().Load(ctx, deliver.ForValues, s.stackOptions(stack, o.files.Value()))
	if err != nil {
		return err
	}
	eng, err := s.env().Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = eng.Close() }() // a connection
	d, err := p.Deployment(ctx, eng)
	if err != nil {
		return err
	}
	cluster, done := s.cluster(eng, o.quiet)
	defer done()
	d.Stack, d.Flags, d.Prune, d.Detach, d.Again, d.Timeout = stack, o.flags(), o.prune, o.detach, o.force, o.timeout
	if o.dryRun || s.global.dryRun {
		changes, err := cluster.Preview(ctx, d)
		if err != nil {
			return err
		}
		return printChanges(s.Stdout, changes)
	}
	return s.rolledBack(ctx, cluster.Deploy(ctx, d))
}

func (o deployOptions) flags() []string {
	flags := []string{"--resolve-image", o.resolveImage}
	if o.registryAuth {
		flags = append(flags, "--with-registry-auth")
	}
	return flags
}

// stackOptions are those of the project under the stack's name, as docker stack deploy
// would have it, unless the user gives another.
func (s *session) stackOptions(stack string, files []string) compose.Options {
	if len(files) == 0 {
		files = s.global.files.Value()
	}
	name := s.global.name
	if name == "" && s.Getenv("COMPOSE_PROJECT_NAME") == "" && strings.ToLower(stack) == stack && !strings.Contains(stack, ".") {
		name = stack
	}
	o := s.projectOptions()
	o.Files, o.ProjectName = files, name
	return o
}

// rolledBack tells what failed and turns it into exit code 4.
func (s *session) rolledBack(ctx context.Context, err error) error {
	var back *swarm.RolledBackError
	if !errors.As(err, &back) {
		return err
	}
	code := exitRolledBack
	if interrupted, ok := errors.AsType[interrupted](context.Cause(ctx)); ok {
		code = interrupted.code()
	}
	for line := range strings.SplitSeq(back.Error(), "\n") {
		s.log.Error(line)
	}
	if back.Undo != nil {
		s.log.Error("not everything could be undone; see compose-secure status, then run the command again")
	} else {
		s.log.Error("rolled back: every service is as it was before")
	}
	return exitError(code)
}

func (s *session) cluster(eng *engine.Engine, quiet bool) (*swarm.Cluster, func()) {
	report := s.newRolloutReport(quiet)
	return swarm.New(eng.Client(), report), report.end
}

func newStackRemove(s *session) *cli.Command {
	var timeout time.Duration
	return interspersed(&cli.Command{
		Name: "rm", Aliases: []string{"remove", "down"}, Usage: "remove a stack with all versions of its secrets and configs",
		ArgsUsage: "STACK",
		Description: `Example:
     compose-secure stack rm shop`,
		Flags: []cli.Flag{timeoutFlag(&timeout)},
	}, func(c *cli.Context, args []string) error {
		stack, err := oneStack("stack rm", args)
		if err != nil {
			return err
		}
		return runStackRemove(c.Context, s, stack, timeout)
	})
}

func runStackRemove(ctx context.Context, s *session, stack string, timeout time.Duration) error {
	docker, err := s.env().Docker()
	if err != nil {
		return err
	}
	eng, err := s.env().Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = eng.Close() }() // a connection
	cluster, done := s.cluster(eng, false)
	defer done()
	return cluster.Remove(ctx, docker, stack, timeout)
}
