package yamldoc

import (
	"bytes"
	"strings"

	"github.com/compose-secure/compose-secure/document"
	"go.yaml.in/yaml/v4"
)

// Original returns the value of a scalar as the file has it.
func (d *Document) Original(n *yaml.Node) string {
	if old, ok := d.changed[n]; ok {
		return old
	}
	return n.Value
}

// start gives where a node's content starts, behind its anchor and tag.
func (d *Document) start(n *yaml.Node) int {
	at := d.at(n)
	if n.Kind == yaml.AliasNode {
		return at
	}
	for at < len(d.Bytes()) && (n.Anchor != "" && d.Bytes()[at] == '&' || n.Style&yaml.TaggedStyle != 0 && d.Bytes()[at] == '!') {
		for at < len(d.Bytes()) && !isBlank(d.Bytes()[at]) {
			at++
		}
		for at < len(d.Bytes()) && isBlank(d.Bytes()[at]) {
			at++
		}
	}
	return at
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// End returns where a node ends. It reports false when that cannot be told. New
// nodes do not count.
func (d *Document) End(n *yaml.Node) (int, bool) {
	at := d.start(n)
	switch {
	case n.Kind == yaml.AliasNode:
		return min(at+1+len(n.Value), len(d.Bytes())), true
	case n.Kind == yaml.ScalarNode:
		return d.scalarEnd(n, at)
	case n.Style&yaml.FlowStyle != 0:
		return d.flowEnd(n, at)
	}
	for i := len(n.Content) - 1; i >= 0; i-- {
		last := n.Content[i]
		if last.Line == 0 {
			continue
		}
		if n.Kind != yaml.MappingNode || !isImplicit(last) {
			return d.End(last)
		}
		key, ok := d.End(n.Content[i-1])
		colon := bytes.IndexByte(d.Bytes()[key:], ':')
		return key + colon + 1, ok && colon >= 0
	}
	return at, false
}

// isImplicit reports whether a node is a null that is not written.
func isImplicit(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

func (d *Document) scalarEnd(n *yaml.Node, at int) (int, bool) {
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i := at + 1; i < len(d.Bytes()); i++ {
			switch d.Bytes()[i] {
			case '\\':
				i++
			case '"':
				return i + 1, true
			}
		}
		return at, false
	case n.Style&yaml.SingleQuotedStyle != 0:
		for i := at + 1; i < len(d.Bytes()); i++ {
			if d.Bytes()[i] != '\'' {
				continue
			}
			if i+1 < len(d.Bytes()) && d.Bytes()[i+1] == '\'' {
				i++
				continue
			}
			return i + 1, true
		}
		return at, false
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return d.blockEnd(at)
	}
	for _, word := range strings.Fields(d.Original(n)) {
		for at < len(d.Bytes()) && isBlank(d.Bytes()[at]) {
			at++
		}
		if !bytes.HasPrefix(d.Bytes()[at:], []byte(word)) {
			return at, false
		}
		at += len(word)
	}
	return at, true
}

// blockEnd gives the end of the last line with content of a block scalar whose
// header is at at.
func (d *Document) blockEnd(at int) (int, bool) {
	end := d.LineEnd(at)
	indent := -1
	for n := d.Line(at); n < d.Lines(); n++ {
		from, to := d.LineStart(n+1), d.LineEnd(d.LineStart(n+1))
		line := d.Bytes()[from:to]
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
	return end, !bytes.ContainsAny(d.Bytes()[at:d.LineEnd(at)], "123456789")
}

func (d *Document) flowEnd(n *yaml.Node, at int) (int, bool) {
	at++
	list := n.Content
	if all := d.kids[n]; all != nil {
		list = all
	}
	for i := len(list) - 1; i >= 0; i-- {
		if last := list[i]; last.Line > 0 && !isImplicit(last) {
			end, ok := d.End(last)
			if !ok {
				return at, false
			}
			at = end
			break
		}
	}
	for at < len(d.Bytes()) {
		switch c := d.Bytes()[at]; {
		case c == ']' || c == '}':
			return at + 1, true
		case c == '#':
			at = d.LineEnd(at)
		case isBlank(c) || c == ',' || c == ':':
			at++
		default:
			return at, false
		}
	}
	return at, false
}

// Content returns the bytes between the quotes of a scalar. It reports false
// unless they are the value as it is, so that a part of it can be replaced.
func (d *Document) Content(n *yaml.Node) (from, to int, ok bool) {
	from = d.start(n)
	to, ok = d.End(n)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		from, to = from+1, to-1
	}
	return from, to, ok && from <= to && string(d.Bytes()[from:to]) == d.Original(n)
}

// at returns the offset of a node, before its anchor and tag.
func (d *Document) at(n *yaml.Node) int {
	return d.Offset(document.Pos{Line: n.Line, Column: n.Column})
}
