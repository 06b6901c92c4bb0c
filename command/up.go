package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/tmpfs"
	"github.com/compose-secure/compose-secure/transform"
)

// newPrepared is a command of docker compose that makes containers or builds
// images: the values it needs are stored before it runs.
func newPrepared(s *session, name, usage string) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, SkipFlagParsing: true, HideHelp: true, BashComplete: completeCompose(s, name),
		Action: func(c *cli.Context) error { return runPrepared(c.Context, s, name, c.Args().Slice()) },
	}
}

// runPrepared loads, plans, stores and hands over.
func runPrepared(ctx context.Context, s *session, name string, args []string) error {
	call := dockercli.Parse(name, args)
	s.global.dryRun = s.global.dryRun || call.Has("--dry-run")
	if call.AsksForHelp() || s.global.dryRun {
		return runPass(ctx, s, name, args)
	}
	docker, err := dockercli.FindCompose(ctx, s.Getenv)
	if err != nil {
		return err
	}
	connecting := s.connectAhead(ctx)
	defer connecting.close()
	l, err := s.load(ctx, forValues, call.Services...)
	if err != nil {
		return err
	}
	if err := s.checkProviders(l); err != nil {
		return err
	}
	call.KeepServices(func(name string) bool { _, ok := l.Services[name]; return ok })
	if err := override(&call, l); err != nil {
		return err
	}
	store, err := s.openStore()
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // a directory handle
	eng, err := connecting.local(ctx, store)
	if err != nil {
		return err
	}
	p, err := s.begin(store, l.Name, eng)
	if err != nil {
		return err
	}
	if err := s.makeReady(ctx, docker, l, p, call); err != nil {
		_, failed := p.collect(context.WithoutCancel(ctx))
		p.unlock()
		return errors.Join(err, failed)
	}
	return s.handOver(ctx, docker, l, p, call)
}

// makeReady plans, stores the values and writes the model. Images that the plan has to know
// are pulled or built first, as docker compose would do next.
func (s *session) makeReady(ctx context.Context, docker *dockercli.Compose, l *loaded, p *prepared, call dockercli.Call) error {
	facts := s.openCache(factsFile)
	defer facts.save()
	o := s.planOptions(l, p.project.Dir())
	plan, err := transform.New(l.Project, o)
	if err != nil {
		return err
	}
	l.use(plan) // before any program starts
	services := closure(plan.Project, call.Services, call.Dependencies)
	if err := l.missingFiles(services, call.Name == "build"); err != nil {
		return err
	}
	looked := sharers(plan.Project, services)
	inspect := slices.DeleteFunc(plan.Inspect, func(name string) bool { return looked != nil && !looked[name] })
	if len(inspect) > 0 {
		if o.Images, err = imageFacts(ctx, p.engine, l.Project.Project, inspect, facts); err != nil {
			return err
		}
		required := slices.DeleteFunc(plan.Images, func(name string) bool { return !slices.Contains(inspect, name) })
		if pull, build := stale(l.Project.Project, required, o.Images, call); len(pull)+len(build) > 0 {
			if err := s.fetchImages(ctx, docker, l, p, plan, pull, build); err != nil {
				return err
			}
			if o.Images, err = imageFacts(ctx, p.engine, l.Project.Project, inspect, facts); err != nil {
				return err
			}
		}
		if plan, err = transform.New(l.Project, o); err != nil {
			return err
		}
		for _, name := range plan.Images {
			if slices.Contains(required, name) {
				return fmt.Errorf("services.%s: image %q is not there, so its command cannot be wrapped; get it with: %s", name, imageOf(l.Project.Project, name), getImage(l.Project.Project, name))
			}
		}
	}
	l.images = o.Images
	l.use(plan)
	if err := s.writeHelpers(plan.Helpers); err != nil {
		return err
	}
	s.warn(warnings(l, plan))
	if call.Watches() {
		s.warn(keepsCommand(l, plan, services))
	}
	for _, m := range plan.Moves {
		s.log.debugf("%s: %s %s -> %s %s", m.Service, m.Delivery, m.Source, m.Secret, m.Sets)
		if m.Note != "" && m.Delivery == transform.Wrap && (services == nil || services[m.Service]) {
			s.log.warn("services." + m.Service + ": " + m.Note)
		}
	}
	return s.prepare(ctx, l, plan, p, services, call.Attached)
}

