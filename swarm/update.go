package swarm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/docker/docker/api/types/swarm"
)

// RolledBackError says that a rollout failed and everything it had changed is as it
// was before. Cause tells each failing task's own error.
type RolledBackError struct {
	Cause error
	// Undo is set when going back did not work either.
	Undo error
}

func (e *RolledBackError) Error() string {
	text := e.Cause.Error()
	if e.Undo != nil {
		return text + "\ngoing back: " + e.Undo.Error()
	}
	return text
}

func (e *RolledBackError) Unwrap() error { return e.Cause }

// undoTime bounds how long going back is waited for.
const undoTime = 5 * time.Minute

// newOperation names one run of a command. It holds nothing of what the
// command does.
func newOperation() string { return strings.ToLower(rand.Text()[:12]) }

// restored starts the operation label of a spec that a service went back to:
// what it left is never to be taken for the good one.
const restored = "restored-"

// asRestored is spec marked so. No task notices a service's label.
func asRestored(spec *api.ServiceSpec) *api.ServiceSpec {
	marked := *spec
	marked.Labels = maps.Clone(spec.Labels)
	if marked.Labels == nil {
		marked.Labels = map[string]string{}
	}
	marked.Labels[operationLabel] = restored + newOperation()
	return &marked
}

// saved is what a service goes back to.
type saved struct {
	id, name string
	spec     *api.ServiceSpec // nil: it goes back to not being there
	op       string           // the operation label that shows that nobody else changed it since
}

// baseline is the last spec of s that was whole: the previous one when the command that
// wrote the current one did not see the rollout through.
func (v *view) baseline(s *api.Service) *api.ServiceSpec {
	if !unfinished(s) {
		if s.PreviousSpec == nil && s.Spec.Labels[operationLabel] != "" && !v.everUp(s) {
			return nil // made by a command that was killed
		}
		return &s.Spec
	}
	return s.PreviousSpec
}

// unfinished reports an update of ours that did not end well.
func unfinished(s *api.Service) bool {
	op := s.Spec.Labels[operationLabel]
	if s.UpdateStatus == nil || s.PreviousSpec == nil || op == "" || strings.HasPrefix(op, restored) ||
		op == s.PreviousSpec.Labels[operationLabel] {
		return false
	}
	// In the states of a rollback the spec is the one before already.
	return s.UpdateStatus.State == api.UpdateStateUpdating || s.UpdateStatus.State == api.UpdateStatePaused
}

// everUp reports whether all of a service's tasks run.
func (v *view) everUp(s *api.Service) bool {
	var tasks []api.Task
	for _, t := range v.tasks {
		if t.ServiceID == s.ID {
			tasks = append(tasks, t)
		}
	}
	running, wanted := count(s, tasks)
	return running >= wanted
}

// settle waits until no update of ours is under way: another command may be at
// work, or Swarm be finishing what a killed one began. One that takes longer
// than patience is treated as unfinished.
func (c *Cluster) settle(ctx context.Context, stack string, patience time.Duration) (*view, error) {
	said := false
	for deadline := time.Now().Add(patience); ; {
		v, err := c.look(ctx, stack)
		if err != nil {
			return nil, err
		}
		busy := ""
		for i := range v.services {
			s := &v.services[i]
			if s.UpdateStatus != nil && s.Spec.Labels[operationLabel] != "" &&
				(s.UpdateStatus.State == api.UpdateStateUpdating || s.UpdateStatus.State == api.UpdateStateRollbackStarted) {
				busy = s.Spec.Name
			}
		}
		if busy == "" || time.Now().After(deadline) {
			return v, nil
		}
		if !said {
			c.say("waiting for the update of " + busy + " that is under way")
			said = true
		}
		if sleep(ctx, c.poll) != nil {
			return nil, context.Cause(ctx)
		}
	}
}

func (c *Cluster) say(text string) {
	if c.report != nil {
		c.report.Say(text)
	}
}

// outOfSequence reports that the service changed since it was read; see
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Service/operation/ServiceUpdate.
func outOfSequence(err error) bool {
	return err != nil && strings.Contains(err.Error(), "out of sequence")
}

// attempts is how often an update is tried against a service whose index
// moves on, which Swarm itself does while tasks come and go.
const attempts = 20

