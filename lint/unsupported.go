package lint

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/document/yamldoc"
)

// UnsupportedUse is a variable in a place that cannot hold a secret: up refuses a
// project that takes a stored variable there.
type UnsupportedUse struct {
	Name string
	At   string     // services.web.labels.a
	Arg  string     // the build argument that it is, or ""
	Key  *yaml.Node // the scalar of its name, where it is a build argument
	Line int
}

// Why says why the variable has to stay where it is defined; arg says why a
// build argument stays one.
func (u *UnsupportedUse) Why(why Reason) Reason {
	if u.Arg == "" {
		return Because(UnsupportedPlace, u.At)
	}
	arg := ""
	if why.Given() {
		arg = " (" + why.String() + ")"
	}
	return Because(UnsupportedArg, u.Arg, arg)
}

// UnsupportedUses lists the variables that a compose file takes where no secret can
// stand: anywhere but in environments, arguments, declared secrets and configs, and x- keys, whose anchors are
// followed instead.
func UnsupportedUses(root *yaml.Node) []UnsupportedUse {
	w := &useWalk{}
	services := serviceEntries(root)
	for _, e := range services {
		at := compose.ContainerText(e.Key.Value)
		if yamldoc.Get(yamldoc.Get(root, "jobs"), e.Key.Value) == e.Value {
			at = "jobs." + e.Key.Value
		}
		w.service(at, e.Value)
	}
	if yamldoc.Get(root, "services") == nil && yamldoc.Get(root, "jobs") == nil {
		return w.found // the services stand at the top
	}
	for _, e := range yamldoc.Entries(root) {
		switch key := e.Key.Value; {
		case key == "services" || key == "jobs" || strings.HasPrefix(key, "x-"):
		case key == "secrets" || key == "configs":
			for _, d := range yamldoc.Entries(e.Value) {
				w.fields(key+"."+d.Key.Value, d.Value, "environment", "content")
			}
		default:
			w.seen = map[*yaml.Node]bool{}
			w.node(key, e.Value)
		}
	}
	return w.found
}

type useWalk struct {
	found []UnsupportedUse
	seen  map[*yaml.Node]bool
}

func (w *useWalk) service(at string, n *yaml.Node) {
	w.seen = map[*yaml.Node]bool{}
	w.without(at, n, append(compose.ArgumentLists(), []string{"environment"}, []string{"build"}, []string{"pre_start"}))
	build := yamldoc.Follow(yamldoc.Get(n, "build"))
	if build == nil || build.Kind != yaml.MappingNode {
		w.node(at+".build", build)
		return
	}
	w.fields(at+".build", build, "args")
	for _, pr := range yamldoc.Pairs(yamldoc.Get(build, "args")) {
		names := Variables(pr.Value)
		if pr.None {
			names = []string{pr.Name}
		}
		for _, name := range names {
			w.found = append(w.found, UnsupportedUse{Name: name, At: at + ".build.args." + pr.Name, Arg: pr.Name, Key: pr.Key, Line: pr.Node.Line})
		}
	}
}

// fields visits a mapping except for the keys that can hold a secret.
func (w *useWalk) fields(at string, n *yaml.Node, but ...string) {
	w.seen = map[*yaml.Node]bool{}
	for _, e := range yamldoc.Entries(n) {
		if key := e.Key.Value; !strings.HasPrefix(key, "x-") && !slices.Contains(but, key) {
			w.node(at+"."+key, e.Value)
		}
	}
}

// without visits a mapping, or the elements of a list, except for what paths lead to.
func (w *useWalk) without(at string, n *yaml.Node, paths [][]string) {
	if n = yamldoc.Follow(n); n == nil {
		return
	}
	below := func(key string) (list [][]string) {
		for _, path := range paths {
			if len(path) > 0 && path[0] == key {
				list = append(list, path[1:])
			}
		}
		return list
	}
	if list := below(compose.AnyElement); list != nil {
		for _, i := range yamldoc.Items(n) {
			w.without(at, i, list)
		}
		return
	}
	if n.Kind != yaml.MappingNode {
		w.node(at, n)
		return
	}
	for _, e := range yamldoc.Entries(n) {
		key := e.Key.Value
		list := below(key)
		switch {
		case strings.HasPrefix(key, "x-"), slices.ContainsFunc(list, func(path []string) bool { return len(path) == 0 }):
		case list == nil:
			w.node(at+"."+key, e.Value)
		default:
			w.without(at+"."+key, e.Value, list)
		}
	}
}

// node visits everything below n once: aliases can make a small file huge.
func (w *useWalk) node(at string, n *yaml.Node) {
	if n = yamldoc.Follow(n); n == nil || w.seen[n] {
		return
	}
	w.seen[n] = true
	switch n.Kind {
	case yaml.ScalarNode:
		for _, name := range Variables(n.Value) {
			w.found = append(w.found, UnsupportedUse{Name: name, At: at, Line: n.Line})
		}
	case yaml.SequenceNode:
		for _, c := range n.Content {
			w.node(at, c)
		}
	default:
		for _, e := range yamldoc.Entries(n) {
			w.node(at+"."+e.Key.Value, e.Value)
		}
	}
}
