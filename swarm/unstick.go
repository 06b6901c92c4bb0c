package swarm

import (
	"context"
	"maps"
	"strconv"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// retryLabel counts the updates that were begun anew because a node was lost.
const retryLabel = "io.compose-secure.retry"

// lookAround is how often nodes are asked for while an update goes on.
const lookAround = 5 * time.Second

// unsticker frees updates that Swarm would never end: when the node of a new
// task is lost before the task runs, Swarm puts another in its place but waits for the first one
// still. A new spec, different in a label alone, makes it look again.
type unsticker struct {
	*Cluster
	looked time.Time
	tries  map[string]int
}

func (u *unsticker) free(ctx context.Context, services map[string]*api.Service, tasks map[string][]api.Task) error {
	if time.Since(u.looked) < lookAround {
		return nil
	}
	u.looked = time.Now()
	var waiting []*api.Service
	for id, s := range services {
		if s.UpdateStatus != nil && (s.UpdateStatus.State == api.UpdateStateUpdating || s.UpdateStatus.State == api.UpdateStateRollbackStarted) && len(tasks[id]) > 0 {
			waiting = append(waiting, s)
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	lost, err := u.lostNodes(ctx)
	if err != nil || len(lost) == 0 {
		return err
	}
	for _, s := range waiting {
		if !stuck(tasks[s.ID], lost) {
			continue
		}
		if u.tries[s.ID] == 0 {
			u.say("beginning the update of " + s.Spec.Name + " anew: a node was lost")
		}
		u.tries[s.ID]++
		if err := u.nudge(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// stuck reports a task that was given up before it ran, on a node that will not say so.
func stuck(tasks []api.Task, lost map[string]bool) bool {
	for _, t := range tasks {
		if lost[t.NodeID] && t.DesiredState != api.TaskStateRunning && before(t.Status.State) {
			return true
		}
	}
	return false
}

// before reports the states on the way to running.
func before(s api.TaskState) bool { return !terminal(s) && s != api.TaskStateRunning }

func (u *unsticker) nudge(ctx context.Context, s *api.Service) error {
	op := s.Spec.Labels[operationLabel]
	return u.change(ctx, s, api.ServiceUpdateOptions{}, func(now *api.Service) (*api.ServiceSpec, error) {
		if now.Spec.Labels[operationLabel] != op {
			return nil, nil
		}
		spec := now.Spec
		spec.Labels = maps.Clone(spec.Labels)
		if spec.Labels == nil {
			spec.Labels = map[string]string{}
		}
		n, _ := strconv.Atoi(spec.Labels[retryLabel]) // none yet is 0
		spec.Labels[retryLabel] = strconv.Itoa(n + 1)
		return &spec, nil
	})
}
