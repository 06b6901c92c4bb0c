package migrate

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
)

// service is a service of a compose file with << merged in.
type service struct {
	name   string
	node   *yaml.Node // nil unless the mapping stands under the service's own key
	merged *yaml.Node
	image  *secret.Image
	asFile []string
	asEnv  []string
}

// variable is one variable of an environment.
type variable struct {
	name string
	raw  string
	node *yaml.Node // the scalar that holds the value
	key  *yaml.Node // the scalar that holds the name
	at   int        // where raw starts in node.Value
	none bool       // the value comes from outside
}

func services(root *yaml.Node) []*service {
	var list []*service
	for _, e := range lint.Entries(get(root, "services")) {
		s := &service{name: e.Key.Value, merged: e.Value}
		image := lint.Evaluate(scalarText(get(e.Value, "image")), nil)
		if i, ok := secret.Default().Lookup(image); ok && image != "" {
			s.image = i
		}
		own := get(e.Value, "x-compose-secure")
		s.asFile, s.asEnv = scalarList(get(own, "file")), scalarList(get(own, "env"))
		list = append(list, s)
	}
	if n := ownValue(root, "services"); n != nil && n.Kind == yaml.MappingNode {
		for _, s := range list {
			if v := ownValue(n, s.name); v != nil && v.Kind == yaml.MappingNode {
				s.node = v
			}
		}
	}
	return list
}

// get gives the value of a key with << merged in, or nil.
func get(n *yaml.Node, key string) *yaml.Node {
	for _, e := range lint.Entries(n) {
		if e.Key.Value == key {
			return e.Value
		}
	}
	return nil
}

// ownValue gives the value that stands under a key of the mapping itself, as
// it stands: it may be an alias.
func ownValue(n *yaml.Node, key string) *yaml.Node {
	if i := ownIndex(n, key); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

func ownIndex(n *yaml.Node, key string) int {
	if n == nil || n.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return i
		}
	}
	return -1
}

func scalarText(n *yaml.Node) string {
	if n = lint.FollowedNode(n); n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

// scalarList gives the scalars of a list, or the one scalar.
func scalarList(n *yaml.Node) []string {
	if n = lint.FollowedNode(n); n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		if s := scalarText(n); s != "" {
			return []string{s}
		}
		return nil
	}
	var list []string
	for _, c := range n.Content {
		if s := scalarText(c); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// environment lists the variables of a service in the file itself.
func (s *service) environment() []variable {
	return pairsOf(get(s.merged, "environment"))
}

// sets reports whether the environment of a service in the file itself has a variable.
func (s *service) sets(name string) bool {
	return slices.ContainsFunc(s.environment(), func(v variable) bool { return v.name == name })
}

// pairsOf reads what Compose calls a mapping or list of variables.
func pairsOf(n *yaml.Node) []variable {
	if n = lint.FollowedNode(n); n == nil {
		return nil
	}
	var list []variable
	if n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			item := lint.FollowedNode(c)
			if item == nil || item.Kind != yaml.ScalarNode {
				continue
			}
			name, raw, ok := strings.Cut(item.Value, "=")
			list = append(list, variable{name: name, raw: raw, node: item, key: item, at: len(name) + 1, none: !ok})
		}
		return list
	}
	for _, e := range lint.Entries(n) {
		if e.Value == nil || e.Value.Kind != yaml.ScalarNode {
			continue
		}
		v := variable{name: e.Key.Value, raw: e.Value.Value, node: e.Value, key: e.Key, none: e.Value.Tag == "!!null"}
		if v.none {
			v.raw = ""
		}
		list = append(list, v)
	}
	return list
}

// secrets lists what a service is granted, by the name of the secret.
func (s *service) secrets() []string {
	n := lint.FollowedNode(get(s.merged, "secrets"))
	var list []string
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	for _, c := range n.Content {
		if c = lint.FollowedNode(c); c != nil && c.Kind == yaml.MappingNode {
			c = get(c, "source")
		}
		if t := scalarText(c); t != "" {
			list = append(list, t)
		}
	}
	return list
}

// envFile is a file that env_file names.
type envFileRef struct {
	path string // on disk, "" if it cannot be known
	raw  bool   // it has a format of its own
}

func (s *service) envFiles(dir string) []envFileRef {
	n := lint.FollowedNode(get(s.merged, "env_file"))
	if n == nil {
		return nil
	}
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	var list []envFileRef
	for _, c := range nodes {
		c = lint.FollowedNode(c)
		r := envFileRef{}
		if c != nil && c.Kind == yaml.MappingNode {
			r.raw = get(c, "format") != nil
			c = get(c, "path")
		}
		if t := lint.Evaluate(scalarText(c), nil); t != "" && !strings.Contains(t, secret.Hole) {
			r.path = t
			if !filepath.IsAbs(t) {
				r.path = filepath.Join(dir, t)
			}
		}
		list = append(list, r)
	}
	return list
}

// maxDepth bounds what is compared; compose files are far flatter.
const maxDepth = 64

// sameTree compares the form of two trees: anchors, aliases, order of keys.
func sameTree(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || len(a.Content) != len(b.Content) || a.Anchor != b.Anchor {
		return false
	}
	if a.Kind == yaml.AliasNode {
		return a.Value == b.Value
	}
	if a.Kind == yaml.ScalarNode && (a.Value != b.Value || a.Tag != b.Tag) {
		return false
	}
	return slices.EqualFunc(a.Content, b.Content, sameTree)
}

// effective gives every variable that the services' containers and builds see,
// with the values of env files and of vars. Variables from elsewhere stand as holes. inherits reports whether
// a service gets a variable from one that it extends: that is seen to where it is set, and wins over env files.
func effective(root *yaml.Node, dir string, file func(path string) map[string]string, vars map[string]string, mounted func(s *service, v variable) (name, value string, ok bool), built func(*service, map[string]string) map[string]string, inherits func(*service, string) bool) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, s := range services(root) {
		env := map[string]string{}
		for _, f := range s.envFiles(dir) {
			maps.Copy(env, file(f.path))
		}
		maps.DeleteFunc(env, func(name, _ string) bool { return inherits(s, name) })
		for _, v := range s.environment() {
			if v.none {
				v.raw = "${" + v.name + "}"
			}
			if name, value, ok := mounted(s, v); ok {
				env[name] = value
				continue
			}
			env[v.name] = lint.Evaluate(v.raw, vars)
		}
		for name, value := range built(s, vars) {
			env["build argument "+name] = value
		}
		all[s.name] = env
	}
	return all
}
