package swarm

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// version is one secret or config of the cluster.
type version struct {
	id, name string
	base     string // the name that people know it by
	number   int    // 0 for one that this tool did not make
	digest   string
	created  time.Time
	data     []byte            // of a config
	rejected string            // when rollback left it; "" if it did not
	previous string            // the id of the version that was in use when it was made; "" if none was
	forged   bool              // its labels claim what its name does not
	own      map[string]string // labels of the user
}

func (v version) managed() bool { return v.number > 0 }

// catalog is every version of a stack's secrets, or of its configs.
type catalog struct {
	names  map[string]bool
	byID   map[string]version
	byBase map[string][]version // oldest first
}

func newCatalog(versions []version) *catalog {
	c := &catalog{names: map[string]bool{}, byID: map[string]version{}, byBase: map[string][]version{}}
	for _, v := range versions {
		c.names[v.name] = true
		c.byID[v.id] = v
		c.byBase[v.base] = append(c.byBase[v.base], v)
	}
	for _, list := range c.byBase {
		slices.SortFunc(list, func(a, b version) int { return a.number - b.number })
	}
	return c
}

func secretCatalog(stack string, list []api.Secret) *catalog {
	versions := make([]version, len(list))
	for i, s := range list {
		versions[i] = newVersion(stack, s.ID, s.Spec.Annotations, s.CreatedAt)
	}
	return newCatalog(versions)
}

func configCatalog(stack string, list []api.Config) *catalog {
	versions := make([]version, len(list))
	for i, s := range list {
		versions[i] = newVersion(stack, s.ID, s.Spec.Annotations, s.CreatedAt)
		versions[i].data = s.Spec.Data
	}
	return newCatalog(versions)
}

// newVersion reads the labels, which anybody who may create an object can write. They count only with the
// name that this tool gives to such a version; else it is version 0 of
// the name that docker stack deploy would have made it from.
func newVersion(stack, id string, a api.Annotations, created time.Time) version {
	v := version{id: id, name: a.Name, created: created, digest: a.Labels[digestLabel], own: ownLabels(a.Labels)}
	number, err := parseVersion(a.Labels)
	if v.base = a.Labels[secretLabel]; v.base == "" || err != nil || a.Name != objectName(stack, v.base, number) {
		v.forged = v.base != ""
		v.base, v.digest = strings.TrimPrefix(a.Name, stack+"_"), ""
		return v
	}
	v.number, v.rejected, v.previous = number, a.Labels[rejectedLabel], a.Labels[previousLabel]
	return v
}

// forged are the names of objects whose labels claim what their names do not, sorted.
func (c *catalog) forged() []string {
	var names []string
	for _, v := range c.byID {
		if v.forged {
			names = append(names, v.name)
		}
	}
	slices.Sort(names)
	return names
}

// newest is the version with the highest number, zero when there is none.
func (c *catalog) newest(base string) (version, bool) {
	list := c.byBase[base]
	if len(list) == 0 {
		return version{}, false
	}
	return list[len(list)-1], true
}

// next is the number of a new version after used, which are those in use, newest first: the first whose name is free. The
// highest number there is may be anybody's choice, so that it counts only where nothing is in use.
func (c *catalog) next(stack, base string, used []version) int {
	const most = math.MaxInt32
	last, _ := c.newest(base)
	if len(used) > 0 {
		last = used[0]
	}
	n := 1
	if last.number < most {
		n += last.number
	}
	for c.names[objectName(stack, base, n)] {
		n++
	}
	return n
}

// rejected reports whether rollback left the version of that name.
func (c *catalog) rejected(name string) bool {
	for _, v := range c.byID {
		if v.name == name && v.rejected != "" {
			return true
		}
	}
	return false
}

// of tells which version a reference means. One outside the stack is version
// 0 of its own name.
func (c *catalog) of(id, name string) version {
	if v, ok := c.byID[id]; ok {
		return v
	}
	return version{id: id, name: name, base: name}
}

// labels are those of version n of base, which follows the object with the id previous.
func labels(stack, base string, n int, digest, previous string) map[string]string {
	l := map[string]string{
		stackLabel: stack, secretLabel: base, versionLabel: strconv.Itoa(n),
		createdLabel: time.Now().UTC().Format(time.RFC3339),
	}
	if digest != "" {
		l[digestLabel] = digest
	}
	if previous != "" {
		l[previousLabel] = previous
	}
	return l
}

// ownLabels are those that the user gave an object: none of docker stack's, and none of this tool's.
func ownLabels(all map[string]string) map[string]string {
	own := map[string]string{}
	for name, text := range all {
		if name != stackLabel && !strings.HasPrefix(name, labelPrefix) {
			own[name] = text
		}
	}
	return own
}

// labelled returns own with labels, which win.
func labelled(own, labels map[string]string) map[string]string {
	all := ownLabels(own)
	maps.Copy(all, labels)
	return all
}

// inUse are the versions of each secret that the stack's services mount, newest first.
func (v *view) inUse() map[string][]version {
	used := map[string][]version{}
	for i := range v.services {
		for _, ref := range secretsOf(&v.services[i].Spec) {
			add(used, v.secrets.of(ref.SecretID, ref.SecretName))
		}
	}
	return sorted(used)
}

// configsInUse is inUse for configs.
func (v *view) configsInUse() map[string][]version {
	used := map[string][]version{}
	for i := range v.services {
		for _, ref := range configsOf(&v.services[i].Spec) {
			add(used, v.configs.of(ref.ConfigID, ref.ConfigName))
		}
	}
	return sorted(used)
}

func add(used map[string][]version, ver version) {
	if !slices.ContainsFunc(used[ver.base], func(o version) bool { return o.id == ver.id }) {
		used[ver.base] = append(used[ver.base], ver)
	}
}

func sorted(used map[string][]version) map[string][]version {
	for _, list := range used {
		slices.SortFunc(list, func(a, b version) int { return b.number - a.number })
	}
	return used
}

// needed are the ids of secrets and configs that a spec, a previous spec or,
// with tasks, a task which may still run refers to, in any stack.
func (v *view) needed(tasks bool) map[string]bool {
	ids := map[string]bool{}
	spec := func(s *api.ServiceSpec) {
		for _, ref := range secretsOf(s) {
			ids[ref.SecretID] = true
		}
		for _, ref := range configsOf(s) {
			ids[ref.ConfigID] = true
		}
	}
	for _, list := range [][]api.Service{v.services, v.others} {
		for i := range list {
			spec(&list[i].Spec)
			spec(list[i].PreviousSpec)
		}
	}
	for _, t := range v.tasks {
		if tasks && !v.ended(t) {
			spec(&api.ServiceSpec{TaskTemplate: t.Spec})
		}
	}
	return ids
}

// terminal reports a state that a task never leaves.
func terminal(s api.TaskState) bool {
	switch s {
	case api.TaskStateComplete, api.TaskStateShutdown, api.TaskStateFailed, api.TaskStateRejected, api.TaskStateRemove, api.TaskStateOrphaned:
		return true
	}
	return false
}
