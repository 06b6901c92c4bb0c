package swarm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/compose-secure/compose-secure/secret"
)

// DefaultParallel is how many services are updated at once.
const DefaultParallel = 10

// Rotation says how services move to other versions.
type Rotation struct {
	Stack    string
	Order    string // start-first or stop-first for this update alone; "" keeps that of each service
	Parallel int    // services at once; 0 is DefaultParallel
	Timeout  time.Duration
	// Again takes a value back that rollback left; without it that is a *RejectedError.
	Again bool
	// UsedOnly leaves out values of secrets that no service uses; they are an error otherwise.
	UsedOnly bool
	// Store puts the values where they came from, once it is sure that they will be used. It returns what
	// puts the old ones back. nil for a source that cannot be written.
	Store func(context.Context) (restore func() error, err error)
}

// Change is what happens to one secret.
type Change struct {
	Secret   string   `json:"secret"`
	Exists   bool     `json:"-"` // a service uses it
	From     int      `json:"from"`
	To       int      `json:"to"`
	New      bool     `json:"new"` // the version is made for this
	Services []string `json:"services"`
}

// move is one secret on its way to a version.
type move struct {
	Change
	target version
}

// Rotate gives the secrets new values. Values that the services have already
// change nothing. A secret that this tool did not make becomes version 0, the
// new one version 1. When a service does not come up, all go back and the
// error is a *RolledBackError.
func (c *Cluster) Rotate(ctx context.Context, r Rotation, values map[string]secret.Value) ([]Change, error) {
	v, choices, err := c.planRotation(ctx, r, values)
	if err != nil {
		return nil, err
	}
	restore := func() error { return nil }
	if r.Store != nil && v.changes(choices) {
		if restore, err = r.Store(ctx); err != nil {
			return nil, err
		}
	}
	made, err := c.create(ctx, r.Stack, choices, len(v.secrets.byID)+len(choices))
	if err != nil {
		return nil, errors.Join(err, c.discard(context.WithoutCancel(ctx), r.Stack, made, nil), restore())
	}
	moves := v.moves(choices)
	if err := c.shift(ctx, r, v, moves, made); err != nil {
		return nil, errors.Join(err, restore())
	}
	return changes(moves), nil
}

// PreviewRotation is what Rotate would do.
func (c *Cluster) PreviewRotation(ctx context.Context, r Rotation, values map[string]secret.Value) ([]Change, error) {
	v, choices, err := c.planRotation(ctx, r, values)
	if err != nil {
		return nil, err
	}
	return changes(v.moves(choices)), nil
}

// Preview is what Deploy would do to secrets.
func (c *Cluster) Preview(ctx context.Context, d Deployment) ([]Change, error) {
	v, err := c.look(ctx, d.Stack)
	if err != nil {
		return nil, err
	}
	choices, err := v.choose(d.Secrets)
	if err == nil && !d.Again {
		err = v.checkRejected(choices)
	}
	if err != nil {
		return nil, err
	}
	return changes(v.moves(choices)), nil
}

func (c *Cluster) planRotation(ctx context.Context, r Rotation, values map[string]secret.Value) (*view, []choice, error) {
	v, err := c.settle(ctx, r.Stack, patience)
	if err != nil {
		return nil, nil, err
	}
	if values, err = v.byBase(values, r.UsedOnly); err != nil {
		return nil, nil, err
	}
	choices, err := v.choose(values)
	if err == nil && !r.Again {
		err = v.checkRejected(choices)
	}
	return v, choices, err
}

// byBase finds the secrets that people mean: by the name they know, or by that of the object.
func (v *view) byBase(values map[string]secret.Value, usedOnly bool) (map[string]secret.Value, error) {
	used := v.inUse()
	found := map[string]secret.Value{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		base, err := v.resolveName(used, name)
		switch {
		case err == nil:
			found[base] = values[name]
		case !usedOnly || len(v.services) == 0:
			errs = append(errs, err)
		}
	}
	return found, errors.Join(errs...)
}

