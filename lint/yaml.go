package lint

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// entry is one pair of a mapping.
type entry struct{ key, value *yaml.Node }

// follow resolves an alias.
func follow(n *yaml.Node) *yaml.Node {
	for range 8 {
		if n == nil || n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return nil
}

// entries lists the pairs of a mapping with << merged in; a key of the mapping
// itself wins, as does the earlier of several merged mappings. Anything that
// is no mapping has no entries. See https://yaml.org/type/merge.html.
func entries(n *yaml.Node) []entry {
	m := merger{keys: map[string]bool{}}
	m.merge(n)
	return m.list
}

// merger collects the entries of a mapping. Each mapping counts once, so that the
// cost is that of the text however often one merges another, or itself.
type merger struct {
	list []entry
	keys map[string]bool
	done map[*yaml.Node]bool // nil as long as nothing is merged
}

func (m *merger) merge(n *yaml.Node) {
	n = follow(n)
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
			m.list = append(m.list, entry{k, follow(v)})
		}
	}
	for _, e := range m.list[own:] { // a key that stands twice is a mistake, and both values can be read
		m.keys[e.key.Value] = true
	}
	if m.done == nil && merges {
		m.done = map[*yaml.Node]bool{}
	}
	if m.done != nil {
		m.done[n] = true
	}
	for i := 0; merges && i+1 < len(n.Content); i += 2 {
		v := follow(n.Content[i+1])
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

// get gives the value of a key, or nil.
func get(n *yaml.Node, key string) *yaml.Node {
	for _, e := range entries(n) {
		if e.key.Value == key {
			return e.value
		}
	}
	return nil
}

// items gives the elements of a sequence, or the scalar itself where Compose
// takes either.
func items(n *yaml.Node) []*yaml.Node {
	n = follow(n)
	switch {
	case n == nil, isNull(n):
		return nil
	case n.Kind == yaml.SequenceNode:
		list := make([]*yaml.Node, 0, len(n.Content))
		for _, c := range n.Content {
			if c = follow(c); c != nil {
				list = append(list, c)
			}
		}
		return list
	}
	return []*yaml.Node{n}
}

// text gives a scalar's value, or "".
func text(n *yaml.Node) string {
	if n = follow(n); n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		return ""
	}
	return n.Value
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// pair is NAME and value, from a mapping or from a list of NAME=value.
type pair struct {
	name  string
	value string     // raw
	node  *yaml.Node // the scalar that holds the value
	at    int        // where value starts inside node.Value
	key   *yaml.Node // the scalar that holds the name
	none  bool       // there is a name alone
	odd   bool       // - "NAME: value", which Compose takes for a name
}

// pairs reads what Compose calls a mapping or list of variables.
func pairs(n *yaml.Node) []pair {
	n = follow(n)
	if n == nil {
		return nil
	}
	var list []pair
	if n.Kind == yaml.SequenceNode {
		for _, item := range items(n) {
			switch item.Kind {
			case yaml.ScalarNode:
				list = append(list, cutPair(item))
			case yaml.MappingNode: // - NAME: value, a mistake that is often made
				list = append(list, pairs(item)...)
			}
		}
		return list
	}
	for _, e := range entries(n) {
		if e.value == nil || e.value.Kind != yaml.ScalarNode {
			continue
		}
		p := pair{name: e.key.Value, key: e.key, node: e.value, none: isNull(e.value)}
		if !p.none {
			p.value = e.value.Value
		}
		list = append(list, p)
	}
	return list
}

func cutPair(item *yaml.Node) pair {
	for i := 0; i < len(item.Value); i++ {
		if item.Value[i] == '=' {
			return pair{name: item.Value[:i], value: item.Value[i+1:], node: item, at: i + 1, key: item}
		}
	}
	if name, at := oddPair(item.Value); name != "" {
		return pair{name: name, value: item.Value[at:], node: item, at: at, key: item, odd: true}
	}
	return pair{name: item.Value, node: item, key: item, none: true}
}

// oddPair tells an entry of a mapping that was put into quotes by mistake: its
// name, and where the value starts.
func oddPair(text string) (name string, at int) {
	for at < len(text) && (isNameByte(text[at]) || text[at] == '.' || text[at] == '-') {
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
