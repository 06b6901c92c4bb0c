package yamldoc

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Entry is one pair of a mapping.
type Entry struct{ Key, Value *yaml.Node }

// Follow resolves an alias.
func Follow(n *yaml.Node) *yaml.Node {
	for range 8 {
		if n == nil || n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return nil
}

// Entries lists the pairs of a mapping with << merged in; a key of the mapping
// itself wins, as does the earlier of several merged mappings. Anything that
// is no mapping has no entries. See https://yaml.org/type/merge.html.
func Entries(n *yaml.Node) []Entry {
	m := merger{keys: map[string]bool{}}
	m.merge(n)
	return m.list
}

// merger collects the entries of a mapping. Each mapping counts once, so that the
// cost is that of the text however often one merges another, or itself.
type merger struct {
	list []Entry
	keys map[string]bool
	done map[*yaml.Node]bool // nil as long as nothing is merged
}

func (m *merger) merge(n *yaml.Node) {
	n = Follow(n)
	if n == nil || n.Kind != yaml.MappingNode || m.done[n] {
		return
	}
	own, merges := len(m.list), false
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if isMergeKey(k) {
			merges = true
			continue
		}
		if !m.keys[k.Value] {
			m.list = append(m.list, Entry{k, Follow(v)})
		}
	}
	for _, e := range m.list[own:] { // a key that stands twice is a mistake, and both values can be read
		m.keys[e.Key.Value] = true
	}
	if m.done == nil && merges {
		m.done = map[*yaml.Node]bool{}
	}
	if m.done != nil {
		m.done[n] = true
	}
	for i := 0; merges && i+1 < len(n.Content); i += 2 {
		v := Follow(n.Content[i+1])
		if !isMergeKey(n.Content[i]) || v == nil {
			continue
		}
		if v.Kind != yaml.SequenceNode {
			m.merge(v)
			continue
		}
		for _, c := range v.Content {
			m.merge(c)
		}
	}
}

func isMergeKey(k *yaml.Node) bool { return k.Value == "<<" && k.Tag != "!!str" }

// Get returns the value of a key with << merged in, or nil.
func Get(n *yaml.Node, key string) *yaml.Node {
	for _, e := range Entries(n) {
		if e.Key.Value == key {
			return e.Value
		}
	}
	return nil
}

// Items returns the elements of a sequence, or the scalar itself where Compose
// takes either.
func Items(n *yaml.Node) []*yaml.Node {
	n = Follow(n)
	switch {
	case n == nil, IsNull(n):
		return nil
	case n.Kind == yaml.SequenceNode:
		list := make([]*yaml.Node, 0, len(n.Content))
		for _, c := range n.Content {
			if c = Follow(c); c != nil {
				list = append(list, c)
			}
		}
		return list
	}
	return []*yaml.Node{n}
}

// Text returns a scalar's value, or "".
func Text(n *yaml.Node) string {
	if n = Follow(n); n == nil || n.Kind != yaml.ScalarNode || IsNull(n) {
		return ""
	}
	return n.Value
}

// IsNull reports whether a node is a null scalar.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// Pair is NAME and value, from a mapping or from a list of NAME=value.
type Pair struct {
	Name  string
	Value string     // raw
	Node  *yaml.Node // the scalar that holds the value
	At    int        // where value starts inside node.Value
	Key   *yaml.Node // the scalar that holds the name
	None  bool       // there is a name alone
	Odd   bool       // - "NAME: value", which Compose takes for a name
}

// Pairs reads a mapping or list of variables, mistakes that are often made included: what stands there can be read, and was
// meant.
func Pairs(n *yaml.Node) []Pair {
	n = Follow(n)
	if n == nil {
		return nil
	}
	var list []Pair
	if n.Kind == yaml.SequenceNode {
		for _, item := range Items(n) {
			switch item.Kind {
			case yaml.ScalarNode:
				list = append(list, cutPair(item))
			case yaml.MappingNode: // - NAME: value, a mistake that is often made
				list = append(list, Pairs(item)...)
			}
		}
		return list
	}
	for _, e := range Entries(n) {
		if e.Value == nil || e.Value.Kind != yaml.ScalarNode {
			continue
		}
		p := Pair{Name: e.Key.Value, Key: e.Key, Node: e.Value, None: IsNull(e.Value)}
		if !p.None {
			p.Value = e.Value.Value
		}
		list = append(list, p)
	}
	return list
}

// Variables reads a mapping or list of variables as Compose does: an entry without "=" is a name, whatever is in it, and
// no entry is a mapping.
func Variables(n *yaml.Node) []Pair {
	list := Pairs(n)
	if n = Follow(n); n == nil || n.Kind != yaml.SequenceNode {
		return list
	}
	list = slices.DeleteFunc(list, func(p Pair) bool { return p.Key != p.Node })
	for i := range list {
		if p := &list[i]; p.Odd {
			*p = Pair{Name: p.Node.Value, Node: p.Node, Key: p.Key, None: true}
		}
	}
	return list
}

// Own returns the value that stands under a key of the mapping itself, as
// it stands: it may be an alias. nil without one.
func Own(n *yaml.Node, key string) *yaml.Node {
	if i := OwnIndex(n, key); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

// OwnIndex returns where a key stands in the mapping itself, or -1.
func OwnIndex(n *yaml.Node, key string) int {
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

func cutPair(item *yaml.Node) Pair {
	for i := 0; i < len(item.Value); i++ {
		if item.Value[i] == '=' {
			return Pair{Name: item.Value[:i], Value: item.Value[i+1:], Node: item, At: i + 1, Key: item}
		}
	}
	if name, at := oddPair(item.Value); name != "" {
		return Pair{Name: name, Value: item.Value[at:], Node: item, At: at, Key: item, Odd: true}
	}
	return Pair{Name: item.Value, Node: item, Key: item, None: true}
}

// oddPair tells an entry of a mapping that was put into quotes by mistake: its
// name, and where the value starts.
func oddPair(text string) (name string, at int) {
	for at < len(text) && (isWord(text[at]) || text[at] == '.' || text[at] == '-') {
		at++
	}
	name = text[:at]
	for at < len(text) && strings.IndexByte(": \t", text[at]) >= 0 {
		at++
	}
	if at == len(text) || at == len(name) {
		return "", 0
	}
	return name, at
}

// Texts returns the scalars of a list, or the one scalar.
func Texts(n *yaml.Node) []string {
	var list []string
	for _, i := range Items(n) {
		if t := Text(i); t != "" {
			list = append(list, t)
		}
	}
	return list
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