// change writes a new spec for s. make is called with the service as it stands and returns the spec, nil to
// leave it, or a *ConflictError when somebody else changed what it was meant for.
func (c *Cluster) change(ctx context.Context, s *api.Service, o api.ServiceUpdateOptions, build func(*api.Service) (*api.ServiceSpec, error)) error {
	current := *s
	for try := 1; ; try++ {
		spec, err := build(&current)
		if err != nil || spec == nil {
			return err
		}
		_, err = c.engine.ServiceUpdate(ctx, current.ID, current.Version, *spec, o)
		if err == nil {
			return nil
		}
		if !outOfSequence(err) || try == attempts {
			return fmt.Errorf("update service %s: %w", s.Spec.Name, err)
		}
		if err := sleep(ctx, time.Duration(try)*5*time.Millisecond); err != nil {
			return context.Cause(ctx)
		}
		if current, _, err = c.engine.ServiceInspectWithRaw(ctx, s.ID, api.ServiceInspectOptions{}); err != nil {
			return fmt.Errorf("look at service %s: %w", s.Spec.Name, err)
		}
	}
}

// undo brings the services back and removes the versions that were made for
// nothing. It works also when ctx was cancelled, and reports whether any service had been changed.
func (c *Cluster) undo(ctx context.Context, stack string, back []saved, secrets, configs []version) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	v, err := c.look(ctx, stack)
	if err != nil {
		return true, err
	}
	var errs []error
	var rollouts []*rollout
	for _, b := range back {
		s := v.service(b.id)
		if s == nil {
			continue
		}
		if s.Spec.Labels[operationLabel] != b.op { // back already by Swarm itself, or somebody else's by now
			if s.UpdateStatus != nil && s.UpdateStatus.State == api.UpdateStateRollbackStarted {
				rollouts = append(rollouts, &rollout{id: s.ID, name: b.name, back: true, started: time.Now()})
			}
			continue
		}
		changed = true
		if b.spec == nil {
			errs = append(errs, gone(c.engine.ServiceRemove(ctx, s.ID), "service "+b.name))
			continue
		}
		if err := c.restore(ctx, s, b); err != nil {
			errs = append(errs, err)
			continue
		}
		rollouts = append(rollouts, &rollout{id: s.ID, name: b.name, back: true, started: time.Now()})
	}
	if len(rollouts) > 0 {
		c.say("going back")
		errs = append(errs, c.watch(ctx, stack, rollouts, nil))
	}
	for _, b := range back {
		if b.spec != nil {
			errs = append(errs, c.forget(ctx, b, secrets, configs))
		}
	}
	return changed, errors.Join(append(errs, c.discard(ctx, stack, secrets, configs))...)
}

func (c *Cluster) restore(ctx context.Context, s *api.Service, b saved) error {
	o := api.ServiceUpdateOptions{RegistryAuthFrom: api.RegistryAuthFromPreviousSpec}
	return c.change(ctx, s, o, func(now *api.Service) (*api.ServiceSpec, error) {
		if now.Spec.Labels[operationLabel] != b.op {
			return nil, nil // somebody else's by now
		}
		return asRestored(b.spec), nil
	})
}

// forget makes the previous spec of a service that went back the good one
// too, so that it does not name versions which are about to go. A job stays as it is: it would run
// once more.
func (c *Cluster) forget(ctx context.Context, b saved, secrets, configs []version) error {
	s, _, err := c.engine.ServiceInspectWithRaw(ctx, b.id, api.ServiceInspectOptions{})
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at service %s: %w", b.name, err)
	}
	return c.change(ctx, &s, api.ServiceUpdateOptions{}, func(now *api.Service) (*api.ServiceSpec, error) {
		if isJob(&now.Spec) || now.Spec.Labels[operationLabel] == b.op || !names(now.PreviousSpec, secrets, configs) {
			return nil, nil
		}
		return &now.Spec, nil
	})
}

// isJob reports a service whose tasks run to their end, each time that it is written.
func isJob(spec *api.ServiceSpec) bool {
	return spec.Mode.ReplicatedJob != nil || spec.Mode.GlobalJob != nil
}

// names reports whether a spec refers to one of the versions.
func names(spec *api.ServiceSpec, secrets, configs []version) bool {
	for _, v := range secrets {
		for _, ref := range secretsOf(spec) {
			if ref.SecretID == v.id {
				return true
			}
		}
	}
	for _, v := range configs {
		for _, ref := range configsOf(spec) {
			if ref.ConfigID == v.id {
				return true
			}
		}
	}
	return false
}
