package swarm

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/argon2"

	"github.com/compose-secure/compose-secure/secret"
)

// made is a secret as this tool makes it, after the one with the id previous if there is one.
func made(base string, n int, text string, previous ...string) api.Secret {
	name := objectName("shop", base, n)
	return api.Secret{ID: name, Spec: api.SecretSpec{Annotations: api.Annotations{
		Name: name, Labels: labels("shop", base, n, newDigest(name, value(text), cost{memory: 8, passes: 1}), strings.Join(previous, "")),
	}}}
}

func foreign(name string) api.Secret {
	return api.Secret{ID: name, Spec: api.SecretSpec{Annotations: api.Annotations{Name: name, Labels: map[string]string{stackLabel: "shop"}}}}
}

func using(name string, current, previous string) api.Service {
	spec := func(id string) *api.ServiceSpec {
		if id == "" {
			return nil
		}
		return &api.ServiceSpec{Annotations: api.Annotations{Name: name}, TaskTemplate: api.TaskSpec{ContainerSpec: &api.ContainerSpec{
			Secrets: []*api.SecretReference{{SecretID: id, SecretName: id}},
		}}}
	}
	s := api.Service{ID: name, PreviousSpec: spec(previous)}
	if now := spec(current); now != nil {
		s.Spec = *now
	}
	return s
}

func TestChoose(t *testing.T) {
	one, two, three := made("key", 1, "one"), made("key", 2, "two"), made("key", 3, "three")
	cases := map[string]struct {
		secrets  []api.Secret
		services []api.Service
		value    string
		want     int
		create   bool
	}{
		"first":                       {value: "one", want: 1, create: true},
		"unchanged":                   {[]api.Secret{one}, []api.Service{using("a", one.ID, "")}, "one", 1, false},
		"changed":                     {[]api.Secret{one}, []api.Service{using("a", one.ID, "")}, "two", 2, true},
		"left by a killed command":    {[]api.Secret{one, two}, []api.Service{using("a", one.ID, "")}, "two", 2, false},
		"half of the services moved":  {[]api.Secret{one, two}, []api.Service{using("a", one.ID, ""), using("b", two.ID, "")}, "two", 2, false},
		"back to the old value":       {[]api.Secret{one, two}, []api.Service{using("a", one.ID, ""), using("b", two.ID, "")}, "one", 1, false},
		"an old value that is unused": {[]api.Secret{one, two, three}, []api.Service{using("a", three.ID, two.ID)}, "one", 4, true},
		"made by docker":              {[]api.Secret{foreign("shop_key")}, []api.Service{using("a", "shop_key", "")}, "one", 1, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := &view{stack: "shop", services: c.services, secrets: secretCatalog("shop", c.secrets)}
			choices, err := v.choose(map[string]secret.Value{"key": value(c.value)})
			if err != nil {
				t.Fatal(err)
			}
			if got := choices[0]; got.target.number != c.want || got.create != c.create {
				t.Errorf("version %d, create %t; want %d, %t", got.target.number, got.create, c.want, c.create)
			}
		})
	}
}

