package swarm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// shifter moves services to the targets of one rotation.
type shifter struct {
	*Cluster
	Rotation
	view    *view
	op      string
	targets map[string]version // by base
	back    []saved            // what was touched, to be undone
	queue   []*api.Service     // not begun yet
}

// shift moves every service that uses one of the secrets to the targets, in one
// update each, and waits. If one fails, all go back and what was made goes.
func (c *Cluster) shift(ctx context.Context, r Rotation, v *view, moves []move, made []version) error {
	s := &shifter{Cluster: c, Rotation: r, view: v, op: newOperation(), targets: map[string]version{}}
	if s.Parallel <= 0 {
		s.Parallel = DefaultParallel
	}
	for _, m := range moves {
		s.targets[m.Secret] = m.target
	}
	if s.Timeout <= 0 {
		s.Timeout = DefaultTimeout
	}
	timed, cancel := context.WithTimeoutCause(ctx, s.Timeout, context.DeadlineExceeded)
	defer cancel()
	err := s.run(timed)
	if err == nil {
		err = s.keepOrders(timed)
	}
	if err == nil {
		return nil
	}
	changed, undone := c.undo(ctx, r.Stack, s.back, made, nil)
	var failed *FailedError
	if !changed && !errors.As(err, &failed) {
		return errors.Join(err, undone)
	}
	return &RolledBackError{Cause: err, Undo: undone}
}

// run starts services as places become free and watches those that were started.
func (s *shifter) run(ctx context.Context) error {
	var rollouts []*rollout
	for i := range s.view.services {
		service := &s.view.services[i]
		switch {
		case s.stale(&service.Spec):
			s.queue = append(s.queue, service)
		case s.resumed(service):
			s.back = append(s.back, saved{id: service.ID, name: service.Spec.Name, spec: s.view.baseline(service), op: service.Spec.Labels[operationLabel]})
			rollouts = append(rollouts, newRollout(service))
		}
	}
	return s.watch(ctx, s.Stack, rollouts, func(active []*rollout) ([]*rollout, bool, error) {
		busy := 0
		for _, r := range active {
			if !r.done {
				busy++
			}
		}
		n := min(s.Parallel-busy, len(s.queue))
		if n <= 0 {
			return active, len(s.queue) > 0, nil
		}
		begun, err := s.begin(ctx, s.queue[:n])
		s.queue = s.queue[n:]
		return append(active, begun...), len(s.queue) > 0, err
	})
}

func newRollout(s *api.Service) *rollout {
	return &rollout{id: s.ID, name: s.Spec.Name, started: time.Now()}
}

// stale reports whether spec mounts another version than the target.
func (s *shifter) stale(spec *api.ServiceSpec) bool {
	for base, target := range s.targets {
		if s.view.uses(spec, base, target) {
			return true
		}
	}
	return false
}

// resumed reports a service that a killed command moved already, and whose
// rollout nobody has seen through.
func (s *shifter) resumed(service *api.Service) bool {
	return unfinished(service) && s.stale(service.PreviousSpec) && !s.stale(&service.Spec)
}

// begin updates some services at once.
func (s *shifter) begin(ctx context.Context, services []*api.Service) ([]*rollout, error) {
	var wg sync.WaitGroup
	errs := make([]error, len(services))
	rollouts := make([]*rollout, len(services))
	for i, service := range services {
		// Noted before it is done: an update whose answer got lost is undone too.
		s.back = append(s.back, saved{id: service.ID, name: service.Spec.Name, spec: s.view.baseline(service), op: s.op})
		rollouts[i] = newRollout(service)
		wg.Go(func() { errs[i] = s.update(ctx, service) })
	}
	wg.Wait()
	return rollouts, errors.Join(errs...)
}

// update moves one service, provided that it still is as it was planned for.
func (s *shifter) update(ctx context.Context, service *api.Service) error {
	if unfinished(service) {
		if _, err := s.rebase(ctx, &view{services: []api.Service{*service}}); err != nil {
			return err
		}
	}
	planned := service.Spec
	return s.change(ctx, service, api.ServiceUpdateOptions{}, func(now *api.Service) (*api.ServiceSpec, error) {
		from := now.Spec
		if from.Labels[operationLabel] == s.op {
			return nil, nil // done; the answer got lost
		}
		if unfinished(service) {
			from = planned // rebased: what stands there now is the spec before it
		} else if !sameSecrets(&from, &planned) || from.Labels[operationLabel] != planned.Labels[operationLabel] {
			return nil, &ConflictError{What: "service " + planned.Name}
		}
		spec := s.retarget(from)
		return &spec, nil
	})
}

func sameSecrets(a, b *api.ServiceSpec) bool {
	return slices.EqualFunc(secretsOf(a), secretsOf(b), func(x, y *api.SecretReference) bool { return x.SecretID == y.SecretID })
}

// retarget returns a copy of spec on the target versions. The files in the container keep
// their names.
func (s *shifter) retarget(spec api.ServiceSpec) api.ServiceSpec {
	container := *spec.TaskTemplate.ContainerSpec
	container.Secrets = slices.Clone(container.Secrets)
	for i, ref := range container.Secrets {
		if target, ok := s.targets[s.view.secrets.of(ref.SecretID, ref.SecretName).base]; ok {
			moved := *ref
			moved.SecretID, moved.SecretName = target.id, target.name
			container.Secrets[i] = &moved
		}
	}
	spec.TaskTemplate.ContainerSpec = &container
	spec.Labels = maps.Clone(spec.Labels)
	if spec.Labels == nil {
		spec.Labels = map[string]string{}
	}
	spec.Labels[operationLabel] = s.op
	delete(spec.Labels, retryLabel)
	return s.reorder(spec)
}

// reorder sets the order of this update alone and notes the one to go back to.
func (s *shifter) reorder(spec api.ServiceSpec) api.ServiceSpec {
	noted, left := spec.Labels[orderLabel] // by a command that was killed
	if s.Order == "" && !left || isJob(&spec) {
		return spec
	}
	update := api.UpdateConfig{Parallelism: 1}
	if spec.UpdateConfig != nil {
		update = *spec.UpdateConfig
	}
	own := update.Order
	if left {
		own = noted
	}
	delete(spec.Labels, orderLabel)
	update.Order = own
	if s.Order != "" && s.Order != own {
		update.Order = s.Order
		spec.Labels[orderLabel] = own
	}
	spec.UpdateConfig = &update
	return spec
}

// keepOrders gives the services back the order that is theirs. No task notices.
func (s *shifter) keepOrders(ctx context.Context) error {
	if s.Order == "" {
		return nil
	}
	for _, b := range s.back {
		service, _, err := s.engine.ServiceInspectWithRaw(ctx, b.id, api.ServiceInspectOptions{})
		if err != nil {
			return fmt.Errorf("look at service %s: %w", b.name, err)
		}
		err = s.change(ctx, &service, api.ServiceUpdateOptions{}, func(now *api.Service) (*api.ServiceSpec, error) {
			own, ok := now.Spec.Labels[orderLabel]
			if !ok || now.Spec.Labels[operationLabel] != s.op {
				return nil, nil
			}
			spec := now.Spec
			spec.Labels = maps.Clone(spec.Labels)
			delete(spec.Labels, orderLabel)
			update := *spec.UpdateConfig
			update.Order = own
			spec.UpdateConfig = &update
			return &spec, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
