package compose

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/secret"
)

// Position is a place in a source file; Line and Column are 1-based, 0 when
// only the file is known.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String gives file:line:col, as compilers print it.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Sources finds the place of values in the files a project was loaded from.
// Files are parsed when first asked for.
type Sources struct {
	files []*yaml.Node // document nodes, last merged first
	names []string
	// broken are the files that are no YAML.
	broken []brokenFile
}

// Sources returns the finder for the project's files, included and extended
// ones among them.
func (p *Project) Sources() *Sources {
	if p.sources == nil {
		p.sources = openSources(p.ConfigFiles, p.envFiles.files...)
	}
	return p.sources
}

// Files returns the absolute path of every file that the project was loaded from or names for its
// secrets: compose files, included and extended ones, env files, files of secrets and configs, and
// what references lead to. Sorted.
func (p *Project) Files() []string {
	files := slices.Concat(p.Sources().names, p.ConfigFiles, slices.Collect(maps.Keys(p.envFiles.data)), p.envFiles.others, p.Inputs.Paths())
	object := func(o types.FileObjectConfig) {
		files = append(files, o.File)
		text, _ := o.Extensions[SourceExtension].(string)
		if ref, err := secret.ParseRef(text); err == nil { // a variable in it is an input
			files = append(files, ref.File())
		}
	}
	for _, s := range p.Secrets {
		object(types.FileObjectConfig(s))
	}
	for _, c := range p.Configs {
		object(types.FileObjectConfig(c))
	}
	for i, file := range files {
		if file != "" {
			files[i] = Absolute(p.WorkingDir, file)
		}
	}
	slices.Sort(files)
	return slices.DeleteFunc(slices.Compact(files), func(f string) bool { return f == "" || memoryPath().MatchString(f) })
}

// openSources parses files, the last one first, what they include and extend, and
// further files that are known to be included.
func openSources(paths []string, included ...string) *Sources {
	s := &Sources{}
	queue := slices.Clone(paths)
	slices.Reverse(queue)
	queue = append(queue, included...)
	for len(queue) > 0 && len(s.files) < maxIncludes {
		path := queue[0]
		queue = queue[1:]
		if slices.Contains(s.names, path) {
			continue
		}
		data, err := readFile(path)
		if err != nil {
			continue
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(data, &doc); err != nil {
			s.broken = append(s.broken, brokenFile{path, err, nil})
			continue
		}
		if len(doc.Content) == 0 {
			continue
		}
		if err := doc.Content[0].Decode(new(any)); err != nil { // a key twice, an alias of nothing
			s.broken = append(s.broken, brokenFile{path, err, keyTwice(doc.Content[0])})
		}
		s.files = append(s.files, doc.Content[0])
		s.names = append(s.names, path)
		for _, inc := range includesOf(data) {
			for _, file := range inc.Path {
				queue = append(queue, Absolute(filepath.Dir(path), file))
			}
		}
		queue = append(queue, extended(doc.Content[0], filepath.Dir(path))...)
	}
	return s
}

// extended lists the files that services of a file extend from.
func extended(root *yaml.Node, dir string) []string {
	var files []string
	services := child(root, "services")
	if services == nil {
		return nil
	}
	for i := 1; i < len(services.Content); i += 2 {
		if file := child(child(services.Content[i], "extends"), "file"); file != nil && file.Kind == yaml.ScalarNode {
			files = append(files, Absolute(dir, file.Value))
		}
	}
	return files
}

// Find returns the place of the value at path, such as "services", "db",
// "environment", "X"; a number stands for an element of a list. An environment or label list is
// searched for NAME=. When the value itself is not found, the nearest element above it is
// returned, and the zero Position when there is none either.
func (s *Sources) Find(path ...string) Position {
	best, _, _ := s.find(path)
	return best
}

// Text returns the scalar at path as the file has it, before interpolation, or
// false when exactly that path is in no file.
func (s *Sources) Text(path ...string) (string, bool) {
	_, node, depth := s.find(path)
	if depth < len(path) || node.Kind != yaml.ScalarNode {
		return "", false
	}
	return node.Value, true
}

// Bearer is the path of what brings the value at path: of the service's env_file for a variable
// that its environment does not have, else path.
func (s *Sources) Bearer(path []string) []string {
	name, below := ContainerAt(path)
	if len(below) != 2 || below[0] != "environment" {
		return path
	}
	if _, exact := s.Text(path...); exact {
		return path
	}
	files := ContainerPath(name, "env_file")
	if _, _, depth := s.find(files); depth < len(files) {
		return path
	}
	return files
}

// maxExtends bounds how far a service is followed to those that it extends.
const maxExtends = 20

func (s *Sources) find(path []string) (best Position, at *yaml.Node, depth int) {
	for range maxExtends {
		position, node, found := s.deepest(path)
		if found > depth {
			best, at, depth = position, node, found
		}
		if depth == len(path) || len(path) < 3 || path[0] != "services" {
			break
		}
		base := s.base(path[1])
		if base == "" {
			break
		}
		path = slices.Concat([]string{"services", base}, path[2:])
	}
	return best, at, depth
}

func (s *Sources) deepest(path []string) (best Position, at *yaml.Node, depth int) {
	for i, root := range s.files {
		node, found := descend(root, path)
		if found > depth {
			depth, at = found, node
			best = Position{File: Display(s.names[i]), Line: node.Line, Column: node.Column}
		}
		if depth == len(path) {
			break
		}
	}
	return best, at, depth
}

// base is the service that a service extends, or "".
func (s *Sources) base(service string) string {
	for _, root := range s.files {
		extends := child(child(child(root, "services"), service), "extends")
		if extends == nil {
			continue
		}
		if name := child(extends, "service"); name != nil {
			extends = name
		}
		if extends.Kind == yaml.ScalarNode && extends.Value != service {
			return extends.Value
		}
	}
	return ""
}

func descend(node *yaml.Node, path []string) (*yaml.Node, int) {
	for i, key := range path {
		next := child(node, key)
		if next == nil {
			return node, i
		}
		node = next
	}
	return node, len(path)
}

// child returns the value under key of a mapping, merge keys and aliases
// followed, or the element of a list: by number, or by "key=" or "key".
func child(node *yaml.Node, key string) *yaml.Node { return childOf(node, key, map[*yaml.Node]bool{}) }

// childOf is child that looks once into each mapping that is merged.
func childOf(node *yaml.Node, key string, seen map[*yaml.Node]bool) *yaml.Node {
	for hops := 0; node != nil && node.Kind == yaml.AliasNode && hops < 100; hops++ {
		node = node.Alias
	}
	if node == nil {
		return nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		if seen[node] {
			return nil
		}
		seen[node] = true
		var merged *yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			switch node.Content[i].Value {
			case key:
				return node.Content[i+1]
			case "<<":
				if merged == nil {
					merged = mergedChild(node.Content[i+1], key, seen)
				}
			}
		}
		return merged
	case yaml.SequenceNode:
		for i, element := range node.Content {
			if name, _, ok := strings.Cut(element.Value, "="); element.Kind == yaml.ScalarNode && (ok && name == key || element.Value == key) {
				return element
			}
			if strconv.Itoa(i) == key {
				return element
			}
		}
	}
	return nil
}

func mergedChild(node *yaml.Node, key string, seen map[*yaml.Node]bool) *yaml.Node {
	if node.Kind != yaml.SequenceNode {
		return childOf(node, key, seen)
	}
	for _, element := range node.Content {
		if found := childOf(element, key, seen); found != nil {
			return found
		}
	}
	return nil
}