func TestChooseRefusesWhatSwarmDoes(t *testing.T) {
	for name, v := range map[string]secret.Value{"empty": value(""), "too large": secret.NewValue(make([]byte, secret.MaxSize))} {
		if _, err := (&view{stack: "shop", secrets: secretCatalog("shop", nil)}).choose(map[string]secret.Value{"key": v}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestStates(t *testing.T) {
	one, two, three, four := made("key", 1, "a"), made("key", 2, "b"), made("key", 3, "c"), made("key", 4, "d")
	v := &view{
		stack: "shop", secrets: secretCatalog("shop", []api.Secret{one, two, three, four}), configs: configCatalog("shop", nil),
		services: []api.Service{using("a", three.ID, two.ID)},
	}
	got := map[int]string{}
	for _, row := range v.status() {
		got[row.Version] = row.State
	}
	if diff := cmp.Diff(map[int]string{1: "kept", 2: "previous", 3: "current", 4: "orphan"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestNeeded covers every reason to keep a version, also in another stack.
func TestNeeded(t *testing.T) {
	running := api.Task{Spec: using("", "task", "").Spec.TaskTemplate, Status: api.TaskStatus{State: api.TaskStateRunning}}
	ended := api.Task{Spec: using("", "ended", "").Spec.TaskTemplate, Status: api.TaskStatus{State: api.TaskStateFailed}}
	lost := api.Task{NodeID: "gone", Spec: using("", "lost", "").Spec.TaskTemplate, Status: api.TaskStatus{State: api.TaskStateRunning}}
	v := &view{
		services: []api.Service{using("a", "spec", "previous")}, others: []api.Service{using("b", "elsewhere", "elsewhere before")},
		tasks: []api.Task{running, ended, lost}, lost: map[string]bool{"gone": true},
	}
	var ids []string
	for id := range v.needed(true) {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if diff := cmp.Diff([]string{"elsewhere", "elsewhere before", "previous", "spec", "task"}, ids); diff != "" {
		t.Error(diff)
	}
}

// unbound is a secret as it was made before digests were bound to names.
func unbound(base string, n int, text string) api.Secret {
	s := made(base, n, text)
	salt := []byte("0123456789abcdef")
	sum := argon2.IDKey([]byte(text), salt, 1, 8, 1, digestSize)
	s.Spec.Labels[digestLabel] = fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
	return s
}

// A digest that was copied to another object must not count; one of before counts for a version in use alone, and
// is bound then.
func TestCopiedDigest(t *testing.T) {
	two := made("key", 2, "two")
	copied := func(from api.Secret, rolledBack bool) api.Secret {
		s := made("key", 3, "evil")
		s.Spec.Labels[digestLabel] = from.Spec.Labels[digestLabel]
		if rolledBack {
			s.Spec.Labels[rejectedLabel] = "2000-01-01T00:00:00Z"
		}
		return s
	}
	old, four := unbound("key", 2, "two"), made("key", 4, "four")
	for name, tt := range map[string]struct {
		secrets      []api.Secret
		use, value   string
		want         int
		create, bind bool
	}{
		"newest, copied from the one in use":       {[]api.Secret{two, copied(two, false)}, two.ID, "two", 2, false, false},
		"newest, nothing in use":                   {[]api.Secret{two, copied(two, false)}, "", "two", 4, true, false},
		"rolled back, copied":                      {[]api.Secret{two, copied(two, true), four}, four.ID, "two", 5, true, false},
		"of before, in use":                        {[]api.Secret{old}, old.ID, "two", 2, false, true},
		"of before, in use, another value":         {[]api.Secret{old}, old.ID, "three", 3, true, false},
		"of before, not in use":                    {[]api.Secret{old}, "", "two", 3, true, false},
		"of before, copied from the one in use":    {[]api.Secret{old, copied(old, false)}, old.ID, "two", 2, false, true},
		"of before, copied and marked rolled back": {[]api.Secret{old, copied(old, true), four}, four.ID, "two", 5, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := &view{stack: "shop", services: []api.Service{using("a", tt.use, "")}, secrets: secretCatalog("shop", tt.secrets)}
			choices, err := v.choose(map[string]secret.Value{"key": value(tt.value)})
			if err != nil {
				t.Fatal(err)
			}
			if got := choices[0]; got.target.number != tt.want || got.create != tt.create || got.bind != tt.bind {
				t.Errorf("version %d, create %t, bind %t; want %d, %t, %t", got.target.number, got.create, got.bind, tt.want, tt.create, tt.bind)
			}
		})
	}
}

// Labels that anybody may write must not make an object a version of a secret, nor one that rollback goes to.
func TestForgedLabels(t *testing.T) {
	one := made("key", 1, "one")
	two, four := made("key", 2, "two", one.ID), made("key", 4, "two", one.ID)
	forge := func(name string, n int) api.Secret {
		s := made("key", n, "two", one.ID) // with the digest of the value in use
		s.ID, s.Spec.Name = name, name
		return s
	}
	docker := foreign("shop_key")
	for name, tt := range map[string]struct {
		secrets []api.Secret // the first one is in use
		want    string
		next    int // the number of a new version
	}{
		"none":                       {[]api.Secret{two, one}, one.ID, 3},
		"of another name":            {[]api.Secret{two, forge("evil", 1)}, "", 3},
		"of docker's name":           {[]api.Secret{two, forge("shop_key", 1)}, "", 3},
		"beside the right one":       {[]api.Secret{two, one, forge("evil", 1)}, one.ID, 3},
		"of the name of another":     {[]api.Secret{two, forge("shop_key_v7", 1)}, "", 3},
		"with a number that is high": {[]api.Secret{two, one, forge("evil", 9)}, one.ID, 3},
		"a name taken in advance":    {[]api.Secret{four, one, made("key", 2, "evil", one.ID), made("key", 3, "evil")}, one.ID, 5},
		"the next name taken":        {[]api.Secret{two, one, made("key", 3, "evil", two.ID)}, one.ID, 4},
		"the next, without labels":   {[]api.Secret{two, one, foreign("shop_key_v3")}, one.ID, 4},
		"a number without a next":    {[]api.Secret{two, one, made("key", math.MaxInt, "evil", two.ID)}, one.ID, 3},
		"the one before was removed": {[]api.Secret{four, made("key", 2, "evil"), made("key", 3, "evil")}, "", 5},
		"the first":                  {[]api.Secret{one, forge("evil", 0)}, "", 2},
		"made by docker before":      {[]api.Secret{made("key", 1, "two", docker.ID), docker}, docker.ID, 2},
		"outside of the stack":       {[]api.Secret{made("key", 1, "two", "elsewhere")}, "elsewhere", 2},
	} {
		t.Run(name, func(t *testing.T) {
			current := tt.secrets[0]
			v := &view{stack: "shop", services: []api.Service{using("a", current.ID, "")}, secrets: secretCatalog("shop", tt.secrets)}
			c := &Cluster{engine: oneMore{id: "elsewhere"}}
			got, ok, err := c.before(t.Context(), v, v.inUse()["key"])
			if err != nil || ok != (tt.want != "") || got.id != tt.want {
				t.Errorf("goes back to %q, %t, %v; want %q", got.id, ok, err, tt.want)
			}
			choices, err := v.choose(map[string]secret.Value{"key": value("two")})
			if err != nil || choices[0].create != (name == "the first") || !choices[0].create && choices[0].target.id != current.ID {
				t.Errorf("the value goes to %q, new %t, %v", choices[0].target.name, choices[0].create, err)
			}
			choices, err = v.choose(map[string]secret.Value{"key": value("three")})
			if err != nil || !choices[0].create || choices[0].target.number != tt.next || choices[0].target.previous != current.ID {
				t.Errorf("a new value goes to %q after %q, %v", choices[0].target.name, choices[0].target.previous, err)
			}
		})
	}
}

// A number that has none after it, in an object that anybody may make, must not end the versions of a secret.
func TestNextNumber(t *testing.T) {
	one, evil := made("key", 1, "x"), made("key", math.MaxInt, "evil")
	for name, tt := range map[string]struct {
		secrets []api.Secret
		use     string
		want    int
	}{
		"none":                     {nil, "", 1},
		"others":                   {[]api.Secret{made("other", 7, "x")}, "", 1},
		"not in use":               {[]api.Secret{made("key", 2, "x"), made("key", 4, "x")}, "", 5},
		"the last one":             {[]api.Secret{one, evil}, "", 2},
		"the last one, one in use": {[]api.Secret{one, evil}, one.ID, 2},
		"a high one, one in use":   {[]api.Secret{one, made("key", 9, "evil")}, one.ID, 2},
	} {
		t.Run(name, func(t *testing.T) {
			v := &view{services: []api.Service{using("a", tt.use, "")}, secrets: secretCatalog("shop", tt.secrets)}
			if got := v.secrets.next("shop", "key", v.inUse()["key"]); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// oneMore is an engine with a secret that is in no stack.
type oneMore struct {
	Engine
	id string
}

func (o oneMore) SecretInspectWithRaw(_ context.Context, id string) (api.Secret, []byte, error) {
	if id != o.id {
		return api.Secret{}, nil, errdefs.ErrNotFound
	}
	return api.Secret{ID: o.id}, nil, nil
}

// Who takes high numbers must not have prune remove what rollback goes back to.
func TestPruneKeepsThePrevious(t *testing.T) {
	one := made("key", 1, "one")
	two := made("key", 2, "two", one.ID)
	three := made("key", 3, "three", two.ID)
	secrets := []api.Secret{one, two, three, made("key", 8, "evil"), made("key", 9, "evil")}
	for keep, want := range [][]string{
		{one.ID, two.ID, "shop_key_v8", "shop_key_v9"}, {one.ID, two.ID, "shop_key_v8"}, {one.ID}, nil,
	} {
		c := &Cluster{engine: stackOf{secrets: secrets, services: []api.Service{using("a", three.ID, "")}}}
		got, err := c.Prune(t.Context(), "shop", keep, true)
		if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("keep %d: %q, %v; want %q", keep, got, err, want)
		}
	}
}

// stackOf is an engine that lists what a stack has.
type stackOf struct {
	Engine
	secrets  []api.Secret
	services []api.Service
}

func (s stackOf) NodeList(context.Context, api.NodeListOptions) ([]api.Node, error) { return nil, nil }
func (s stackOf) TaskList(context.Context, api.TaskListOptions) ([]api.Task, error) { return nil, nil }
func (s stackOf) ConfigList(context.Context, api.ConfigListOptions) ([]api.Config, error) {
	return nil, nil
}
func (s stackOf) SecretList(context.Context, api.SecretListOptions) ([]api.Secret, error) {
	return s.secrets, nil
}
func (s stackOf) ServiceList(context.Context, api.ServiceListOptions) ([]api.Service, error) {
	services := slices.Clone(s.services)
	for i := range services {
		services[i].Spec.Labels = map[string]string{stackLabel: "shop"}
	}
	return services, nil
}
