package command

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/dockercli"
)

// newPrepared is a command of docker compose that makes containers or builds
// images: the values it needs are stored before it runs.
func newPrepared(s *session, name, usage string) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, SkipFlagParsing: true, HideHelp: true, BashComplete: completeCompose(s, name),
		Action: func(c *cli.Context) error { return runPrepared(c.Context, s, name, c.Args().Slice()) },
	}
}

func runPrepared(ctx context.Context, s *session, name string, args []string) error {
	call := dockercli.Parse(name, args)
	s.global.dryRun = s.global.dryRun || call.Has("--dry-run")
	if call.AsksForHelp() || s.global.dryRun {
		return runPass(ctx, s, name, args)
	}
	return s.env().Up(ctx, call, s.projectOptions(call.Services...))
}
