package swarm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/compose-secure/compose-secure/secret"
)

// DefaultTimeout is how long a rollout may take.
const DefaultTimeout = 10 * time.Minute

// patience is how long another command's update is waited for.
const patience = time.Minute

// Deployment is what becomes of a stack.
type Deployment struct {
	Stack   string
	Project *types.Project // holds no value
	// Secrets and Configs are the contents of those that are not external, by key in the project.
	Secrets map[string]secret.Value
	Configs map[string][]byte
	// Fill puts into the model what stays in the environment; nil for nothing.
	Fill func(model []byte) ([]byte, error)
	// Ignored hears what Swarm has no use for; nil for nobody.
	Ignored func([]Ignored)

	Docker  Docker
	Flags   []string // more of docker stack deploy
	Prune   bool     // remove services that the project does not have
	Detach  bool     // do not wait
	Again   bool     // take values back that rollback left; without it that is a *RejectedError
	Timeout time.Duration
}

// Deploy brings the stack to what d says and waits until every service has
// converged. When one does not, every service goes back to what it was before and the
// error is a *RolledBackError. With nothing changed no task restarts.
func (c *Cluster) Deploy(ctx context.Context, d Deployment) (err error) {
	run, err := d.Docker.begin(ctx, d.Stack, d.Flags)
	if err != nil {
		return err
	}
	handed := false
	defer func() {
		if !handed {
			run.abort()
		}
	}()
	v, err := c.settle(ctx, d.Stack, min(patience, d.timeout()))
	if err != nil {
		return err
	}
	op := newOperation()
	back := v.points(op)
	secrets, configs, names, err := c.storeAll(ctx, v, d)
	drop := func(err error) error {
		return errors.Join(err, c.discard(context.WithoutCancel(ctx), d.Stack, secrets, configs))
	}
	if err != nil {
		return drop(err)
	}
	model, err := d.model(names, op)
	if err != nil {
		return drop(err)
	}
	base, err := c.rebase(ctx, v)
	if err != nil {
		return drop(err)
	}
	networks, err := c.networks(ctx, d.Stack)
	if err != nil {
		return drop(err)
	}
	handed = true
	err = run.finish(model)
	for try := 1; c.onlyMoved(ctx, err, d.Stack, base, op) && try < attempts; try++ {
		if run, err = d.Docker.begin(ctx, d.Stack, d.Flags); err == nil {
			err = run.finish(model)
		}
	}
	if err == nil && d.Detach {
		return c.relabel(ctx, v, d, names)
	}
	if err == nil {
		err = c.converge(ctx, d, op, back)
	}
	if err != nil {
		return c.giveUp(ctx, d, op, back, secrets, configs, networks, err)
	}
	if err := c.relabel(ctx, v, d, names); err != nil {
		return err
	}
	if d.Prune {
		return c.removeOthers(ctx, d, v)
	}
	return nil
}

func (d *Deployment) timeout() time.Duration {
	if d.Timeout > 0 {
		return d.Timeout
	}
	return DefaultTimeout
}

// points are what every service of the stack goes back to if op fails.
func (v *view) points(op string) []saved {
	back := make([]saved, len(v.services))
	for i := range v.services {
		s := &v.services[i]
		back[i] = saved{id: s.ID, name: s.Spec.Name, spec: v.baseline(s), op: op}
	}
	return back
}

// storeAll makes the versions that the deploy needs and names all of them.
func (c *Cluster) storeAll(ctx context.Context, v *view, d Deployment) (secrets, configs []version, names Names, err error) {
	choices, err := v.choose(d.Secrets)
	if err == nil && !d.Again {
		err = v.checkRejected(choices)
	}
	if err != nil {
		return nil, nil, names, err
	}
	ownSecrets, ownConfigs := d.ownLabels()
	for i := range choices {
		choices[i].own = ownSecrets[choices[i].base]
	}
	secrets, err = c.create(ctx, d.Stack, choices, len(choices))
	if err != nil {
		return secrets, nil, names, err
	}
	names.Configs, configs, err = c.storeConfigs(ctx, v, d.Configs, ownConfigs)
	if err != nil {
		return secrets, configs, names, err
	}
	names.Secrets = map[string]string{}
	for _, ch := range choices {
		names.Secrets[ch.base] = ch.target.name
	}
	for key, s := range d.Project.Secrets {
		if bool(s.External) {
			names.Secrets[key] = v.adopted(s.Name)
		}
	}
	for key, s := range d.Project.Configs {
		if bool(s.External) {
			names.Configs[key] = s.Name
		}
	}
	return secrets, configs, names, nil
}

// adopted is the version in use of an external secret that was rotated here,
// else the secret itself.
func (v *view) adopted(name string) string {
	if used := v.inUse()[name]; len(used) > 0 && used[0].managed() {
		return used[0].name
	}
	return name
}

// model is the complete input of docker stack deploy.
func (d *Deployment) model(names Names, op string) ([]byte, error) {
	model, ignored, err := Translate(d.Project, names, map[string]string{operationLabel: op})
	if err != nil {
		return nil, err
	}
	if d.Ignored != nil && len(ignored) > 0 {
		d.Ignored(ignored)
	}
	if d.Fill == nil {
		return model, nil
	}
	return d.Fill(model)
}

