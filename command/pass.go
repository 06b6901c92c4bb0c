package command

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/dockercli"
)

// newPass is a command of docker compose that needs no value.
func newPass(s *session, name, usage string) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, SkipFlagParsing: true, HideHelp: true, BashComplete: completeCompose(s, name),
		Action: func(c *cli.Context) error { return runPass(c.Context, s, name, c.Args().Slice()) },
	}
}

// introduce says in front of docker compose's own help what is done besides.
func (s *session) introduce(name string) error {
	text := "compose-secure " + name + " runs docker compose " + name + " on the project's model, in which no secret stands.\n"
	switch {
	case dockercli.Lookup(name).Needs == dockercli.Values:
		text = "compose-secure " + name + " stores the project's secrets in RAM, then runs docker compose " + name + " with all of its flags.\n"
	case name == "exec":
		text = "compose-secure exec runs docker compose exec with all of its flags. The command has the service's variables, those that are secret too:\n" +
			"they are read from the container's own files inside of it. --no-secrets, before SERVICE, leaves it without.\n"
	case name == "down":
		text = "compose-secure down runs docker compose down with all of its flags, then removes the project's secrets from RAM.\n"
	}
	_, err := io.WriteString(s.Stdout, text+"Global flags, such as --env-file, stand in front of the command: see compose-secure --help.\n")
	return err
}

// composeKnows asks docker compose whether it has a command that is not listed
// here: a newer one may.
func (s *session) composeKnows(ctx context.Context, name string) (bool, error) {
	docker, err := dockercli.FindCompose(ctx, s.Getenv)
	if err != nil {
		return false, err
	}
	code, err := docker.Exec(dockercli.Run{Args: []string{name, "--help"}, Env: s.env().ChildEnv(), Stdout: io.Discard, Stderr: io.Discard})
	return code == 0, err
}

// runPass runs a command of docker compose on the project's model, which holds
// no value. No secret is read.
func runPass(ctx context.Context, s *session, name string, args []string) error {
	docker, err := dockercli.FindCompose(ctx, s.Getenv)
	if err != nil {
		return err
	}
	command, call := dockercli.Lookup(name), dockercli.Parse(name, args)
	help := call.AsksForHelp()
	if help {
		if err := s.introduce(name); err != nil {
			return err
		}
		args = []string{"--help"} // nothing else, so that docker compose reads no file of the project
	}
	run := dockercli.Run{Stdin: s.Stdin, Stdout: s.direct.Stdout, Stderr: s.direct.Stderr, Signals: s.signals}
	project := ""
	if command.Needs == dockercli.Nothing || help || call.Has("--all-projects") {
		// Without one it would read the .env of this directory, which may be a pipe.
		run.Args, run.Env = append([]string{"--env-file", os.DevNull, name}, args...), s.env().ChildEnv()
	} else if project, err = s.env().Pass(ctx, call, s.projectOptions(call.Services...), deliver.PassOptions{DryRun: s.global.dryRun, Literals: shown(s.showLiterals)}, &run); err != nil {
		return err
	}
	code, err := docker.Exec(run)
	if err != nil {
		return err
	}
	if project != "" && command.Removes && !s.global.dryRun {
		holders, err := s.env().Clean(ctx, project)
		switch {
		case err != nil:
			s.log.Warn(err.Error())
		case name == "down" && len(holders) > 0 && len(call.Services) == 0:
			// An orphan, or what the engine was still making for an up that was killed.
			s.log.Warn("secrets stay in RAM, since there are still containers that use them: " + strings.Join(holders, ", "))
		}
	}
	if code != 0 {
		return exitError(code)
	}
	return nil
}
