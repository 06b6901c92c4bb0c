package migrate

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/lint"
)

// part is a compose file of a project: one that was named, or one that a part
// includes or extends. The named one owns the store and names it: only there
// does x-compose-secure.sops have an effect.
type part struct {
	path, dir string // paths of the file start at dir
	root      *part  // the named file, or itself
	included  bool
	extended  bool
	tree      *yaml.Node // as it is on disk
	result    *yaml.Node // as it would be, once it is planned
	refused   string     // why nothing of it can be moved
	envFiles  []string   // that an include names, in place of .env
	// linked are services that extend others or are extended: what one of
	// them gets, others get.
	linked map[string]bool
}

// maxParts bounds how many files are followed.
const maxParts = 1000

// parts gives the named files and those that they lead to, these first.
func (p *planner) parts(paths []string) ([]*part, error) {
	byPath := map[string]*part{}
	var list []*part
	for _, path := range paths {
		if byPath[path] != nil {
			continue
		}
		if err := editable(path); err != nil {
			return nil, fmt.Errorf("%s: %w", p.shown(path), err)
		}
		n := &part{path: path, dir: filepath.Dir(path)}
		n.root = n
		data, err := original(path)
		if err == nil {
			n.tree, err = lint.ReadYAML(data)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.shown(path), err)
		}
		byPath[path] = n
		list = append(list, n)
	}
	for i := 0; i < len(list) && len(list) < maxParts; i++ {
		list = append(list, list[i].follow(byPath)...)
	}
	for _, n := range list {
		for n.root.root != n.root { // a named file that another one includes
			n.root = n.root.root
		}
	}
	owners := slices.DeleteFunc(slices.Clone(list), func(n *part) bool { return n.root != n })
	led := slices.DeleteFunc(list, func(n *part) bool { return n.root == n })
	slices.Reverse(led) // what is included comes before what includes it
	return append(led, owners...), nil
}

// follow gives the files that n leads to and that were not known.
func (n *part) follow(byPath map[string]*part) []*part {
	var list []*part
	reach := func(path, dir string, included bool) *part {
		known := byPath[path]
		if known == nil {
			data, err := original(path)
			if err != nil || data == nil || editable(path) != nil || lint.IsEncrypted(data) {
				return nil
			}
			tree, err := lint.ReadYAML(data)
			if err != nil {
				return nil
			}
			known = &part{path: path, dir: dir, tree: tree, root: n.root}
			byPath[path] = known
			list = append(list, known)
		}
		known.included, known.extended = known.included || included, known.extended || !included
		switch {
		case known.root == known && known != n.root:
			known.root, known.dir = n.root, dir
		case known.root.dir != n.root.dir || known.dir != dir && known.root != known:
			known.refused = "several projects share this file"
		}
		return known
	}
	for _, i := range scalarsOrMaps(get(n.tree, "include")) {
		paths, dir := scalarList(i), ""
		if i.Kind == yaml.MappingNode {
			paths, dir = scalarList(get(i, "path")), scalarText(get(i, "project_directory"))
		}
		for k, path := range paths {
			if path = onDisk(n.dir, path); path == "" {
				continue
			}
			if k == 0 && dir == "" {
				dir = filepath.Dir(path)
			}
			if found := reach(path, onDisk(n.dir, dir), true); found != nil && i.Kind == yaml.MappingNode {
				for _, file := range scalarList(get(i, "env_file")) {
					found.envFiles = append(found.envFiles, onDisk(n.dir, file))
				}
			}
		}
	}
	for _, e := range lint.Entries(get(n.tree, "services")) {
		x := lint.FollowedNode(get(e.Value, "extends"))
		if x == nil {
			continue
		}
		name := scalarText(x)
		from := n
		if x.Kind == yaml.MappingNode {
			name = scalarText(get(x, "service"))
			if file := scalarText(get(x, "file")); file != "" {
				path := onDisk(n.dir, file)
				from = nil
				if path != "" {
					from = reach(path, filepath.Dir(path), false)
				}
			}
		}
		n.link(e.Key.Value)
		if from != nil {
			from.link(name)
		}
	}
	return list
}

func (n *part) link(service string) {
	if n.linked == nil {
		n.linked = map[string]bool{}
	}
	n.linked[service] = true
}

// scalarsOrMaps gives the items of a list, or the one item.
func scalarsOrMaps(n *yaml.Node) []*yaml.Node {
	if n = lint.FollowedNode(n); n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	var list []*yaml.Node
	for _, c := range n.Content {
		if c = lint.FollowedNode(c); c != nil {
			list = append(list, c)
		}
	}
	return list
}

// onDisk gives a path that a compose file in dir names, "" if it cannot be known.
func onDisk(dir, path string) string {
	if path == "" || lint.Open(path, nil) || strings.Contains(path, "://") || strings.HasPrefix(path, "~") {
		return ""
	}
	if path = lint.Evaluate(path, nil); !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Clean(path)
}

// others gives the other parts of the same project, as far as they are known:
// named files of one directory are taken for such.
func (p *planner) others(n *part) []*part {
	var list []*part
	for _, o := range p.all {
		if o != n && o.root.dir == n.root.dir {
			list = append(list, o)
		}
	}
	return list
}

// envPaths gives the .env files that a part sees: its own, or those that its
// include names, and that of the named file, which wins.
func (n *part) envPaths() []string {
	files := []string{filepath.Join(n.root.dir, ".env")}
	if !n.included {
		return files
	}
	own := n.envFiles
	if own == nil {
		own = []string{filepath.Join(n.dir, ".env")}
	}
	return append(slices.Clone(own), files...)
}

// envOf gives the variables of the .env files that a part sees.
func (p *planner) envOf(n *part) map[string]string {
	values := map[string]string{}
	for _, file := range n.envPaths() {
		if data, err := original(file); err == nil && data != nil && !lint.IsEncrypted(data) {
			maps.Copy(values, envValues(data))
		}
	}
	return values
}

// envPath is the .env whose variables a part takes, and migrate moves. Files
// that an include names stay as they are.
func (n *part) envPath() string {
	if n.included && n.envFiles == nil {
		return filepath.Join(n.dir, ".env")
	}
	return filepath.Join(n.root.dir, ".env")
}

// base is where references of values start.
func (n *part) base() string {
	if n.included {
		return n.dir
	}
	return n.root.dir
}

// setElsewhere reports whether another part sets a variable of a service.
func (c *file) setElsewhere(service, name string) bool {
	for _, o := range c.others(c.part) {
		for _, s := range services(o.tree) {
			if s.name != service {
				continue
			}
			if slices.ContainsFunc(s.environment(), func(v variable) bool { return v.name == name }) {
				return true
			}
			for _, f := range s.envFiles(o.dir) {
				if data, err := os.ReadFile(f.path); err == nil {
					if _, ok := envValues(data)[name]; ok {
						return true
					}
				}
			}
		}
	}
	return false
}
