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

const (
	// defaultMonitor is how long docker watches new tasks when the service does not say.
	defaultMonitor = 5 * time.Second
	// A service that was never up has crashed this often, for that long, before it counts as failed: others that
	// it waits for may be slow to start.
	crashLimit = 3
	crashTime  = time.Minute
	// restartGrace is how long a dead task may be without a successor.
	restartGrace = 3 * time.Second
)

// FailedError says which services did not come up, and why.
type FailedError struct {
	Services []string // names, sorted
	Reasons  []string // one line for each failing task
}

func (e *FailedError) Error() string { return strings.Join(e.Reasons, "\n") }

// rollout is one service that is being watched until it has converged.
type rollout struct {
	id, name  string
	created   bool // by this command: nothing but time tells that its tasks stay up
	back      bool // to the spec before: a rollback by Swarm itself is welcome
	started   time.Time
	upSince   time.Time // all tasks run since then
	deadSince time.Time // a task ended and nothing takes its place since then
	done      bool
	progress  ServiceProgress
}

// watch polls until every rollout is done or one has failed. next, when set, is called after
// each look and may add rollouts; it reports whether there are more to come.
func (c *Cluster) watch(ctx context.Context, stack string, rollouts []*rollout, next func([]*rollout) ([]*rollout, bool, error)) error {
	free := &unsticker{Cluster: c, looked: time.Now(), tries: map[string]int{}}
	for {
		more := false
		if next != nil {
			var err error
			if rollouts, more, err = next(rollouts); err != nil {
				return err
			}
		}
		asked := time.Now()
		services, tasks, err := c.upToDate(ctx, stack)
		took := time.Since(asked)
		if ctx.Err() != nil {
			return c.unfinished(ctx, rollouts, tasks)
		}
		if err != nil {
			return managerHint(fmt.Errorf("watch stack %q: %w", stack, err))
		}
		failed := &FailedError{}
		waiting := more
		for _, r := range rollouts {
			if r.done {
				continue
			}
			if reasons := r.step(services[r.id], tasks[r.id]); len(reasons) > 0 {
				failed.Services = append(failed.Services, r.name)
				failed.Reasons = append(failed.Reasons, reasons...)
			}
			waiting = waiting || !r.done
		}
		c.show(rollouts)
		if len(failed.Services) > 0 {
			return failed
		}
		if !waiting {
			return nil
		}
		if err := free.free(ctx, services, tasks); err != nil && ctx.Err() == nil {
			return err
		}
		// A manager that has much to tell is not asked more often for it.
		if sleep(ctx, max(c.poll, 4*took)) != nil {
			return c.unfinished(ctx, rollouts, tasks)
		}
	}
}

// upToDate lists the services of a stack and those of their tasks that are on
// the current spec, by service.
func (c *Cluster) upToDate(ctx context.Context, stack string) (map[string]*api.Service, map[string][]api.Task, error) {
	list, err := c.engine.ServiceList(ctx, api.ServiceListOptions{Filters: ofStack(stack), Status: true})
	if err != nil {
		return nil, nil, err
	}
	f := ofStack(stack)
	f.Add("_up-to-date", "true") // as the docker command does
	current, err := c.engine.TaskList(ctx, api.TaskListOptions{Filters: f})
	if err != nil {
		return nil, nil, err
	}
	services := map[string]*api.Service{}
	for i := range list {
		services[list[i].ID] = &list[i]
	}
	tasks := map[string][]api.Task{}
	for _, t := range current {
		tasks[t.ServiceID] = append(tasks[t.ServiceID], t)
	}
	return services, tasks, nil
}

func (c *Cluster) show(rollouts []*rollout) {
	if c.report == nil {
		return
	}
	all := make([]ServiceProgress, len(rollouts))
	for i, r := range rollouts {
		all[i] = r.progress
	}
	c.report.Rollout(all)
}

// step takes in what the cluster says now. It returns a line for each task
// that makes the rollout a failure.
func (r *rollout) step(s *api.Service, tasks []api.Task) []string {
	if s == nil {
		return []string{fmt.Sprintf("service %s was removed by another command", r.name)}
	}
	running, wanted := count(s, tasks)
	r.progress = ServiceProgress{Name: r.name, Running: running, Wanted: wanted, State: "updating"}
	state := api.UpdateState("")
	if s.UpdateStatus != nil {
		state = s.UpdateStatus.State
	}
	if r.back && state == api.UpdateStateRollbackStarted {
		state = api.UpdateStateUpdating
	}
	switch state {
	case api.UpdateStateRollbackStarted, api.UpdateStateRollbackCompleted:
		if !r.back {
			return r.reasons(tasks, s.UpdateStatus.Message)
		}
	case api.UpdateStatePaused, api.UpdateStateRollbackPaused:
		return r.reasons(tasks, s.UpdateStatus.Message)
	case api.UpdateStateUpdating:
		r.upSince = time.Time{}
	}
	if running < wanted {
		r.upSince = time.Time{}
		return r.crashed(s, tasks, wanted)
	}
	if state == api.UpdateStateUpdating {
		r.progress.State = "verifying"
		return nil
	}
	if r.upSince.IsZero() {
		r.upSince = time.Now()
	}
	if r.created && s.JobStatus == nil && time.Since(r.upSince) < monitor(s) {
		r.progress.State = "verifying"
		return nil
	}
	r.done = true
	r.progress.State = "converged"
	return nil
}