// rebase makes the last whole spec of a service that an unfinished command left
// behind its previous one again: the next update would lose it. It returns what every service is now, by id.
func (c *Cluster) rebase(ctx context.Context, v *view) (map[string]api.ServiceSpec, error) {
	base := map[string]api.ServiceSpec{}
	for i := range v.services {
		s := &v.services[i]
		base[s.ID] = s.Spec
		if !unfinished(s) {
			continue
		}
		op := s.Spec.Labels[operationLabel]
		err := c.change(ctx, s, api.ServiceUpdateOptions{RegistryAuthFrom: api.RegistryAuthFromPreviousSpec}, func(now *api.Service) (*api.ServiceSpec, error) {
			base[s.ID] = now.Spec
			if now.Spec.Labels[operationLabel] != op || !unfinished(now) {
				return nil, nil
			}
			restored := asRestored(s.PreviousSpec)
			base[s.ID] = *restored
			return restored, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return base, nil
}

// onlyMoved reports whether err is a conflict that nobody made: the version of a service
// rises also when the swarm notes how far its update is. Every service is then as it was in base, or as
// op wants it, and the deploy may be tried again without taking anything back.
func (c *Cluster) onlyMoved(ctx context.Context, err error, stack string, base map[string]api.ServiceSpec, op string) bool {
	var conflict *ConflictError
	if !errors.As(err, &conflict) {
		return false
	}
	services, err := c.engine.ServiceList(ctx, api.ServiceListOptions{Filters: ofStack(stack)})
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(services, func(s api.Service) bool {
		was, known := base[s.ID]
		return s.Spec.Labels[operationLabel] != op && !(known && sameSpec(was, s.Spec))
	})
}

// sameSpec compares specs as the API writes them: one that was sent differs in memory from the same one read.
func sameSpec(a, b api.ServiceSpec) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// converge watches every service that the deploy wrote.
func (c *Cluster) converge(ctx context.Context, d Deployment, op string, back []saved) error {
	ctx, cancel := context.WithTimeoutCause(ctx, d.timeout(), context.DeadlineExceeded)
	defer cancel()
	services, err := c.engine.ServiceList(ctx, api.ServiceListOptions{Filters: ofStack(d.Stack)})
	if err != nil {
		return fmt.Errorf("list the services of stack %q: %w", d.Stack, err)
	}
	slices.SortFunc(services, func(a, b api.Service) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	var rollouts []*rollout
	for i := range services {
		s := &services[i]
		auto := s.UpdateStatus != nil && s.UpdateStatus.State == api.UpdateStateRollbackStarted
		if s.Spec.Labels[operationLabel] != op && !auto {
			if _, ours := d.Project.Services[strings.TrimPrefix(s.Spec.Name, d.Stack+"_")]; ours {
				return &ConflictError{What: "service " + s.Spec.Name}
			}
			continue
		}
		created := !slices.ContainsFunc(back, func(b saved) bool { return b.id == s.ID && b.spec != nil })
		rollouts = append(rollouts, &rollout{id: s.ID, name: s.Spec.Name, created: created, started: time.Now()})
	}
	return c.watch(ctx, d.Stack, rollouts, nil)
}

// giveUp undoes a deploy. Its error is a *RolledBackError if any service had
// been changed, else the cause alone.
func (c *Cluster) giveUp(ctx context.Context, d Deployment, op string, back []saved, secrets, configs []version, networks map[string]bool, cause error) error {
	clean := context.WithoutCancel(ctx)
	v, err := c.look(clean, d.Stack)
	if err != nil {
		return errors.Join(cause, err)
	}
	for i := range v.services {
		s := &v.services[i]
		if s.Spec.Labels[operationLabel] == op && !slices.ContainsFunc(back, func(b saved) bool { return b.id == s.ID }) {
			back = append(back, saved{id: s.ID, name: s.Spec.Name, op: op})
		}
	}
	changed, undone := c.undo(ctx, d.Stack, back, secrets, configs)
	undone = errors.Join(undone, c.dropNetworks(clean, d.Stack, networks))
	var failed *FailedError
	if changed || errors.As(cause, &failed) {
		return &RolledBackError{Cause: cause, Undo: undone}
	}
	return errors.Join(cause, undone)
}

// networks are the ids of the stack's networks.
func (c *Cluster) networks(ctx context.Context, stack string) (map[string]bool, error) {
	list, err := c.engine.NetworkList(ctx, network.ListOptions{Filters: ofStack(stack)})
	if err != nil {
		return nil, fmt.Errorf("list the networks of stack %q: %w", stack, err)
	}
	ids := map[string]bool{}
	for _, n := range list {
		ids[n.ID] = true
	}
	return ids, nil
}

// dropNetworks removes those that were not there before. It waits a little
// for tasks that still hold them.
func (c *Cluster) dropNetworks(ctx context.Context, stack string, before map[string]bool) error {
	ids, err := c.networks(ctx, stack)
	if err != nil {
		return err
	}
	for id := range maps.Keys(ids) {
		if before[id] {
			continue
		}
		for try := 0; ; try++ {
			err := gone(c.engine.NetworkRemove(ctx, id), "network")
			if err == nil {
				break
			}
			if try == 50 {
				return err
			}
			if sleep(ctx, 2*c.poll) != nil {
				return err
			}
		}
	}
	return nil
}

// removeOthers removes the services that the project does not have, once all others are well.
func (c *Cluster) removeOthers(ctx context.Context, d Deployment, v *view) error {
	var errs []error
	for i := range v.services {
		s := &v.services[i]
		if _, ok := d.Project.Services[strings.TrimPrefix(s.Spec.Name, d.Stack+"_")]; !ok {
			c.say("removing service " + s.Spec.Name)
			errs = append(errs, gone(c.engine.ServiceRemove(ctx, s.ID), "service "+s.Spec.Name))
		}
	}
	return errors.Join(errs...)
}
