package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/source"
	"github.com/compose-secure/compose-secure/tmpfs"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/wrap"
)

// versionLabel, with the secret's name behind it, tells which version of the
// secret a service was created with. It is a counter: nothing of the value is in it.
const versionLabel = "io.compose-secure.version."

// resolve gets the values of the secrets, all sources at once. Those that stay
// in the environment come back under the name of their reference.
func (l *loaded) resolve(ctx context.Context, secrets []*transform.Secret, kept []transform.KeptValue) (map[string]secret.Value, error) {
	var refs []secret.Ref
	places := map[string][]string{}
	add := func(in *secret.Input, at []string) {
		if in == nil || in.Ref == nil {
			return
		}
		refs = append(refs, *in.Ref)
		if places[in.Ref.ID()] == nil {
			places[in.Ref.ID()] = at
		}
	}
	for _, k := range kept {
		for _, in := range k.Inputs {
			add(in, k.At)
		}
	}
	for _, s := range secrets {
		for _, p := range s.Parts {
			add(p.Input, s.At)
		}
	}
	resolved, err := source.Resolve(ctx, l.sources, refs)
	if err != nil {
		return nil, eachRefError(err, func(e *secret.RefError) error { return l.placed(e, places[e.Ref.ID()]) })
	}
	values := make(map[string]secret.Value, len(resolved)+len(secrets))
	maps.Copy(values, resolved)
	for _, s := range secrets {
		values[s.Name] = join(s.Parts, resolved)
	}
	for _, v := range values { // a copy of one may stand in the environment under any name
		l.values = append(l.values, string(v.Reveal()))
	}
	return values, nil
}

// placed puts the position of a path in the model in front of an error.
func (l *loaded) placed(err error, path []string) error {
	if position := l.Sources().Find(l.Sources().Bearer(path)...); position.File != "" {
		return fmt.Errorf("%s: %w", position, err)
	}
	return err
}

func join(parts []secret.Part, resolved map[string]secret.Value) secret.Value {
	var b []byte
	for _, p := range parts {
		switch {
		case p.Input == nil:
			b = append(b, p.Literal.Reveal()...)
		case p.Input.Ref != nil:
			b = append(b, resolved[p.Input.Ref.ID()].Reveal()...)
		default:
			b = append(b, p.Input.Known.Reveal()...)
		}
	}
	return secret.NewValue(b)
}

// needed are the secrets that the named services, and what they depend on, use;
// all of them without names.
func needed(plan *transform.Plan, services map[string]bool) []*transform.Secret {
	var list []*transform.Secret
	for _, s := range plan.Secrets {
		if slices.ContainsFunc(s.Files, func(f transform.StoredFile) bool {
			return slices.ContainsFunc(f.Services, func(name string) bool { return services == nil || services[name] })
		}) {
			list = append(list, s)
		}
	}
	return list
}

// closure returns the services and all that they need to run; nil for all.
func closure(project *types.Project, names []string, withDependencies bool) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	found := map[string]bool{}
	for queue := slices.Clone(names); len(queue) > 0; queue = queue[1:] {
		s, ok := project.Services[queue[0]]
		if !ok || found[s.Name] {
			continue
		}
		found[s.Name] = true
		if withDependencies {
			queue = append(queue, dependencies(s)...)
		}
	}
	return found
}

// sharers are services, and those whose volumes they name; nil for all.
func sharers(project *types.Project, services map[string]bool) map[string]bool {
	all := maps.Clone(services)
	for name := range services {
		for _, from := range project.Services[name].VolumesFrom {
			other, _, _ := strings.Cut(from, ":")
			all[other] = true
		}
	}
	return all
}

func dependencies(s types.ServiceConfig) []string {
	names := s.GetDependencies()
	for _, link := range s.Links {
		name, _, _ := strings.Cut(link, ":")
		names = append(names, name)
	}
	for _, from := range s.VolumesFrom {
		name, _, _ := strings.Cut(from, ":")
		names = append(names, name)
	}
	for _, mode := range []string{s.NetworkMode, s.Ipc, s.Pid} {
		if name, ok := strings.CutPrefix(mode, types.ServicePrefix); ok {
			names = append(names, name)
		}
	}
	return names
}