func monitor(s *api.Service) time.Duration {
	if u := s.Spec.UpdateConfig; u != nil && u.Monitor != 0 {
		return u.Monitor
	}
	return defaultMonitor
}

// count is how many tasks are where they should be. A job's tasks should have
// ended well.
func count(s *api.Service, tasks []api.Task) (running, wanted int) {
	goal := api.TaskStateRunning
	if s.JobStatus != nil {
		goal = api.TaskStateComplete
		tasks = slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool {
			return t.JobIteration != nil && t.JobIteration.Index != s.JobStatus.JobIteration.Index
		})
	}
	for _, t := range tasks {
		if t.Status.State == goal && (s.JobStatus != nil || t.DesiredState == api.TaskStateRunning) {
			running++
		}
	}
	switch mode := s.Spec.Mode; {
	case mode.Replicated != nil && mode.Replicated.Replicas != nil:
		wanted = int(*mode.Replicated.Replicas) //nolint:gosec // a number of containers
	case mode.ReplicatedJob != nil && mode.ReplicatedJob.TotalCompletions != nil:
		wanted = int(*mode.ReplicatedJob.TotalCompletions) //nolint:gosec // a number of containers
	case s.ServiceStatus != nil:
		wanted = int(s.ServiceStatus.DesiredTasks) //nolint:gosec // a number of containers
	}
	return running, wanted
}

// crashed decides for tasks that no update of Swarm's own watches over.
func (r *rollout) crashed(s *api.Service, tasks []api.Task, wanted int) []string {
	failures := map[string]int{}
	alive, dead := 0, 0
	for _, t := range tasks {
		switch {
		case !terminal(t.Status.State):
			alive++
		case t.Status.State == api.TaskStateFailed || t.Status.State == api.TaskStateRejected:
			dead++
			failures[slot(t)]++
		case t.Status.State == api.TaskStateComplete && s.JobStatus == nil:
			dead++
		}
	}
	if s.UpdateStatus == nil && alive < wanted && dead > 0 {
		if r.deadSince.IsZero() {
			r.deadSince = time.Now()
		}
		if time.Since(r.deadSince) > restartGrace {
			return r.reasons(tasks, "a task ended and is not started again")
		}
		return nil
	}
	r.deadSince = time.Time{}
	for _, n := range failures {
		if n >= crashLimit && time.Since(r.started) > crashTime {
			return r.reasons(tasks, "its tasks end again and again")
		}
	}
	return nil
}

func slot(t api.Task) string {
	if t.Slot != 0 {
		return fmt.Sprint(t.Slot)
	}
	return t.NodeID
}

// reasons has a line for the newest failed task of every slot, or fallback
// when no task tells.
func (r *rollout) reasons(tasks []api.Task, fallback string) []string {
	newest := map[string]api.Task{}
	for _, t := range tasks {
		if t.Status.State != api.TaskStateFailed && t.Status.State != api.TaskStateRejected && t.Status.State != api.TaskStateOrphaned {
			continue
		}
		if old, ok := newest[slot(t)]; !ok || t.Status.Timestamp.After(old.Status.Timestamp) {
			newest[slot(t)] = t
		}
	}
	var lines []string
	for _, t := range newest {
		lines = append(lines, fmt.Sprintf("task %s.%s: %s", r.name, slot(t), ending(t)))
	}
	if len(lines) == 0 {
		return []string{fmt.Sprintf("service %s: %s", r.name, fallback)}
	}
	slices.Sort(lines)
	return lines
}

// ending is the task's own error.
func ending(t api.Task) string {
	text := strings.ReplaceAll(t.Status.Err, "\n", " ")
	if text == "" {
		text = t.Status.Message
	}
	if cs := t.Status.ContainerStatus; cs != nil && cs.ExitCode != 0 && !strings.Contains(text, fmt.Sprintf("(%d)", cs.ExitCode)) {
		text = fmt.Sprintf("%s (exit code %d)", text, cs.ExitCode)
	}
	return fmt.Sprintf("%s: %s", t.Status.State, text)
}

// unfinished tells, when time is up, what every service was waiting for.
func (c *Cluster) unfinished(ctx context.Context, rollouts []*rollout, tasks map[string][]api.Task) error {
	if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	failed := &FailedError{}
	for _, r := range rollouts {
		if r.done {
			continue
		}
		failed.Services = append(failed.Services, r.name)
		reasons := r.reasons(tasks[r.id], "")
		if strings.HasSuffix(reasons[0], ": ") {
			reasons = []string{fmt.Sprintf("service %s: %d of %d tasks were running when the time was up%s", r.name, r.progress.Running, r.progress.Wanted, r.waiting(tasks[r.id]))}
		}
		failed.Reasons = append(failed.Reasons, reasons...)
	}
	if len(failed.Services) == 0 {
		return context.Cause(ctx)
	}
	return failed
}

// waiting is what the first task that does not run yet says.
func (r *rollout) waiting(tasks []api.Task) string {
	for _, t := range tasks {
		if !terminal(t.Status.State) && t.Status.State != api.TaskStateRunning {
			return fmt.Sprintf("; a task is %s: %s", t.Status.State, strings.TrimSpace(t.Status.Message+" "+t.Status.Err))
		}
	}
	return ""
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
