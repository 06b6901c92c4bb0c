package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/tmpfs"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/visible"
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
	code, err := docker.Exec(dockercli.Run{Args: []string{name, "--help"}, Env: s.childEnv(nil), Stdout: io.Discard, Stderr: io.Discard})
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
	if command.Needs == dockercli.Nothing || help {
		// Without one it would read the .env of this directory, which may be a pipe.
		run.Args, run.Env = append([]string{"--env-file", os.DevNull, name}, args...), s.childEnv(nil)
	} else if project, err = s.passModel(ctx, call, &run); err != nil {
		return err
	}
	code, err := docker.Exec(run)
	if err != nil {
		return err
	}
	if project != "" && command.Removes && !s.global.dryRun {
		holders, err := s.clean(ctx, project, nil, nil)
		switch {
		case err != nil:
			s.log.warn("cleaning up: " + err.Error())
		case name == "down" && len(holders) > 0 && len(call.Services) == 0:
			// An orphan, or what the engine was still making for an up that was killed.
			s.log.warn("secrets stay in RAM, since there are still containers that use them: " + strings.Join(holders, ", "))
		}
	}
	if code != 0 {
		return exitError(code)
	}
	return nil
}

// passModel fills in the model. Without a compose file a project that is named
// is still one: docker compose finds it by its containers' labels.
func (s *session) passModel(ctx context.Context, c dockercli.Call, run *dockercli.Run) (string, error) {
	name, args := c.Name, c.Args
	l, err := s.load(ctx, forModel, c.Services...)
	if errors.Is(err, compose.ErrNoFile) && s.global.name != "" {
		run.Args = append([]string{"--project-name", s.global.name}, s.global.composeFlags(nil)...)
		if name == "exec" {
			args = parseExec(args).args(nil) // nothing says which variables it has
		}
		run.Args = append(append(run.Args, name), args...)
		run.Env = s.childEnv(nil)
		return s.global.name, nil
	}
	if err != nil {
		return "", err
	}
	if name != "config" { // which starts none
		if err := s.checkProviders(l); err != nil {
			return "", err
		}
	}
	plan, model, err := s.publicModel(ctx, l, name == "config" && !s.showLiterals)
	if err != nil {
		return "", err
	}
	if run.Model = model; name == "exec" {
		c.Args = s.execArgs(ctx, l, plan, args)
	}
	run.Model = compose.Blank(run.Model, l.Inputs)
	run.Args, run.Env = s.composeArgs(l.Name, l.WorkingDir, l.Profiles, c), s.childEnv(l, c.Passed()...)
	return l.Name, nil
}

// publicModel is the model for a command that needs no value. With --dry-run
// docker compose compares it with the containers, so it gets the images' facts
// and the versions that the containers have. masked says that it is to be printed.
func (s *session) publicModel(ctx context.Context, l *loaded, masked bool) (*transform.Plan, []byte, error) {
	if !s.global.dryRun {
		o := s.publicOptions(l)
		o.Tolerant = true
		plan, err := transform.New(l.Project, o)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range plan.Refused {
			s.log.warn(r.Text + "; going on, since nothing is created now")
		}
		l.use(plan)
		shown := plan.Project
		switch {
		case masked:
			shown = l.masked(plan)
		case s.showLiterals:
			shown = visible.Show(l.Project, shown)
		}
		model, err := compose.Encode(shown)
		return plan, model, err
	}
	plan, err := s.shownPlan(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	l.use(plan)
	eng, err := s.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = eng.Close() }() // a connection
	containers, err := eng.Containers(ctx, l.Name)
	if err != nil {
		return nil, nil, err
	}
	known := map[string]int{}
	raise(known, containers)
	model, err := compose.Encode(labelled(plan, known))
	return plan, model, err
}

// publicPlan is a plan that needs no store and no engine: the paths in it are
// those that the store will have. Services whose image would have to be looked at stay as they are.
func (s *session) publicPlan(l *loaded) (*transform.Plan, error) {
	return transform.New(l.Project, s.publicOptions(l))
}

func (s *session) publicOptions(l *loaded) transform.Options {
	o := s.planOptions(l, compose.Absolute(tmpfs.Dir(s.storeOptions()), l.Name))
	o.NoValues = true
	return o
}

// shownPlan is a public plan with the facts of those images that are here. The
// others are named in a warning, with the command that fetches them.
func (s *session) shownPlan(ctx context.Context, l *loaded) (*transform.Plan, error) {
	plan, err := s.publicPlan(l)
	if err != nil {
		return plan, err
	}
	plan, unreachable, err := s.withImages(ctx, l, plan)
	if err != nil {
		return nil, err
	}
	s.warn(warnings(l, plan))
	if unreachable != nil && len(plan.Images) > 0 {
		s.log.warn(fmt.Sprintf("%s are shown as they are and not wrapped, since their images cannot be looked at: %s",
			"services "+strings.Join(plan.Images, ", "), firstLine(unreachable)))
		return plan, nil
	}
	for _, name := range plan.Images {
		s.log.warn(fmt.Sprintf("services.%s: image %q is not here, so its command is shown as it is and not wrapped; get it with: %s",
			name, imageOf(l.Project.Project, name), getImage(l.Project.Project, name)))
	}
	return plan, nil
}

// withImages is plan with the facts of those images that are here; unreachable says why the engine could not be asked.
func (s *session) withImages(ctx context.Context, l *loaded, plan *transform.Plan) (_ *transform.Plan, unreachable, err error) {
	if len(plan.Inspect) == 0 {
		return plan, nil, nil
	}
	eng, unreachable := s.connect(ctx)
	if unreachable != nil {
		return plan, unreachable, nil
	}
	defer func() { _ = eng.Close() }() // a connection
	facts := s.openCache(factsFile)
	defer facts.save()
	o := s.publicOptions(l)
	if o.Images, err = imageFacts(ctx, eng, l.Project.Project, plan.Inspect, facts); err != nil || len(o.Images) == 0 {
		return plan, nil, err
	}
	plan, err = transform.New(l.Project, o)
	return plan, nil, err
}
