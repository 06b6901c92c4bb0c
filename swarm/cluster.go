package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
)

// Engine is what is asked of a manager's engine.
type Engine interface {
	client.ServiceAPIClient
	client.SecretAPIClient
	client.ConfigAPIClient
	NodeList(context.Context, api.NodeListOptions) ([]api.Node, error)
	NetworkList(context.Context, network.ListOptions) ([]network.Summary, error)
	NetworkRemove(ctx context.Context, id string) error
}

// Reporter hears how a rollout goes.
type Reporter interface {
	// Rollout is called whenever the state of a service may have changed.
	Rollout([]ServiceProgress)
	// Say is called once for each step worth telling.
	Say(text string)
	// Warn is called with what may be an attack; it is never quiet.
	Warn(text string)
}

// ServiceProgress is how far one service is.
type ServiceProgress struct {
	Name            string
	Running, Wanted int    // tasks on the new spec
	State           string // waiting, updating, verifying, converged, rolling back
}

// Cluster is a swarm seen through one of its managers.
type Cluster struct {
	engine Engine
	report Reporter
	poll   time.Duration
	told   sync.Map // names of objects whose labels are not true, that were warned of
}

// New returns the cluster behind engine.
func New(engine Engine, report Reporter) *Cluster {
	return &Cluster{engine: newSteady(engine), report: report, poll: 50 * time.Millisecond}
}

// view is a stack as the cluster has it at one moment.
type view struct {
	stack    string
	services []api.Service // of the stack, by name
	others   []api.Service // of the rest of the cluster
	secrets  *catalog
	configs  *catalog
	tasks    []api.Task      // of the stack
	lost     map[string]bool // ids of nodes that are down
}

func ofStack(stack string) filters.Args {
	return filters.NewArgs(filters.Arg("label", stackLabel+"="+stack))
}

// look reads the stack, everything at once.
func (c *Cluster) look(ctx context.Context, stack string) (*view, error) {
	v := &view{stack: stack}
	all := make(chan error, 5)
	go func() {
		var err error
		v.lost, err = c.lostNodes(ctx)
		all <- err
	}()
	go func() {
		list, err := c.engine.ServiceList(ctx, api.ServiceListOptions{Status: true})
		for _, s := range list {
			if s.Spec.Labels[stackLabel] == stack {
				v.services = append(v.services, s)
			} else {
				v.others = append(v.others, s)
			}
		}
		slices.SortFunc(v.services, func(a, b api.Service) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
		all <- err
	}()
	go func() {
		list, err := c.engine.SecretList(ctx, api.SecretListOptions{Filters: ofStack(stack)})
		v.secrets = secretCatalog(stack, list)
		all <- err
	}()
	go func() {
		list, err := c.engine.ConfigList(ctx, api.ConfigListOptions{Filters: ofStack(stack)})
		v.configs = configCatalog(stack, list)
		all <- err
	}()
	go func() {
		var err error
		v.tasks, err = c.engine.TaskList(ctx, api.TaskListOptions{Filters: ofStack(stack)})
		all <- err
	}()
	var errs []error
	for range cap(all) {
		errs = append(errs, <-all)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, managerHint(fmt.Errorf("read stack %q: %w", stack, err))
	}
	c.warnForged(v)
	return v, nil
}

// warnForged names, once each, the objects of a stack whose labels claim what their names do not.
func (c *Cluster) warnForged(v *view) {
	if c.report == nil {
		return
	}
	for _, name := range append(v.secrets.forged(), v.configs.forged()...) {
		if _, told := c.told.LoadOrStore(v.stack+"/"+name, true); !told {
			c.report.Warn(fmt.Sprintf("ignored %q: it has the labels of compose-secure, and a name that it gives to no version; find out who made it", name))
		}
	}
}

// lostNodes are the nodes that are down: nothing is known of their tasks, and
// may never be.
func (c *Cluster) lostNodes(ctx context.Context) (map[string]bool, error) {
	nodes, err := c.engine.NodeList(ctx, api.NodeListOptions{})
	lost := map[string]bool{}
	for _, n := range nodes {
		if n.Status.State == api.NodeStateDown {
			lost[n.ID] = true
		}
	}
	return lost, err
}

// ended reports a task that runs no more, or that nobody can tell of.
func (v *view) ended(t api.Task) bool { return terminal(t.Status.State) || v.lost[t.NodeID] }

// ErrNoManager says that the engine cannot answer for a swarm.
var ErrNoManager = errors.New("the engine is no manager of a swarm: run docker swarm init, or choose a manager with DOCKER_HOST or a context")

func managerHint(err error) error {
	if strings.Contains(err.Error(), "not a swarm manager") {
		return ErrNoManager
	}
	return err
}

// service finds one by its id, nil when it is gone.
func (v *view) service(id string) *api.Service {
	for i := range v.services {
		if v.services[i].ID == id {
			return &v.services[i]
		}
	}
	return nil
}

// secretsOf are the secrets that a spec mounts.
func secretsOf(spec *api.ServiceSpec) []*api.SecretReference {
	if spec == nil || spec.TaskTemplate.ContainerSpec == nil {
		return nil
	}
	return spec.TaskTemplate.ContainerSpec.Secrets
}

func configsOf(spec *api.ServiceSpec) []*api.ConfigReference {
	if spec == nil || spec.TaskTemplate.ContainerSpec == nil {
		return nil
	}
	return spec.TaskTemplate.ContainerSpec.Configs
}
