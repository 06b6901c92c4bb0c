package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/tmpfs"
	"github.com/compose-secure/compose-secure/transform"
)

// Session is one delivery of a project: Open, Plan, Store, Run, and Close, whatever came before. It is the one owner of the
// lock of the project's files and of their removal.
type Session struct {
	engine  Engine
	store   Store
	runner  Runner
	records Records
	project *Project // nil when files are only removed
	call    dockercli.Call
	facts   *cache

	unlock   func()          // nil while the lock is not held
	services map[string]bool // that the call is about; nil is all
	plan     *transform.Plan
	model    string // path of the model
	ran      bool   // docker compose ran with the files
}

// Parts are what a session works with.
type Parts struct {
	Engine  Engine
	Store   Store
	Runner  Runner
	Records Records
}

// Open starts the delivery of a project for a call of docker compose: it locks the project's files.
func Open(p *Project, call dockercli.Call, parts Parts) (*Session, error) {
	unlock, err := parts.Store.Lock()
	if err != nil {
		return nil, err
	}
	return &Session{
		engine: parts.Engine, store: parts.Store, runner: parts.Runner, records: parts.Records,
		project: p, call: call, facts: p.env.openCache(factsFile), unlock: unlock,
	}, nil
}

// Deliver does all that an open session is for, and closes it. A code of docker compose other than 0 is an
// [ExitError], files that may be left are a [CleanupError] or, when all else went well, a warning.
func (s *Session) Deliver(ctx context.Context) error {
	err := s.Plan(ctx)
	if err == nil {
		err = s.Store(ctx)
	}
	if err == nil {
		err = s.Run()
	}
	_, failed := s.Close(ctx)
	if failed != nil && s.ran {
		s.project.env.Report.Warn(failed.Error())
		return err
	}
	return errors.Join(err, failed)
}

// Plan plans. Images that the plan has to know are pulled or built first, as docker compose would do next.
func (s *Session) Plan(ctx context.Context) error {
	defer s.facts.save()
	p := s.project
	o := p.planOptions(s.store.Dir())
	plan, err := transform.New(p.Project, o)
	if err != nil {
		return err
	}
	p.use(plan) // before any program starts
	s.services = closure(plan.Project, s.call.Services, s.call.Dependencies)
	if err := p.MissingFiles(s.services, s.call.Name == "build"); err != nil {
		return err
	}
	looked := sharers(plan.Project, s.services)
	inspect := slices.DeleteFunc(plan.Inspect, func(name string) bool { return looked != nil && !looked[name] })
	if len(inspect) > 0 {
		if plan, err = s.complete(ctx, plan, o, inspect); err != nil {
			return err
		}
	}
	s.plan = plan
	p.use(plan)
	if err := writeHelpers(plan.Helpers); err != nil {
		return err
	}
	s.report()
	return nil
}

// complete plans with the facts of images, which are pulled or built when they are not here.
func (s *Session) complete(ctx context.Context, plan *transform.Plan, o transform.Options, inspect []string) (*transform.Plan, error) {
	p := s.project
	var err error
	if o.Images, err = imageFacts(ctx, s.engine, p.Project.Project, inspect, s.facts); err != nil {
		return nil, err
	}
	required := slices.DeleteFunc(plan.Images, func(name string) bool { return !slices.Contains(inspect, name) })
	if pull, build := stale(p.Project.Project, required, o.Images, s.call); len(pull)+len(build) > 0 {
		if err := s.fetchImages(ctx, plan, pull, build); err != nil {
			return nil, err
		}
		if o.Images, err = imageFacts(ctx, s.engine, p.Project.Project, inspect, s.facts); err != nil {
			return nil, err
		}
	}
	if plan, err = transform.New(p.Project, o); err != nil {
		return nil, err
	}
	for _, name := range plan.Images {
		if slices.Contains(required, name) {
			return nil, fmt.Errorf("%s: image %q is not there, so its command cannot be wrapped; get it with: %s", compose.ContainerText(name), imageOf(p.Project.Project, name), getImage(p.Project.Project, name))
		}
	}
	p.images = o.Images
	return plan, nil
}

// report tells what a person should know of the plan.
func (s *Session) report() {
	p := s.project
	p.env.warn(p.Notes(s.plan))
	if s.call.Watches() {
		p.env.warn(keepsCommand(p, s.plan, s.services))
	}
	for _, m := range s.plan.Moves {
		p.env.Report.Debugf("%s: %s %s -> %s %s", m.Service, m.Delivery, m.Source, m.Secret, m.Sets)
		if m.Note != "" && m.Delivery == transform.Wrap && (s.services == nil || s.services[m.Service]) {
			p.env.Report.Warn(compose.ContainerText(m.Service) + ": " + m.Note)
		}
	}
}

// fetchImages runs docker compose pull and build for the images of services.
// Build secrets are in place by then.
func (s *Session) fetchImages(ctx context.Context, plan *transform.Plan, pull, build []string) error {
	for _, c := range []dockercli.Call{{Name: "pull", Args: pull}, {Name: "build", Args: build}} {
		if len(c.Args) == 0 {
			continue
		}
		services := map[string]bool{}
		for _, name := range c.Args {
			services[name] = true
		}
		plan := *plan
		plan.Project, c.Args = withImages(plan.Project, c.Args)
		if c.Name == "build" {
			if err := s.storePlan(ctx, &plan, services, false); err != nil {
				return err
			}
		} else {
			model, err := compose.Encode(plan.Project)
			if err != nil {
				return err
			}
			if s.model, err = s.store.WriteModel(compose.Blank(model, plan.Inputs), false); err != nil {
				return err
			}
		}
		code, err := s.runner.Exec(s.command(c))
		if err != nil {
			return err
		}
		if code != 0 {
			return ExitError(code)
		}
	}
	return context.Cause(ctx)
}

