package migrate

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// text is the bytes of a YAML file with the places of its nodes.
type text struct {
	data    []byte
	starts  []int // offset of every line
	newline string
	changed map[*yaml.Node]string       // values as they stand, of nodes that were changed
	kids    map[*yaml.Node][]*yaml.Node // what stands below nodes that something was taken out of
}

// value gives the value of a node as it stands.
func (t *text) value(n *yaml.Node) string {
	if old, ok := t.changed[n]; ok {
		return old
	}
	return n.Value
}

func newText(data []byte) *text {
	t := &text{data: data, starts: []int{0}, newline: "\n", changed: map[*yaml.Node]string{}, kids: map[*yaml.Node][]*yaml.Node{}}
	for i, c := range data {
		if c == '\n' {
			t.starts = append(t.starts, i+1)
		}
	}
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		t.newline = "\r\n"
	}
	return t
}

// line gives the 1-based line of an offset.
func (t *text) line(offset int) int {
	return sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > offset })
}

// offset gives the place of a 1-based line and column, in characters; what lies
// outside is clamped.
func (t *text) offset(line, column int) int {
	if line < 1 || line > len(t.starts) {
		return len(t.data)
	}
	at := t.starts[line-1]
	for ; column > 1 && at < len(t.data) && t.data[at] != '\n'; column-- {
		_, size := utf8.DecodeRune(t.data[at:])
		at += size
	}
	return at
}

// start gives where a node's content starts, behind its anchor and tag.
func (t *text) start(n *yaml.Node) int {
	at := t.offset(n.Line, n.Column)
	if n.Kind == yaml.AliasNode {
		return at
	}
	for at < len(t.data) && (n.Anchor != "" && t.data[at] == '&' || n.Style&yaml.TaggedStyle != 0 && t.data[at] == '!') {
		for at < len(t.data) && !isBlank(t.data[at]) {
			at++
		}
		for at < len(t.data) && isBlank(t.data[at]) {
			at++
		}
	}
	return at
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// lineEnd gives the end of the line that at lies on, before its line break.
func (t *text) lineEnd(at int) int {
	if i := bytes.IndexByte(t.data[at:], '\n'); i >= 0 {
		return at + len(bytes.TrimRight(t.data[at:at+i], "\r"))
	}
	return len(t.data)
}

// end gives where a node ends. It reports false when that cannot be told. New
// nodes do not count.
func (t *text) end(n *yaml.Node) (int, bool) {
	at := t.start(n)
	switch {
	case n.Kind == yaml.AliasNode:
		return min(at+1+len(n.Value), len(t.data)), true
	case n.Kind == yaml.ScalarNode:
		return t.scalarEnd(n, at)
	case n.Style&yaml.FlowStyle != 0:
		return t.flowEnd(n, at)
	}
	for i := len(n.Content) - 1; i >= 0; i-- {
		last := n.Content[i]
		if last.Line == 0 {
			continue
		}
		if n.Kind != yaml.MappingNode || !isImplicit(last) {
			return t.end(last)
		}
		key, ok := t.end(n.Content[i-1])
		colon := bytes.IndexByte(t.data[key:], ':')
		return key + colon + 1, ok && colon >= 0
	}
	return at, false
}

// isImplicit reports whether a node is a null that is not written.
func isImplicit(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

func (t *text) scalarEnd(n *yaml.Node, at int) (int, bool) {
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i := at + 1; i < len(t.data); i++ {
			switch t.data[i] {
			case '\\':
				i++
			case '"':
				return i + 1, true
			}
		}
		return at, false
	case n.Style&yaml.SingleQuotedStyle != 0:
		for i := at + 1; i < len(t.data); i++ {
			if t.data[i] != '\'' {
				continue
			}
			if i+1 < len(t.data) && t.data[i+1] == '\'' {
				i++
				continue
			}
			return i + 1, true
		}
		return at, false
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return t.blockEnd(at)
	}
	for _, word := range strings.Fields(t.value(n)) {
		for at < len(t.data) && isBlank(t.data[at]) {
			at++
		}
		if !bytes.HasPrefix(t.data[at:], []byte(word)) {
			return at, false
		}
		at += len(word)
	}
	return at, true
}

// blockEnd gives the end of the last line with content of a block scalar whose
// header is at at.
func (t *text) blockEnd(at int) (int, bool) {
	end := t.lineEnd(at)
	indent := -1
	for n := t.line(at); n < len(t.starts); n++ {
		from, to := t.starts[n], t.lineEnd(t.starts[n])
		line := t.data[from:to]
		content := bytes.TrimLeft(line, " ")
		if len(content) == 0 {
			continue
		}
		if indent < 0 {
			indent = len(line) - len(content)
		}
		if len(line)-len(content) < indent || indent == 0 {
			break
		}
		end = to
	}
	return end, !bytes.ContainsAny(t.data[at:t.lineEnd(at)], "123456789")
}

func (t *text) flowEnd(n *yaml.Node, at int) (int, bool) {
	at++
	list := n.Content
	if all := t.kids[n]; all != nil {
		list = all
	}
	for i := len(list) - 1; i >= 0; i-- {
		if last := list[i]; last.Line > 0 && !isImplicit(last) {
			end, ok := t.end(last)
			if !ok {
				return at, false
			}
			at = end
			break
		}
	}
	for at < len(t.data) {
		switch c := t.data[at]; {
		case c == ']' || c == '}':
			return at + 1, true
		case c == '#':
			at = t.lineEnd(at)
		case isBlank(c) || c == ',' || c == ':':
			at++
		default:
			return at, false
		}
	}
	return at, false
}

// content gives the bytes between the quotes of a scalar. It reports false
// unless they are the value as it is, so that a part of it can be replaced.
func (t *text) content(n *yaml.Node) (from, to int, ok bool) {
	from = t.start(n)
	to, ok = t.end(n)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		from, to = from+1, to-1
	}
	return from, to, ok && from <= to && string(t.data[from:to]) == t.value(n)
}
