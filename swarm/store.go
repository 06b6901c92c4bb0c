package swarm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/compose-secure/compose-secure/secret"
)

// ConflictError says that somebody else is changing the same thing.
type ConflictError struct{ What string }

func (e *ConflictError) Error() string {
	return e.What + " was changed by another command at the same time; nothing of it was overwritten, run the command again"
}

// creators is how many creations run at once. More gain nothing: a manager
// writes its log one entry after the other.
const creators = 6

// discardTime is how long tasks may hold a version that is to go.
const discardTime = 30 * time.Second

// choice is the version that a value goes to.
type choice struct {
	base   string
	target version
	value  secret.Value
	create bool
	own    map[string]string // labels of the user
	bind   bool              // the digest of the target gets bound to its name
	digest func() string     // of the value; nil where nobody had the time to begin it
}

// choose finds the version of each value: one in use when it holds the value, else the newest when that does
// (what an interrupted command left), else one that rollback left, else a new one. A digest takes as long as everything else
// before the rollout, so that a new one is begun where a processor has nothing to do.
func (v *view) choose(values map[string]secret.Value) ([]choice, error) {
	names := slices.Sorted(maps.Keys(values))
	used := v.inUse()
	choices := make([]choice, len(names))
	errs := make([]error, len(names))
	for i, base := range names {
		errs[i] = checkSize(base, len(values[base].Reveal()))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	idle := len(names) < runtime.GOMAXPROCS(0)
	k := costFor(len(v.secrets.byID) + len(names))
	eachCPU(len(names), func(i int) {
		base := names[i]
		newest, ok := v.secrets.newest(base)
		n := v.secrets.next(v.stack, base, used[base])
		name := objectName(v.stack, base, n)
		var digest func() string
		if idle {
			digest = begin(func() string { return newDigest(name, values[base], k) })
		}
		candidates := slices.Clone(used[base])
		if ok && !slices.ContainsFunc(candidates, func(c version) bool { return c.id == newest.id }) {
			candidates = append(candidates, newest)
		}
		for _, c := range v.secrets.byBase[base] {
			if c.rejected != "" && !slices.ContainsFunc(candidates, func(o version) bool { return o.id == c.id }) {
				candidates = append(candidates, c)
			}
		}
		for j, c := range candidates {
			// Who may create an object cannot have a service use it, so for one in use an unbound digest counts.
			bound := isBound(c.digest)
			if c.managed() && (bound || j < len(used[base])) && matches(c.digest, c.name, values[base]) {
				choices[i] = choice{base: base, target: c, bind: !bound}
				if !bound {
					choices[i].value = values[base]
				}
				return
			}
		}
		target, own := version{base: base, number: n, name: name}, newest.own
		if len(used[base]) > 0 {
			target.previous, own = used[base][0].id, used[base][0].own
		}
		choices[i] = choice{base: base, value: values[base], create: true, digest: digest, own: own, target: target}
	})
	return choices, nil
}

func checkSize(name string, size int) error {
	switch {
	case size == 0:
		return fmt.Errorf("secret %s is empty, and Swarm stores no empty secret", name)
	case size >= secret.MaxSize:
		return fmt.Errorf("secret %s is too large: Swarm stores less than %d bytes", name, secret.MaxSize)
	}
	return nil
}

// create makes the new versions. It returns those that it made also when it fails.
func (c *Cluster) create(ctx context.Context, stack string, choices []choice, total int) ([]version, error) {
	var (
		made []version
		errs []error
		mu   sync.Mutex
		wg   sync.WaitGroup
	)
	work := make(chan *choice)
	for range creators {
		wg.Go(func() {
			for ch := range work {
				id, fresh, err := c.createOne(ctx, stack, ch, costFor(total))
				mu.Lock()
				if ch.target.id = id; fresh {
					made = append(made, ch.target)
				}
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	for i := range choices {
		if choices[i].create {
			work <- &choices[i]
		}
	}
	close(work)
	wg.Wait()
	for i := range choices {
		if choices[i].bind {
			errs = append(errs, c.bind(ctx, &choices[i], costFor(total)))
		}
	}
	return made, errors.Join(errs...)
}

// bind gives a version in use a digest that counts for it alone. Tasks do not see labels. When
// somebody else changes the labels at the same time, the next command does it.
func (c *Cluster) bind(ctx context.Context, ch *choice, k cost) error {
	err := c.setLabel(ctx, ch.target, digestLabel, newDigest(ch.target.name, ch.value, k))
	if err != nil && strings.Contains(err.Error(), "update out of sequence") {
		return nil
	}
	return err
}

// createOne stores one value. A name that is taken is fine when it was taken
// for the same value.
func (c *Cluster) createOne(ctx context.Context, stack string, ch *choice, k cost) (id string, fresh bool, err error) {
	if ch.digest != nil {
		ch.target.digest = ch.digest()
	} else {
		ch.target.digest = newDigest(ch.target.name, ch.value, k)
	}
	answer, err := c.engine.SecretCreate(ctx, api.SecretSpec{
		Annotations: api.Annotations{Name: ch.target.name, Labels: labelled(ch.own, labels(stack, ch.base, ch.target.number, ch.target.digest, ch.target.previous))},
		Data:        ch.value.Reveal(),
	})
	if err == nil {
		return answer.ID, true, nil
	}
	if !errdefs.IsConflict(err) && !errdefs.IsAlreadyExists(err) {
		return "", false, fmt.Errorf("create secret %s: %w", ch.target.name, managerHint(err))
	}
	there, _, err := c.engine.SecretInspectWithRaw(ctx, ch.target.name)
	if err == nil && newVersion(stack, there.ID, there.Spec.Annotations, there.CreatedAt).managed() && there.Spec.Labels[stackLabel] == stack && isBound(there.Spec.Labels[digestLabel]) && matches(there.Spec.Labels[digestLabel], ch.target.name, ch.value) {
		return there.ID, false, nil
	}
	return "", false, &ConflictError{What: "secret " + ch.target.name}
}

// storeConfigs is choose and create for configs, whose content the cluster tells. own are labels of the user, by config.
func (c *Cluster) storeConfigs(ctx context.Context, v *view, contents map[string][]byte, own map[string]map[string]string) (names map[string]string, made []version, err error) {
	used := v.configsInUse()
	names = map[string]string{}
	for _, base := range slices.Sorted(maps.Keys(contents)) {
		newest, _ := v.configs.newest(base)
		candidates := append(slices.Clone(used[base]), newest)
		same := slices.IndexFunc(candidates, func(o version) bool { return o.managed() && bytes.Equal(o.data, contents[base]) })
		if same >= 0 {
			names[base] = candidates[same].name
			continue
		}
		n := v.configs.next(v.stack, base, used[base])
		ver := version{base: base, number: n, name: objectName(v.stack, base, n)}
		answer, err := c.engine.ConfigCreate(ctx, api.ConfigSpec{
			Annotations: api.Annotations{Name: ver.name, Labels: labelled(own[base], labels(v.stack, base, n, "", ""))},
			Data:        contents[base],
		})
		if errdefs.IsConflict(err) || errdefs.IsAlreadyExists(err) {
			there, _, err := c.engine.ConfigInspectWithRaw(ctx, ver.name)
			if err != nil || there.Spec.Labels[stackLabel] != v.stack || !bytes.Equal(there.Spec.Data, contents[base]) {
				return names, made, &ConflictError{What: "config " + ver.name}
			}
		} else if err != nil {
			return names, made, fmt.Errorf("create config %s: %w", ver.name, managerHint(err))
		} else {
			ver.id = answer.ID
			made = append(made, ver)
		}
		names[base] = ver.name
	}
	return names, made, nil
}

// discard removes the versions that nothing needs. Tasks that are about to
// end are waited for.
func (c *Cluster) discard(ctx context.Context, stack string, secrets, configs []version) error {
	if len(secrets)+len(configs) == 0 {
		return nil
	}
	for deadline := time.Now().Add(discardTime); ; {
		v, err := c.look(ctx, stack)
		if err != nil {
			return err
		}
		held, running := v.needed(false), v.needed(true)
		var errs []error
		left := false
		for _, s := range secrets {
			if !running[s.id] {
				errs = append(errs, gone(c.engine.SecretRemove(ctx, s.id), "secret "+s.name))
			}
			left = left || running[s.id] && !held[s.id]
		}
		for _, s := range configs {
			if !running[s.id] {
				errs = append(errs, gone(c.engine.ConfigRemove(ctx, s.id), "config "+s.name))
			}
			left = left || running[s.id] && !held[s.id]
		}
		if err := errors.Join(errs...); err != nil || !left || time.Now().After(deadline) {
			return err
		}
		if err := sleep(ctx, c.poll); err != nil {
			return err
		}
	}
}

// gone is nil for something that is not there any more.
func gone(err error, what string) error {
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("remove %s: %w", what, err)
}
