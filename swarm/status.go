package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// Status is one version of one secret of a stack.
type Status struct {
	Stack    string    `json:"stack"`
	Secret   string    `json:"secret"`
	Version  int       `json:"version"` // 0: not made by this tool
	Name     string    `json:"name"`    // of the object
	Created  time.Time `json:"created"`
	Services []string  `json:"services"` // whose spec mounts it
	Previous []string  `json:"previous"` // services that could go back to it
	Tasks    int       `json:"tasks"`    // running with it
	// State is current, previous, rolled-back, kept, draining (only tasks that are about to end have it) or orphan: newer than
	// what the services use, left by a command that did not finish.
	State  string `json:"state"`
	Digest string `json:"digest"` // argon2id, none or unreadable
}

// Status lists the secrets of a stack, or of every stack.
func (c *Cluster) Status(ctx context.Context, stack string) ([]Status, error) {
	stacks := []string{stack}
	if stack == "" {
		var err error
		if stacks, err = c.stacks(ctx); err != nil {
			return nil, err
		}
	}
	var all []Status
	for _, name := range stacks {
		v, err := c.look(ctx, name)
		if err != nil {
			return nil, err
		}
		if stack != "" && len(v.services)+len(v.secrets.byID) == 0 {
			return nil, fmt.Errorf("there is no stack %q; docker stack ls lists what there is", stack)
		}
		all = append(all, v.status()...)
	}
	return all, nil
}

func (c *Cluster) stacks(ctx context.Context) ([]string, error) {
	services, err := c.engine.ServiceList(ctx, api.ServiceListOptions{})
	if err != nil {
		return nil, managerHint(fmt.Errorf("list services: %w", err))
	}
	secrets, err := c.engine.SecretList(ctx, api.SecretListOptions{})
	if err != nil {
		return nil, managerHint(fmt.Errorf("list secrets: %w", err))
	}
	var names []string
	for _, s := range services {
		names = append(names, s.Spec.Labels[stackLabel])
	}
	for _, s := range secrets {
		names = append(names, s.Spec.Labels[stackLabel])
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(n string) bool { return n == "" }), nil
}

// status lists every version in the stack or used by it, newest first.
func (v *view) status() []Status {
	byID := map[string]*Status{}
	entry := func(o version) *Status {
		if byID[o.id] == nil {
			byID[o.id] = &Status{
				Stack: v.stack, Secret: o.base, Version: o.number, Name: o.name, Created: o.created,
				Services: []string{}, Previous: []string{}, Digest: digestState(o.digest),
			}
		}
		return byID[o.id]
	}
	for _, o := range v.secrets.byID {
		entry(o)
	}
	for i := range v.services {
		s := &v.services[i]
		for _, ref := range secretsOf(&s.Spec) {
			e := entry(v.secrets.of(ref.SecretID, ref.SecretName))
			e.Services = append(e.Services, s.Spec.Name)
		}
		for _, ref := range secretsOf(s.PreviousSpec) {
			e := entry(v.secrets.of(ref.SecretID, ref.SecretName))
			e.Previous = append(e.Previous, s.Spec.Name)
		}
	}
	draining := map[string]bool{}
	for _, t := range v.tasks {
		for _, ref := range secretsOf(&api.ServiceSpec{TaskTemplate: t.Spec}) {
			if e := byID[ref.SecretID]; e != nil && t.Status.State == api.TaskStateRunning && !v.lost[t.NodeID] {
				e.Tasks++
			}
			draining[ref.SecretID] = draining[ref.SecretID] || !v.ended(t)
		}
	}
	var list []Status
	for id, e := range byID {
		e.State = v.stateOf(e, draining[id])
		list = append(list, *e)
	}
	slices.SortFunc(list, func(a, b Status) int {
		if c := strings.Compare(a.Secret, b.Secret); c != 0 {
			return c
		}
		return b.Version - a.Version
	})
	return list
}

func (v *view) stateOf(e *Status, alive bool) string {
	newestUsed := -1
	if used := v.inUse()[e.Secret]; len(used) > 0 {
		newestUsed = used[0].number
	}
	switch {
	case len(e.Services) > 0:
		return "current"
	case alive:
		return "draining"
	case len(e.Previous) > 0:
		return "previous"
	case v.secrets.rejected(e.Name):
		return "rolled-back"
	case e.Version > newestUsed:
		return "orphan"
	}
	return "kept"
}

func digestState(digest string) string {
	if digest == "" {
		return "none"
	}
	if _, ok := parseDigest(digest); !ok {
		return "unreadable"
	}
	return "argon2id"
}

// Prune removes versions of secrets and configs that this tool made and that nothing needs:
// no service's spec or previous spec in any stack, no task that may still run, and neither among
// the keep newest ones nor among the keep last ones in use. It returns the names.
func (c *Cluster) Prune(ctx context.Context, stack string, keep int, dryRun bool) ([]string, error) {
	v, err := c.look(ctx, stack)
	if err != nil {
		return nil, err
	}
	needed := v.needed(true)
	for _, used := range v.inUse() {
		for _, o := range used {
			for range keep - 1 {
				o = v.secrets.byID[o.previous]
				needed[o.id] = true
			}
		}
	}
	removable := func(cat *catalog) []version {
		var list []version
		for _, versions := range cat.byBase {
			made := slices.DeleteFunc(slices.Clone(versions), func(o version) bool { return !o.managed() })
			for _, o := range made[:max(0, len(made)-keep)] {
				if !needed[o.id] {
					list = append(list, o)
				}
			}
		}
		slices.SortFunc(list, func(a, b version) int { return strings.Compare(a.name, b.name) })
		return list
	}
	removed := []string{}
	var errs []error
	remove := func(list []version, kind string, do func(context.Context, string) error) {
		for _, o := range list {
			if !dryRun {
				if err := gone(do(ctx, o.id), kind+" "+o.name); err != nil {
					errs = append(errs, err)
					continue
				}
			}
			removed = append(removed, o.name)
		}
	}
	remove(removable(v.secrets), "secret", c.engine.SecretRemove)
	remove(removable(v.configs), "config", c.engine.ConfigRemove)
	return removed, errors.Join(errs...)
}

// Remove removes a stack and waits until none of its tasks is left, then removes
// the versions that docker could not.
func (c *Cluster) Remove(ctx context.Context, docker Docker, stack string, timeout time.Duration) error {
	v, err := c.look(ctx, stack)
	if err != nil {
		return err
	}
	if len(v.services)+len(v.secrets.byID)+len(v.configs.byID) == 0 {
		networks, err := c.networks(ctx, stack)
		if err != nil {
			return err
		}
		if len(networks) == 0 {
			return fmt.Errorf("there is no stack %q; docker stack ls lists what there is", stack)
		}
	}
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := docker.remove(ctx, stack); err != nil {
		return err
	}
	for {
		if v, err = c.look(ctx, stack); err != nil {
			return err
		}
		busy := slices.ContainsFunc(v.tasks, func(t api.Task) bool { return !v.ended(t) })
		if !busy && len(v.services) == 0 {
			break
		}
		if sleep(ctx, c.poll) != nil {
			return fmt.Errorf("tasks of stack %q still run: %w", stack, context.Cause(ctx))
		}
	}
	var errs []error
	for _, o := range v.secrets.byID {
		errs = append(errs, gone(c.engine.SecretRemove(ctx, o.id), "secret "+o.name))
	}
	for _, o := range v.configs.byID {
		errs = append(errs, gone(c.engine.ConfigRemove(ctx, o.id), "config "+o.name))
	}
	return errors.Join(errs...)
}