func (v *view) resolveName(used map[string][]version, name string) (string, error) {
	if len(v.services) == 0 {
		return "", fmt.Errorf("stack %q has no services; docker stack ls lists what there is", v.stack)
	}
	if _, ok := used[name]; ok {
		return name, nil
	}
	for base, versions := range used {
		if slices.ContainsFunc(versions, func(o version) bool { return o.name == name }) {
			return base, nil
		}
	}
	known := strings.Join(slices.Sorted(maps.Keys(used)), ", ")
	if known == "" {
		known = "none"
	}
	return "", fmt.Errorf("no service of stack %q uses a secret %q; they use: %s", v.stack, name, known)
}

// changes reports whether any service will be touched.
func (v *view) changes(choices []choice) bool {
	return slices.ContainsFunc(choices, func(ch choice) bool {
		return ch.create || slices.ContainsFunc(v.inUse()[ch.base], func(o version) bool { return o.id != ch.target.id })
	})
}

func (v *view) moves(choices []choice) []move {
	used := v.inUse()
	moves := make([]move, len(choices))
	for i, ch := range choices {
		m := move{target: ch.target, Change: Change{Secret: ch.base, To: ch.target.number, New: ch.create, Services: []string{}}}
		if in := used[ch.base]; len(in) > 0 {
			m.Exists, m.From = true, in[0].number
		}
		for j := range v.services {
			if v.uses(&v.services[j].Spec, ch.base, ch.target) {
				m.Services = append(m.Services, v.services[j].Spec.Name)
			}
		}
		moves[i] = m
	}
	return moves
}

// uses reports whether spec mounts another version of base than target.
func (v *view) uses(spec *api.ServiceSpec, base string, target version) bool {
	return slices.ContainsFunc(secretsOf(spec), func(ref *api.SecretReference) bool {
		return v.secrets.of(ref.SecretID, ref.SecretName).base == base && (target.id == "" || ref.SecretID != target.id)
	})
}

func changes(moves []move) []Change {
	list := make([]Change, len(moves))
	for i, m := range moves {
		list[i] = m.Change
	}
	return list
}

// Rollback moves secrets to the version that was in use before the one in use now; without names, all that have
// one. Services follow as in Rotate.
func (c *Cluster) Rollback(ctx context.Context, r Rotation, names []string, dryRun bool) ([]Change, error) {
	v, err := c.settle(ctx, r.Stack, patience)
	if err != nil {
		return nil, err
	}
	used := v.inUse()
	optional := len(names) == 0
	if optional {
		names = slices.Sorted(maps.Keys(used))
	}
	var choices []choice
	var left []version
	var errs []error
	for _, name := range names {
		base, err := v.resolveName(used, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		before, ok, err := c.before(ctx, v, used[base])
		switch {
		case err != nil:
			errs = append(errs, err)
		case ok:
			choices = append(choices, choice{base: base, target: before})
			left = append(left, slices.DeleteFunc(slices.Clone(used[base]), func(o version) bool { return o.id == before.id })...)
		case !optional:
			errs = append(errs, fmt.Errorf("secret %s has no version before v%d", base, used[base][0].number))
		}
	}
	if len(choices) == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("no secret of stack %q has a version to go back to", r.Stack))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	moves := v.moves(choices)
	if dryRun {
		return changes(moves), nil
	}
	if err := c.reject(ctx, left); err != nil {
		return nil, err
	}
	return changes(moves), c.shift(ctx, r, v, moves, nil)
}

// before is the version that was in use when the one in use now was made, if it is still there. Numbers and names say nothing of
// that: who may create secrets can take those of any version, but gives no object the id that another one names.
func (c *Cluster) before(ctx context.Context, v *view, used []version) (version, bool, error) {
	id := used[0].previous
	if id == "" {
		return version{}, false, nil
	}
	if o, ok := v.secrets.byID[id]; ok {
		return o, true, nil
	}
	// One that this tool did not make may stand outside the stack.
	there, _, err := c.engine.SecretInspectWithRaw(ctx, id)
	switch {
	case errdefs.IsNotFound(err):
		return version{}, false, nil
	case err != nil:
		return version{}, false, fmt.Errorf("look at secret %s: %w", id, err)
	}
	return version{id: there.ID, name: there.Spec.Name, base: used[0].base}, true, nil
}