// fetchImages runs docker compose pull and build for the images of services.
// Build secrets are in place by then.
func (s *session) fetchImages(ctx context.Context, docker *dockercli.Compose, l *loaded, p *prepared, plan *transform.Plan, pull, build []string) error {
	for _, c := range []dockercli.Call{{Name: "pull", Args: pull}, {Name: "build", Args: build}} {
		if len(c.Args) == 0 {
			continue
		}
		services := map[string]bool{}
		for _, name := range c.Args {
			services[name] = true
		}
		if c.Name == "build" {
			if err := s.prepare(ctx, l, plan, p, services, false); err != nil {
				return err
			}
		} else {
			model, err := compose.Encode(plan.Project)
			if err != nil {
				return err
			}
			if p.modelPath, err = p.project.WriteModel(compose.Blank(model, plan.Inputs), false); err != nil {
				return err
			}
		}
		code, err := docker.Exec(s.run(l, p, c))
		if err != nil {
			return err
		}
		if code != 0 {
			return exitError(code)
		}
	}
	return context.Cause(ctx)
}

func (s *session) run(l *loaded, p *prepared, c dockercli.Call) dockercli.Run {
	return dockercli.Run{
		Args: s.composeArgs(l.Name, l.WorkingDir, l.Profiles, c), Env: s.childEnv(l, c.Passed()...), ModelPath: p.modelPath,
		Stdin: s.Stdin, Stdout: s.direct.Stdout, Stderr: s.direct.Stderr, Signals: s.signals,
	}
}

// connecting is a connection to the engine that is made while the project
// loads: each takes about as long as the other.
type connecting struct {
	done chan struct{}
	eng  *engine.Engine
	dir  string // that the engine is known to see, or ""
	err  error
}

func (s *session) connectAhead(ctx context.Context) *connecting {
	c := &connecting{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		if c.eng, c.err = s.connect(ctx); c.err != nil {
			return
		}
		dir := tmpfs.Dir(s.storeOptions())
		if _, err := os.Stat(dir); err != nil {
			return // the store is not there yet: local asks
		}
		if c.err = c.eng.Local(ctx, dir); c.err == nil {
			c.dir = dir
		}
	}()
	return c
}

// local returns the engine once it is sure that it can mount the store's files.
func (c *connecting) local(ctx context.Context, store *tmpfs.Store) (*engine.Engine, error) {
	<-c.done
	if c.err != nil || c.dir == store.Dir() {
		return c.eng, c.err
	}
	return c.eng, c.eng.Local(ctx, store.Dir())
}

func (c *connecting) close() {
	<-c.done
	if c.eng != nil {
		_ = c.eng.Close() // a connection
	}
}

// handOver runs docker compose on the prepared project and then removes what no
// container uses.
func (s *session) handOver(ctx context.Context, docker *dockercli.Compose, l *loaded, p *prepared, call dockercli.Call) error {
	release, err := p.project.ShareUse()
	if err != nil {
		p.unlock()
		return err
	}
	if call.Attached {
		p.unlock() // others may work on the project while this one shows logs
		if text := p.store.LingerWarning(); text != "" {
			s.log.warn(text)
		}
	}
	code, err := docker.Exec(s.run(l, p, call))
	release()
	p.unlock()
	if err != nil {
		_, failed := s.clean(ctx, l.Name, nil, p.engine)
		return errors.Join(err, failed)
	}
	if _, err := s.clean(ctx, l.Name, l, p.engine); err != nil {
		s.log.warn("cleaning up: " + err.Error())
	}
	if code != 0 {
		return exitError(code)
	}
	return nil
}
