package swarm

import (
	"context"
	"errors"
	"testing"

	api "github.com/docker/docker/api/types/swarm"
)

// listed answers with services and with nothing else.
type listed struct {
	Engine
	services []api.Service
	err      error
}

func (l listed) ServiceList(context.Context, api.ServiceListOptions) ([]api.Service, error) {
	return l.services, l.err
}

// TestOnlyMoved tells a version that Swarm itself raised from a change that somebody made: no real
// swarm raises one at a given moment.
func TestOnlyMoved(t *testing.T) {
	service := func(id, op, image string) api.Service {
		s := api.Service{ID: id, Meta: api.Meta{Version: api.Version{Index: 7}}}
		s.Spec.Labels = map[string]string{operationLabel: op}
		s.Spec.TaskTemplate.ContainerSpec = &api.ContainerSpec{Image: image}
		return s
	}
	conflict := &ConflictError{What: "service shop_web"}
	cases := map[string]struct {
		err      error
		services []api.Service
		listErr  error
		want     bool
	}{
		"all as they were":            {err: conflict, services: []api.Service{service("web", "before", "a"), service("db", "before", "b")}, want: true},
		"one is ours already":         {err: conflict, services: []api.Service{service("web", "ours", "c"), service("db", "before", "b")}, want: true},
		"somebody changed one":        {err: conflict, services: []api.Service{service("web", "before", "other"), service("db", "before", "b")}},
		"another command changed one": {err: conflict, services: []api.Service{service("web", "theirs", "a")}},
		"somebody made one":           {err: conflict, services: []api.Service{service("web", "before", "a"), service("new", "", "x")}},
		"no conflict":                 {err: errors.New("no such image"), services: []api.Service{service("web", "before", "a")}},
		"nothing failed":              {services: []api.Service{service("web", "before", "a")}},
		"the manager does not answer": {err: conflict, listErr: errors.New("away")},
	}
	base := map[string]api.ServiceSpec{"web": service("web", "before", "a").Spec, "db": service("db", "before", "b").Spec}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cluster := &Cluster{engine: listed{services: c.services, err: c.listErr}}
			if got := cluster.onlyMoved(t.Context(), c.err, "shop", base, "ours"); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
