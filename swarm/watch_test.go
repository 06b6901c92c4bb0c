package swarm

import (
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"
	"github.com/google/go-cmp/cmp"
)

func replicated(n uint64, state api.UpdateState) *api.Service {
	s := &api.Service{ID: "id", Spec: api.ServiceSpec{Annotations: api.Annotations{Name: "shop_web"}, Mode: api.ServiceMode{Replicated: &api.ReplicatedService{Replicas: &n}}}}
	if state != "" {
		s.UpdateStatus = &api.UpdateStatus{State: state, Message: "update paused due to failure"}
	}
	return s
}

func task(slot int, state, desired api.TaskState, err string) api.Task {
	return api.Task{Slot: slot, DesiredState: desired, Status: api.TaskStatus{State: state, Err: err, Timestamp: time.Unix(int64(slot), 0)}}
}

func TestRolloutStep(t *testing.T) {
	up := task(1, api.TaskStateRunning, api.TaskStateRunning, "")
	down := task(1, api.TaskStateFailed, api.TaskStateShutdown, "task: non-zero exit (3)")
	cases := map[string]struct {
		rollout rollout
		service *api.Service
		tasks   []api.Task
		done    bool
		reasons string
	}{
		"nothing to do":                  {service: replicated(1, ""), tasks: []api.Task{up}, done: true},
		"no tasks wanted":                {service: replicated(0, ""), done: true},
		"not started yet":                {service: replicated(1, "")},
		"update under way":               {service: replicated(1, api.UpdateStateUpdating), tasks: []api.Task{up}},
		"update completed":               {service: replicated(1, api.UpdateStateCompleted), tasks: []api.Task{up}, done: true},
		"completed, a task short":        {service: replicated(2, api.UpdateStateCompleted), tasks: []api.Task{up}},
		"an old task still runs":         {service: replicated(1, ""), tasks: []api.Task{task(1, api.TaskStateRunning, api.TaskStateShutdown, "")}},
		"paused":                         {service: replicated(1, api.UpdateStatePaused), tasks: []api.Task{down}, reasons: "task shop_web.1: failed: task: non-zero exit (3)"},
		"paused, no task tells":          {service: replicated(1, api.UpdateStatePaused), reasons: "service shop_web: update paused due to failure"},
		"swarm rolls back":               {service: replicated(1, api.UpdateStateRollbackStarted), tasks: []api.Task{down, up}, reasons: "task shop_web.1: failed: task: non-zero exit (3)"},
		"swarm rolls back, as we want":   {rollout: rollout{back: true}, service: replicated(1, api.UpdateStateRollbackStarted), tasks: []api.Task{up}},
		"swarm rolled back, as we want":  {rollout: rollout{back: true}, service: replicated(1, api.UpdateStateRollbackCompleted), tasks: []api.Task{up}, done: true},
		"new, up for a moment":           {rollout: rollout{created: true}, service: replicated(1, ""), tasks: []api.Task{up}},
		"new, up for long":               {rollout: rollout{created: true, upSince: time.Now().Add(-time.Minute)}, service: replicated(1, ""), tasks: []api.Task{up}, done: true},
		"dead, not started again":        {rollout: rollout{deadSince: time.Now().Add(-time.Minute)}, service: replicated(1, ""), tasks: []api.Task{down}, reasons: "task shop_web.1: failed: task: non-zero exit (3)"},
		"dead for a moment":              {service: replicated(1, ""), tasks: []api.Task{down}},
		"crashes again and again":        {rollout: rollout{started: time.Now().Add(-2 * crashTime)}, service: replicated(1, ""), tasks: []api.Task{down, down, down, task(1, api.TaskStateReady, api.TaskStateReady, "")}, reasons: "task shop_web.1: failed: task: non-zero exit (3)"},
		"crashes while others come up":   {rollout: rollout{started: time.Now()}, service: replicated(1, ""), tasks: []api.Task{down, down, down, task(1, api.TaskStateReady, api.TaskStateReady, "")}},
		"removed by somebody":            {service: nil, reasons: "service shop_web was removed by another command"},
		"exit code beside another error": {service: replicated(1, api.UpdateStatePaused), tasks: []api.Task{{Slot: 2, Status: api.TaskStatus{State: api.TaskStateFailed, Message: "started", ContainerStatus: &api.ContainerStatus{ExitCode: 7}}}}, reasons: "task shop_web.2: failed: started (exit code 7)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := c.rollout
			r.name = "shop_web"
			reasons := r.step(c.service, c.tasks)
			if diff := cmp.Diff(c.reasons, strings.Join(reasons, "\n")); diff != "" {
				t.Error(diff)
			}
			if r.done != c.done {
				t.Errorf("done is %t", r.done)
			}
		})
	}
}

func TestUnfinished(t *testing.T) {
	labelled := func(op string) api.ServiceSpec {
		return api.ServiceSpec{Annotations: api.Annotations{Labels: map[string]string{operationLabel: op}}}
	}
	before := labelled("a")
	cases := map[string]struct {
		op       string
		state    api.UpdateState
		previous *api.ServiceSpec
		want     bool
	}{
		"paused":                   {"b", api.UpdateStatePaused, &before, true},
		"under way":                {"b", api.UpdateStateUpdating, &before, true},
		"completed":                {"b", api.UpdateStateCompleted, &before, false},
		"rolled back by swarm":     {"a", api.UpdateStateRollbackPaused, &before, false},
		"brought back by us":       {restored + "c", api.UpdateStatePaused, &before, false},
		"not ours":                 {"", api.UpdateStatePaused, &before, false},
		"same command":             {"a", api.UpdateStateUpdating, &before, false},
		"nothing to go back to":    {"b", api.UpdateStatePaused, nil, false},
		"no update since creation": {"b", "", &before, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &api.Service{Spec: labelled(c.op), PreviousSpec: c.previous}
			if c.state != "" {
				s.UpdateStatus = &api.UpdateStatus{State: c.state}
			}
			if got := unfinished(s); got != c.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
