package migrate

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
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

func services(root *yaml.Node) []*service {
	var list []*service
	for _, e := range lint.Containers(root) {
		s := &service{name: e.Key.Value, merged: e.Value}
		image := lint.Evaluate(yamldoc.Text(yamldoc.Get(e.Value, "image")), nil)
		if i, ok := secret.Default().Lookup(image); ok && image != "" {
			s.image = i
		}
		own := yamldoc.Get(e.Value, "x-compose-secure")
		s.asFile, s.asEnv = yamldoc.Texts(yamldoc.Get(own, "file")), yamldoc.Texts(yamldoc.Get(own, "env"))
		list = append(list, s)
	}
	for _, s := range list {
		s.node = lint.OwnContainer(root, s.name)
	}
	return list
}

// environment lists the variables of a service in the file itself.
func (s *service) environment() []yamldoc.Pair {
	return yamldoc.Variables(yamldoc.Get(s.merged, "environment"))
}

// sets reports whether the environment of a service in the file itself has a variable.
func (s *service) sets(name string) bool {
	return slices.ContainsFunc(s.environment(), func(v yamldoc.Pair) bool { return v.Name == name })
}

// secrets lists what a service is granted, by the name of the secret.
func (s *service) secrets() []string {
	n := yamldoc.Follow(yamldoc.Get(s.merged, "secrets"))
	var list []string
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	for _, c := range n.Content {
		if c = yamldoc.Follow(c); c != nil && c.Kind == yaml.MappingNode {
			c = yamldoc.Get(c, "source")
		}
		if t := yamldoc.Text(c); t != "" {
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
	n := yamldoc.Follow(yamldoc.Get(s.merged, "env_file"))
	if n == nil {
		return nil
	}
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	var list []envFileRef
	for _, c := range nodes {
		c = yamldoc.Follow(c)
		r := envFileRef{}
		if c != nil && c.Kind == yaml.MappingNode {
			r.raw = yamldoc.Get(c, "format") != nil
			c = yamldoc.Get(c, "path")
		}
		if t := lint.Evaluate(yamldoc.Text(c), nil); t != "" && !strings.Contains(t, secret.Hole) {
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

// effective gives every variable and argument that the services' containers and builds see,
// with the values of env files and of vars. Variables from elsewhere stand as holes. inherits reports whether
// a service gets a variable from one that it extends: that is seen to where it is set, and wins over env files.
func effective(root *yaml.Node, dir string, file func(path string) map[string]string, vars map[string]string, mounted func(s *service, v yamldoc.Pair) (name, value string, ok bool), built func(*service, map[string]string) map[string]string, inherits func(*service, string) bool) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, s := range services(root) {
		env := map[string]string{}
		for _, f := range s.envFiles(dir) {
			maps.Copy(env, file(f.path))
		}
		maps.DeleteFunc(env, func(name, _ string) bool { return inherits(s, name) })
		for _, v := range s.environment() {
			if v.None {
				v.Value = "${" + v.Name + "}"
			}
			if name, value, ok := mounted(s, v); ok {
				env[name] = value
				continue
			}
			env[v.Name] = lint.Evaluate(v.Value, vars)
		}
		for i, n := range lint.ArgumentScalars(s.merged) {
			env[fmt.Sprintf("argument %d", i)] = lint.Evaluate(n.Value, vars)
		}
		for name, value := range built(s, vars) {
			env["build argument "+name] = value
		}
		all[s.name] = env
	}
	return all
}