// prepared is a project whose values stand in the RAM store.
type prepared struct {
	store     *tmpfs.Store
	project   *tmpfs.Project
	engine    *engine.Engine
	modelPath string
	unlock    func()
	holders   []string // containers that mount a file, by name; set by collect
}

// state is what the store remembers of a project beside its files.
type state struct {
	Versions map[string]int `json:"versions"`
	Engine   string         `json:"engine,omitempty"` // id of the engine whose containers use the files
}

// begin locks the project's part of the store.
func (s *session) begin(store *tmpfs.Store, name string, eng *engine.Engine) (*prepared, error) {
	p := &prepared{store: store, engine: eng}
	var err error
	if p.project, err = store.Project(name); err != nil {
		return nil, err
	}
	if p.unlock, err = p.project.Lock(); err != nil {
		return nil, err
	}
	return p, nil
}

// prepare resolves and stores what services need and writes the final model.
func (s *session) prepare(ctx context.Context, l *loaded, plan *transform.Plan, p *prepared, services map[string]bool, attached bool) error {
	var (
		wg         sync.WaitGroup
		containers []engine.Container
		listErr    error
	)
	wg.Go(func() { containers, listErr = p.engine.Containers(ctx, l.Name) })
	want := needed(plan, services)
	kept := slices.DeleteFunc(slices.Clone(plan.Kept), func(k transform.KeptValue) bool { return services != nil && !services[k.Service] })
	values, err := l.resolve(ctx, want, kept)
	wg.Wait()
	if err = errors.Join(err, listErr, context.Cause(ctx)); err != nil {
		return err
	}
	if err := checkWrapped(plan, values, services); err != nil {
		return err
	}
	versions, err := p.put(ctx, want, values, containers)
	if err != nil {
		return err
	}
	model, err := finalModel(plan, versions, values)
	if err != nil {
		return err
	}
	p.modelPath, err = p.project.WriteModel(model, attached)
	return err
}

// checkWrapped refuses values that no environment can hold before anything of
// services runs; nil is all.
func checkWrapped(plan *transform.Plan, values map[string]secret.Value, services map[string]bool) error {
	var errs []error
	for _, m := range plan.Moves {
		v, resolved := values[m.Secret]
		if m.Delivery != transform.Wrap || m.Variable == "" || !resolved || services != nil && !services[m.Service] {
			continue
		}
		if err := wrap.Check(m.Variable, v); err != nil {
			errs = append(errs, fmt.Errorf("services.%s: %w", m.Service, err))
		}
	}
	return errors.Join(errs...)
}

// file is one file to be stored, with what the store holds now.
type file struct {
	transform.StoredFile
	value    secret.Value
	uid, gid int
	changes  bool // the content becomes another
}

// put stores the values and returns the version of every secret. Everything
// that can be wrong is found before the first file is written, and the new versions are
// written down before the values: an interrupted run recreates a service too many, never one too few.
func (p *prepared) put(ctx context.Context, want []*transform.Secret, values map[string]secret.Value, containers []engine.Container) (map[string]int, error) {
	known, err := p.state(containers)
	if err != nil {
		return nil, err
	}
	ids, err := p.engine.IDMap(ctx)
	if err != nil {
		return nil, err
	}
	p.store.UseEngine(ids.PID)
	var files []file
	for _, s := range want {
		changed := false
		for _, stored := range s.Files {
			f, err := p.compare(ctx, ids, stored, values[s.Name], containers)
			if err != nil {
				return nil, fmt.Errorf("secret %s: %w", s.Name, err)
			}
			changed = changed || f.changes
			files = append(files, f)
		}
		if known.Versions[s.Name] == 0 || changed {
			known.Versions[s.Name]++
		}
	}
	info, err := p.engine.Info(ctx)
	if err != nil {
		return nil, err
	}
	known.Engine = info.ID
	data, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	if err := p.project.WriteState(data); err != nil {
		return nil, err
	}
	for _, f := range files {
		if _, err := p.project.Put(f.Name, f.value, f.uid, f.gid, modeOf(f.StoredFile)); err != nil {
			return nil, err
		}
	}
	return known.Versions, nil
}

