package swarm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"
)

// Holder is a running task that mounts secrets.
type Holder struct {
	Service string
	PID     int // the first process of its container, on the node's machine
}

// Holders lists the running tasks of a node that mount secrets, managed or not, by service.
func (c *Cluster) Holders(ctx context.Context, node string) ([]Holder, error) {
	tasks, err := c.engine.TaskList(ctx, api.TaskListOptions{Filters: filters.NewArgs(filters.Arg("node", node), filters.Arg("desired-state", "running"))})
	if err != nil {
		return nil, managerHint(fmt.Errorf("list the tasks of this node: %w", err))
	}
	services, err := c.engine.ServiceList(ctx, api.ServiceListOptions{})
	if err != nil {
		return nil, managerHint(fmt.Errorf("list services: %w", err))
	}
	names := map[string]string{}
	for i := range services {
		names[services[i].ID] = services[i].Spec.Name
	}
	var list []Holder
	for _, t := range tasks {
		status := t.Status.ContainerStatus
		if status == nil || status.PID == 0 || len(secretsOf(&api.ServiceSpec{TaskTemplate: t.Spec})) == 0 {
			continue
		}
		list = append(list, Holder{Service: names[t.ServiceID], PID: status.PID})
	}
	slices.SortFunc(list, func(a, b Holder) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), a.PID-b.PID)
	})
	return list, nil
}
