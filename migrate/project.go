package migrate

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"

	"github.com/compose-secure/compose-secure/secret"
)

// part is a compose file of a project: one that was named, or one that a part
// includes or extends. The named one owns the store and names it: only there
// does x-compose-secure.sops have an effect.
type part struct {
	path, dir string // paths of the file start at dir
	data      []byte
	root      *part    // the named file, or itself
	projects  []string // directories of the other named files that lead to it
	named     bool     // it may be used on its own, whoever leads to it
	included  bool
	extended  bool
	trees     []*yaml.Node // as they are on disk: one, or all of a file that is left out
	result    *yaml.Node   // as it would be, once it is planned
	out       *Uneditable  // why it is left as it is
	envFiles  []string     // that an include names, in place of .env
	vars      []string     // of a named file: the env files that its variables come from
	// linked are services that extend others or are extended: what one of
	// them gets, others get.
	linked     map[string]bool
	taken      map[string]bool // variables that its trees take, once they are asked for
	list       *[]*service     // of its trees, once they are asked for
	byVariable *bool           // it names env files with variables, once that is asked for
}

// services returns the services of a part, as it is on disk.
func (n *part) services() []*service {
	if n.list == nil {
		n.list = &[]*service{}
		for _, tree := range n.trees {
			*n.list = append(*n.list, services(tree)...)
		}
	}
	return *n.list
}

// takes returns the variables that a part takes, as it is on disk.
func (n *part) takes() map[string]bool {
	if n.taken == nil {
		n.taken = map[string]bool{}
		for _, tree := range n.trees {
			maps.Copy(n.taken, lint.Taken(tree))
		}
	}
	return n.taken
}

// tree is the mapping that the file is; nil if it is none.
func (n *part) tree() *yaml.Node {
	if len(n.trees) == 0 {
		return nil
	}
	return n.trees[0]
}

// maxParts bounds how many files are followed.
const maxParts = 1000

// parts gives the named files and those that they lead to, these first.
func (p *planner) parts(paths []string) []*part {
	byPath := map[string]*part{}
	var list []*part
	for _, path := range paths {
		if byPath[path] != nil {
			continue
		}
		n := p.read(path, p.Project.DirOf(path))
		if n == nil {
			continue
		}
		n.root, n.named, n.vars = n, true, p.Project.EnvFilesOf(path, n.dir)
		byPath[path] = n
		list = append(list, n)
	}
	for i := 0; i < len(list) && len(list) < maxParts; i++ {
		list = append(list, p.follow(list[i], byPath)...)
	}
	for _, n := range list {
		for n.root.root != n.root { // a named file that another one includes
			n.root = n.root.root
		}
	}
	owners := slices.DeleteFunc(slices.Clone(list), func(n *part) bool { return n.root != n })
	led := slices.DeleteFunc(list, func(n *part) bool { return n.root == n })
	slices.Reverse(led) // what is included comes before what includes it
	return append(led, owners...)
}

// read reads a compose file; nil if there is nothing to edit. One that cannot
// be edited is a part that is left out.
func (p *planner) read(path, dir string) *part {
	n := &part{path: path, dir: dir}
	data, tree := p.Parsed(path)
	var err error
	if data == nil {
		data, err = original(path)
	}
	if err == nil && (data == nil || secret.IsSOPS(data)) {
		return nil
	}
	n.data = data
	if err == nil && p.Trees.Outside(path) {
		out := outsideOf(p.shown(path))
		n.trees, n.out = lint.Documents(data), &out
		return n
	}
	if err == nil {
		if tree == nil {
			tree, err = lint.ReadYAML(data)
		}
		if err == nil {
			n.trees = []*yaml.Node{tree}
			return n
		}
		n.trees = lint.Documents(data)
	}
	n.out = p.outFor(n, err)
	return n
}

// follow gives the files that n leads to and that were not known.
func (p *planner) follow(n *part, byPath map[string]*part) (list []*part) {
	for _, tree := range n.trees {
		list = append(list, p.followTree(n, tree, byPath)...)
	}
	return list
}

func (p *planner) followTree(n *part, root *yaml.Node, byPath map[string]*part) []*part {
	var list []*part
	reach := func(path, dir string, included bool) *part {
		known := byPath[path]
		if known == nil {
			if known = p.read(path, dir); known == nil {
				return nil
			}
			known.root = n.root
			byPath[path] = known
			list = append(list, known)
		}
		known.included, known.extended = known.included || included, known.extended || !included
		switch {
		case known.root == known && known != n.root:
			known.root, known.dir = n.root, dir
		case known.root.dir != n.root.dir || known.dir != dir && known.root != known:
			known.out = p.outFor(known, errors.New("several projects share this file"))
			known.projects = append(known.projects, n.root.dir)
		}
		return known
	}
	for _, i := range yamldoc.Items(yamldoc.Get(root, "include")) {
		paths, dir := yamldoc.Texts(i), ""
		if i.Kind == yaml.MappingNode {
			paths, dir = yamldoc.Texts(yamldoc.Get(i, "path")), yamldoc.Text(yamldoc.Get(i, "project_directory"))
		}
		for k, path := range paths {
			if path = onDisk(n.dir, path); path == "" {
				continue
			}
			if k == 0 && dir == "" {
				dir = filepath.Dir(path)
			}
			if found := reach(path, onDisk(n.dir, dir), true); found != nil && i.Kind == yaml.MappingNode {
				for _, file := range yamldoc.Texts(yamldoc.Get(i, "env_file")) {
					found.envFiles = append(found.envFiles, onDisk(n.dir, file))
				}
			}
		}
	}
	for _, e := range lint.Containers(root) {
		x := yamldoc.Follow(yamldoc.Get(e.Value, "extends"))
		if x == nil {
			continue
		}
		name := yamldoc.Text(x)
		from := n
		if x.Kind == yaml.MappingNode {
			name = yamldoc.Text(yamldoc.Get(x, "service"))
			if file := yamldoc.Text(yamldoc.Get(x, "file")); file != "" {
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
		if o != n && (o.root.dir == n.root.dir || slices.Contains(o.projects, n.root.dir)) {
			list = append(list, o)
		}
	}
	return list
}

// envPaths gives the .env files that a part sees: its own, or those that its
// include names, and that of the named file, which wins.
func (n *part) envPaths() []string {
	files := slices.Clone(n.root.vars)
	for _, dir := range n.projects {
		files = append(files, filepath.Join(dir, ".env"))
	}
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
		maps.Copy(values, p.valuesOf(file))
	}
	return values
}

// ownEnvFiles are the env files whose variables a part takes, and migrate moves. Files
// that an include names stay as they are.
func (n *part) ownEnvFiles() []string {
	if n.included && n.envFiles == nil {
		return []string{filepath.Join(n.dir, ".env")}
	}
	return n.root.vars
}

// base is where references of values start.
func (n *part) base() string {
	if n.included {
		return n.dir
	}
	return n.root.dir
}

// setElsewhere returns another part that sets a variable of a service, as it is printed, or "".
func (c *file) setElsewhere(service, name string) string {
	for _, o := range c.others(c.part) {
		if o.out != nil {
			if o.mentions(service) && (o.mentions(name) || o.mentions("env_file")) {
				return c.shown(o.path)
			}
			continue
		}
		for _, s := range o.services() {
			if s.name != service {
				continue
			}
			if s.sets(name) || slices.ContainsFunc(s.envFiles(o.dir), func(f envFileRef) bool {
				_, ok := c.valuesOf(f.path)[name]
				return ok
			}) {
				return c.shown(o.path)
			}
		}
	}
	return ""
}