// Store gets the values that the call needs, stores them and writes the model.
func (s *Session) Store(ctx context.Context) error {
	return s.storePlan(ctx, s.plan, s.services, s.call.Attached)
}

// storePlan resolves and stores what services need and writes the final model.
func (s *Session) storePlan(ctx context.Context, plan *transform.Plan, services map[string]bool, attached bool) error {
	var containers []engine.Container
	var list errgroup.Group
	list.Go(func() (err error) {
		containers, err = s.engine.Containers(ctx, s.project.Name)
		return err
	})
	want := needed(plan, services)
	kept := slices.DeleteFunc(slices.Clone(plan.Kept), func(k transform.KeptValue) bool { return services != nil && !services[k.Service] })
	values, err := s.project.Resolve(ctx, want, kept)
	if err = errors.Join(err, list.Wait(), context.Cause(ctx)); err != nil {
		return err
	}
	if err := checkWrapped(plan, values, services); err != nil {
		return err
	}
	versions, err := s.put(ctx, want, values, containers)
	if err != nil {
		return err
	}
	model, err := finalModel(plan, versions, values)
	if err != nil {
		return err
	}
	s.model, err = s.store.WriteModel(model, attached)
	return err
}

// Run runs docker compose on the stored project. An attached one leaves the lock to others meanwhile.
func (s *Session) Run() error {
	release, err := s.store.ShareUse()
	if err != nil {
		return err
	}
	if s.call.Attached {
		s.release()
		if text := s.store.LingerWarning(); text != "" {
			s.project.env.Report.Warn(text)
		}
	}
	code, err := s.runner.Exec(s.command(s.call))
	release()
	if err != nil {
		return err
	}
	s.ran = true
	if code != 0 {
		return ExitError(code)
	}
	return nil
}

func (s *Session) command(c dockercli.Call) dockercli.Run {
	e := s.project.env
	return dockercli.Run{
		Args: s.project.ComposeArgs(c), Env: s.project.ChildEnv(c.Passed()...), ModelPath: s.model,
		Stdin: e.Stdin, Stdout: e.Stdout, Stderr: e.Stderr, Signals: e.Signals,
	}
}

func (s *Session) release() {
	if s.unlock != nil {
		s.unlock()
		s.unlock = nil
	}
}

// Close removes the files that no container mounts, writes down how to put those back that stay, and gives up the
// lock. A project that another process works on by now is that one's to clean. It returns the containers that keep a
// file, by name; an error is a [CleanupError].
func (s *Session) Close(ctx context.Context) (holders []string, err error) {
	defer func() {
		if err != nil {
			err = &CleanupError{s.store.Name(), err}
		}
	}()
	ctx = context.WithoutCancel(ctx)
	if s.unlock == nil {
		if s.unlock, err = s.store.Lock(); err != nil {
			var locked *tmpfs.LockedError
			if errors.As(err, &locked) {
				return nil, nil
			}
			return nil, err
		}
	}
	defer s.release()
	stay, holders, err := s.collect(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(stay) == 0:
		return nil, s.records.Remove(s.store.Name())
	case s.ran:
		return holders, s.project.record(s.store, s.records, stay)
	}
	return holders, nil
}

// collect removes every file of the project that no container mounts and returns those
// that stay, and the containers that hold them. It needs the lock, and leaves the files alone while an attached run
// may still need them.
func (s *Session) collect(ctx context.Context) (stay, holders []string, err error) {
	store := s.store
	release, free, err := store.TryExclusiveUse()
	if err != nil {
		return nil, nil, err
	}
	if !free {
		stay, err = store.List()
		return stay, nil, err
	}
	defer release()
	if err := s.sameEngine(ctx); err != nil {
		return nil, nil, err
	}
	containers, err := s.engine.Containers(ctx, store.Name())
	if err != nil {
		return nil, nil, err
	}
	if err := store.RemoveModels(); err != nil {
		return nil, nil, err
	}
	if len(containers) == 0 {
		return nil, nil, store.RemoveAll()
	}
	used := map[string]bool{}
	for _, c := range containers {
		holds := false
		for _, m := range c.Mounts {
			if name, ok := strings.CutPrefix(m.Source, store.Dir()+"/"); ok {
				used[name], holds = true, true
			}
		}
		if holds {
			holders = append(holders, c.Name)
		}
	}
	files, err := store.List()
	if err != nil {
		return nil, nil, err
	}
	stay = slices.DeleteFunc(slices.Clone(files), func(name string) bool { return !used[name] })
	return stay, holders, store.Remove(slices.DeleteFunc(files, func(name string) bool { return used[name] })...)
}

// sameEngine makes sure that the engine which is asked for the containers is the one
// that has them: another has none, and every file would look unused.
func (s *Session) sameEngine(ctx context.Context) error {
	known, err := s.readState()
	if err != nil {
		return err
	}
	info, err := s.engine.Info(ctx)
	if err != nil {
		return err
	}
	if known.Engine != "" && known.Engine != info.ID {
		return fmt.Errorf("the secrets of project %s belong to containers of another engine and stay; choose that one with DOCKER_HOST or a context, then run compose-secure down", s.store.Name())
	}
	return nil
}
