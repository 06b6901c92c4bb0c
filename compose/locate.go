package compose

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// brokenFile is a source that is no YAML.
type brokenFile struct {
	file  string
	err   error
	twice *twice // what is wrong, when it is that
}

// twice is a key of a mapping that is there a second time.
type twice struct{ first, second *yaml.Node }

// keyTwice finds the first such key at or below a node, or nil.
func keyTwice(node *yaml.Node) *twice {
	if node.Kind == yaml.MappingNode {
		seen := map[[2]string]*yaml.Node{}
		for i := 0; i < len(node.Content); i += 2 {
			key := node.Content[i]
			id := [2]string{key.ShortTag(), key.Value}
			if first := seen[id]; first != nil {
				return &twice{first, key}
			}
			if key.Kind == yaml.ScalarNode {
				seen[id] = key
			}
			if found := keyTwice(node.Content[i+1]); found != nil {
				return found
			}
		}
		return nil
	}
	for _, c := range node.Content {
		if found := keyTwice(c); found != nil {
			return found
		}
	}
	return nil
}

// startingWith is s with one file looked at first, as messages name it.
func (s *Sources) startingWith(file string) *Sources {
	i := slices.IndexFunc(s.names, func(name string) bool { return name == file || Display(name) == file })
	if i < 0 {
		return s
	}
	first := *s
	first.files = append([]*yaml.Node{s.files[i]}, s.files...)
	first.names = append([]string{s.names[i]}, s.names...)
	return &first
}

func prefix(p Position) string {
	if p.File == "" {
		return ""
	}
	return p.String() + ": "
}

// at is the "file:line:col: " prefix for a dotted path, in which [] stands for
// any element of a list, or "". With want, it is the first scalar at or below the
// path that want takes.
func (s *Sources) at(path string, want func(*yaml.Node) bool) string {
	return prefix(s.locate(path, want, false))
}

// atKey is at for the key itself and not for what stands behind it.
func (s *Sources) atKey(path string) string { return prefix(s.locate(path, nil, true)) }

func (s *Sources) locate(path string, want func(*yaml.Node) bool, key bool) Position {
	parts := strings.Split(path, ".")
	var best Position
	depth := 0
	for i, root := range s.files {
		matches(root, nil, parts, func(node, keyNode *yaml.Node, left int) bool {
			if want != nil && left == 0 {
				if node = firstScalar(node, want); node == nil {
					return false
				}
			}
			if key && keyNode != nil {
				node = keyNode
			}
			if found := len(parts) - left + 1; found > depth {
				depth = found
				best = Position{File: Display(s.names[i]), Line: node.Line, Column: node.Column}
			}
			return left == 0
		})
		if depth == len(parts)+1 {
			break
		}
	}
	if depth <= 1 {
		return Position{}
	}
	return best
}

// matches follows parts from node; a key may hold dots itself. It calls visit for each
// node on the way, deepest last, with the number of parts that are left, until
// visit returns true.
func matches(node, key *yaml.Node, parts []string, visit func(node, key *yaml.Node, left int) bool) bool {
	if visit(node, key, len(parts)) {
		return true
	}
	if len(parts) == 0 {
		return false
	}
	for hops := 0; node.Kind == yaml.AliasNode && hops < 100; hops++ {
		node = node.Alias
	}
	if parts[0] == "[]" && node.Kind == yaml.SequenceNode {
		for _, element := range node.Content {
			if matches(element, nil, parts[1:], visit) {
				return true
			}
		}
		return false
	}
	for n := 1; n <= len(parts); n++ {
		name := strings.Join(parts[:n], ".")
		if next := child(node, name); next != nil && matches(next, keyOf(node, name), parts[n:], visit) {
			return true
		}
	}
	return false
}

func keyOf(node *yaml.Node, name string) *yaml.Node {
	if node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i]
		}
	}
	return nil
}

func firstScalar(node *yaml.Node, want func(*yaml.Node) bool) *yaml.Node {
	if node.Kind == yaml.ScalarNode {
		if want(node) {
			return node
		}
		return nil
	}
	for i, c := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			continue
		}
		if found := firstScalar(c, want); found != nil {
			return found
		}
	}
	return nil
}

// scalar is the place of the first value, in any file, that want takes.
func (s *Sources) scalar(want func(file string, n *yaml.Node, path []string) bool) Position {
	for i, root := range s.files {
		if n := scalarBelow(root, nil, func(n *yaml.Node, path []string) bool { return want(s.names[i], n, path) }); n != nil {
			return Position{File: Display(s.names[i]), Line: n.Line, Column: n.Column}
		}
	}
	return Position{}
}

func scalarBelow(node *yaml.Node, path []string, want func(*yaml.Node, []string) bool) *yaml.Node {
	switch node.Kind {
	case yaml.ScalarNode:
		if want(node, path) {
			return node
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if found := scalarBelow(node.Content[i+1], append(slices.Clone(path), node.Content[i].Value), want); found != nil {
				return found
			}
		}
	case yaml.SequenceNode:
		for _, c := range node.Content {
			if found := scalarBelow(c, path, want); found != nil {
				return found
			}
		}
	}
	return nil
}

// mention finds where a variable is interpolated into a place that is not
// known to hold secrets, and the path of that place.
func (s *Sources) mention(name string) (at Position, dotted string) {
	if name == "" {
		return Position{}, ""
	}
	at = s.scalar(func(_ string, n *yaml.Node, path []string) bool {
		if !strings.Contains(n.Value, "${"+name) && !strings.Contains(n.Value, "$"+name) || holdsSecrets(path) {
			return false
		}
		dotted = strings.Join(path, ".")
		return true
	})
	return at, dotted
}

func holdsSecrets(path []string) bool {
	_, below := ContainerAt(path)
	return len(below) > 0 && slices.Contains([]string{"environment", "command", "entrypoint"}, below[0])
}