// compare finds out what storing a file would change, and refuses what must not be changed: the
// value that a container of another service reads.
func (p *prepared) compare(ctx context.Context, ids engine.IDMap, stored transform.StoredFile, value secret.Value, containers []engine.Container) (file, error) {
	f := file{StoredFile: stored, value: value}
	if len(value.Reveal()) >= secret.MaxSize {
		return f, &tmpfs.TooLargeError{File: stored.Name}
	}
	var err error
	if f.uid, f.gid, err = hostOwner(ids, stored); err != nil {
		return f, err
	}
	old, had, err := p.project.Get(stored.Name)
	if err != nil || !had { // Put tells what is wrong with it, or repairs it
		f.changes = p.runsWithAnother(ctx, stored, value, containers)
		return f, nil
	}
	if f.changes = !old.Equal(value); !f.changes {
		return f, nil
	}
	for _, c := range containers {
		if !slices.Contains(stored.Services, c.Service) && p.mounts(c, stored.Name) {
			return f, fmt.Errorf("service %s reads another value under the same name; run compose-secure up for it first, or give one of the two variables another name", c.Service)
		}
	}
	return f, nil
}

func (p *prepared) mounts(c engine.Container, name string) bool {
	return slices.ContainsFunc(c.Mounts, func(m engine.Mount) bool { return m.Source == p.project.Path(name) })
}

// state is what is known of the project: with the highest versions that the
// store, or a container that outlived it, has.
func (p *prepared) state(containers []engine.Container) (state, error) {
	known, err := p.readState()
	if err != nil {
		return known, err
	}
	raise(known.Versions, containers)
	return known, nil
}

func (p *prepared) readState() (state, error) {
	var known state
	data, ok, err := p.project.ReadState()
	if err != nil {
		return known, err
	}
	if ok && json.Unmarshal(data, &known) != nil {
		known = state{} // the containers tell
	}
	if known.Versions == nil {
		known.Versions = map[string]int{}
	}
	return known, nil
}

// raise lifts versions to those that containers have.
func raise(versions map[string]int, containers []engine.Container) {
	for _, c := range containers {
		for label, text := range c.Labels {
			name, ok := strings.CutPrefix(label, versionLabel)
			if n, err := strconv.Atoi(text); ok && err == nil && n > versions[name] {
				versions[name] = n
			}
		}
	}
}

// finalModel is the model for docker compose: with the versions as labels, and
// with the values that the user wants in the environment.
func finalModel(plan *transform.Plan, versions map[string]int, values map[string]secret.Value) ([]byte, error) {
	model, err := compose.Encode(labelled(plan, versions))
	if err != nil {
		return nil, err
	}
	return compose.Fill(model, plan.Inputs, func(in *secret.Input) secret.Value {
		if in.Ref != nil {
			return values[in.Ref.ID()]
		}
		return in.Known
	})
}

// labelled is the planned project with a version label for every secret that a
// service uses.
func labelled(plan *transform.Plan, versions map[string]int) *types.Project {
	project := plan.Project.WithServicesDisabled() // a deep copy
	for _, s := range plan.Secrets {
		for _, f := range s.Files {
			for _, name := range f.Services {
				service, ok := project.Services[name]
				if !ok || versions[s.Name] == 0 {
					continue
				}
				service.Labels = maps.Clone(service.Labels)
				if service.Labels == nil {
					service.Labels = types.Labels{}
				}
				service.Labels[versionLabel+s.Name] = strconv.Itoa(versions[s.Name])
				project.Services[name] = service
			}
		}
	}
	return project
}
