// Package yamldoc reads the nodes of YAML with aliases and merges followed, and edits a YAML file in place: a tree is
// changed, and the edits are derived that make its bytes mean the changed tree. All other bytes stay.
package yamldoc

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/compose-secure/compose-secure/document"
	"go.yaml.in/yaml/v4"
)

// ErrPlace is about a place of a file that cannot be edited.
var ErrPlace = errors.New("it is written in a way that cannot be edited")

// Document is a YAML file whose nodes are changed; the changed tree is what
// the edited file has to mean.
type Document struct {
	*document.Text
	Root *yaml.Node

	newline string
	flow    map[*yaml.Node]bool         // scalars inside [...] and {...}
	json    bool                        // the file is JSON and stays so
	changed map[*yaml.Node]string       // old values of scalars that were changed
	parts   map[*yaml.Node][][2]string  // old and new texts of what alone changes in one
	gone    map[*yaml.Node]bool         // what was taken out
	kids    map[*yaml.Node][]*yaml.Node // what stood below nodes that something was taken out of
}

// New returns the document of a file's bytes and the tree that was parsed from them, whose nodes
// have their lines and columns.
func New(data []byte, root *yaml.Node) *Document {
	d := &Document{
		Text: document.New(data), Root: root, flow: map[*yaml.Node]bool{}, changed: map[*yaml.Node]string{}, parts: map[*yaml.Node][][2]string{},
		gone: map[*yaml.Node]bool{}, kids: map[*yaml.Node][]*yaml.Node{},
	}
	d.newline = d.Newline()
	d.markFlow(root, false)
	d.json = root.Style&yaml.FlowStyle != 0 && len(root.Content) > 0 && root.Content[0].Style&yaml.DoubleQuotedStyle != 0
	return d
}

func (d *Document) markFlow(n *yaml.Node, in bool) {
	if in {
		d.flow[n] = true
	}
	for _, c := range n.Content {
		d.markFlow(c, in || n.Style&yaml.FlowStyle != 0)
	}
}

// Set changes a scalar.
func (d *Document) Set(n *yaml.Node, value string) {
	if _, ok := d.changed[n]; !ok {
		d.changed[n] = n.Value
	}
	n.Value, n.Tag = value, "!!str"
}

// Replace changes a scalar in parts alone, each an old and a new text. The rest keeps its form where each old text stands
// in the file once and as it is.
func (d *Document) Replace(n *yaml.Node, value string, parts [][2]string) {
	d.Set(n, value)
	d.parts[n] = parts
}

// Changed reports whether a scalar was given another value.
func (d *Document) Changed(n *yaml.Node) bool {
	_, ok := d.changed[n]
	return ok
}

// Settable reports whether the place of a scalar can be told.
func (d *Document) Settable(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Line == 0 || isImplicit(n) || n.Style&yaml.TaggedStyle != 0 {
		return false
	}
	_, ok := d.End(n)
	return ok
}

// Edits derives the edits from what was changed and added.
func (d *Document) Edits() ([]document.Edit, error) {
	var list []document.Edit
	for n, old := range d.changed {
		if n.Value == old || d.gone[n] {
			continue
		}
		e, err := d.scalarEdit(n)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	for parent := range d.kids {
		cuts, err := d.cuts(parent)
		if err != nil {
			return nil, err
		}
		list = append(list, cuts...)
	}
	inserts, err := d.inserts(d.Root, 0)
	return append(list, inserts...), err
}

// scalarEdit writes the new value in the style of the old.
func (d *Document) scalarEdit(n *yaml.Node) (document.Edit, error) {
	start := d.start(n)
	end, ok := d.End(n)
	if !ok {
		return document.Edit{}, ErrPlace
	}
	if text, ok := d.replaced(n, string(d.Bytes()[start:end])); ok {
		return document.Edit{Range: document.Range{Start: start, End: end}, Text: text}, nil
	}
	switch {
	case n.Style&yaml.SingleQuotedStyle != 0 && !strings.Contains(n.Value, "\n"):
		return document.Edit{Range: document.Range{Start: start, End: end}, Text: "'" + strings.ReplaceAll(n.Value, "'", "''") + "'"}, nil
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return document.Edit{Range: document.Range{Start: start, End: end}, Text: quoted(n.Value)}, nil
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return document.Edit{Range: document.Range{Start: start, End: end}, Text: plain(n.Value, d.flow[n])}, nil
	}
	return document.Edit{Range: document.Range{Start: start, End: end}, Text: plain(n.Value, d.flow[n])}, nil
}

// replaced is the source of a scalar of several lines, or with escapes, with its parts replaced.
func (d *Document) replaced(n *yaml.Node, source string) (string, bool) {
	parts := d.parts[n]
	if _, _, verbatim := d.Content(n); verbatim || len(parts) == 0 || d.flow[n] && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
		return "", false
	}
	for _, p := range parts {
		if strings.ContainsAny(p[0]+p[1], " \t\n\\'\"") || strings.Count(source, p[0]) != 1 {
			return "", false
		}
		source = strings.Replace(source, p[0], p[1], 1)
	}
	return source, true
}

// quoted writes a scalar in double quotes.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f || r == 0x85 || r == 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// plain writes a scalar without quotes where YAML reads it back as that text.
func plain(s string, flow bool) string {
	var doc yaml.Node
	sample := s
	if flow {
		sample = "[" + s + "]"
	}
	if err := yaml.Unmarshal([]byte(sample), &doc); err == nil && len(doc.Content) == 1 {
		n := doc.Content[0]
		if flow && len(n.Content) == 1 {
			n = n.Content[0]
		}
		if n.Kind == yaml.ScalarNode && n.Value == s && n.Tag == "!!str" && n.Style == 0 && n.Anchor == "" && !strings.ContainsAny(s, "\n#") || isReference(s, flow) {
			return s
		}
	}
	return quoted(s)
}

// isReference lets a reference stand unquoted, as everybody writes it.
func isReference(s string, flow bool) bool {
	return !flow && strings.HasPrefix(s, "ref+") && !strings.ContainsAny(s, " \n\"'\\,[]{}")
}

// inserts writes the new nodes below n, those without a line, behind the
// sibling that they follow.
func (d *Document) inserts(n *yaml.Node, depth int) ([]document.Edit, error) {
	if n.Kind == yaml.AliasNode || n.Line == 0 {
		return nil, nil
	}
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	var list []document.Edit
	var before *yaml.Node // the original sibling
	for i := 0; i+step <= len(n.Content); i += step {
		if n.Content[i].Line > 0 {
			before = n.Content[i+step-1]
			for _, c := range n.Content[i : i+step] {
				more, err := d.inserts(c, depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, more...)
			}
			continue
		}
		e, err := d.insert(n, i, step, before, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func (d *Document) insert(n *yaml.Node, i, step int, before *yaml.Node, depth int) (document.Edit, error) {
	added := n.Content[i : i+step]
	if n.Style&yaml.FlowStyle != 0 {
		return d.insertFlow(n, added, before, i+step < len(n.Content) && n.Content[i+step].Line > 0, depth)
	}
	if before == nil {
		return document.Edit{}, ErrPlace
	}
	end, ok := d.endOf(n, before)
	if !ok && n != d.Root {
		return document.Edit{}, ErrPlace
	}
	first := n.Content[0]
	for _, c := range n.Content {
		if c.Line > 0 {
			first = c
			break
		}
	}
	column := first.Column
	if n.Kind == yaml.SequenceNode {
		column = n.Column
		if n.Anchor != "" {
			return document.Edit{}, ErrPlace
		}
	}
	indent := strings.Repeat(" ", column-1)
	var b strings.Builder
	if step == 2 {
		renderPair(&b, added[0].Value, added[1], indent, d.newline)
	} else {
		b.WriteString(indent + "- ")
		renderItem(&b, added[0])
	}
	if n == d.Root {
		return d.atEnd(b.String(), depth), nil
	}
	at := d.LineEnd(end)
	return document.Edit{Range: document.Range{Start: at, End: at}, Text: d.newline + b.String(), Order: -depth}, nil
}

// atEnd puts a pair of the root at the end of the file. A missing newline
// there stays missing.
func (d *Document) atEnd(pair string, depth int) document.Edit {
	at := len(d.Bytes())
	if m := documentEnd.FindIndex(d.Bytes()); m != nil {
		at = m[0]
		return document.Edit{Range: document.Range{Start: at, End: at}, Text: pair + d.newline, Order: -depth}
	}
	if strings.HasSuffix(string(d.Bytes()), "\n") {
		return document.Edit{Range: document.Range{Start: at, End: at}, Text: pair + d.newline, Order: -depth}
	}
	return document.Edit{Range: document.Range{Start: at, End: at}, Text: d.newline + pair, Order: -depth}
}

// documentEnd is the line that ends a document, with nothing but blanks and
// comments behind it.
var documentEnd = regexp.MustCompile(`(?m)^\.\.\.[ \t\r]*(#[^\n]*)?(\n([ \t]*(#[^\n]*)?\r?\n?)*)?\z`)

// endOf is end, also for a value of n that is not written.
func (d *Document) endOf(n, child *yaml.Node) (int, bool) {
	if !isImplicit(child) {
		return d.End(child)
	}
	for i, c := range n.Content {
		if c == child && n.Kind == yaml.MappingNode {
			return d.End(n.Content[i-1])
		}
	}
	return 0, false
}

func (d *Document) insertFlow(n *yaml.Node, added []*yaml.Node, before *yaml.Node, more bool, depth int) (document.Edit, error) {
	var b strings.Builder
	at := d.start(n) + 1
	if before != nil {
		end, ok := d.endOf(n, before)
		if !ok {
			return document.Edit{}, ErrPlace
		}
		at = end
		b.WriteString(", ")
	} else if n.Content[0] != added[0] {
		b.WriteString(", ") // behind another new one
	}
	for i, a := range added {
		if i == 1 {
			b.WriteString(": ")
		}
		renderFlow(&b, a, d.json)
	}
	if before == nil && more {
		b.WriteString(", ")
	}
	return document.Edit{Range: document.Range{Start: at, End: at}, Text: b.String(), Order: -depth}, nil
}

// renderPair writes a pair of a block mapping without the last line break.
func renderPair(b *strings.Builder, key string, value *yaml.Node, indent, newline string) {
	b.WriteString(indent + plain(key, false) + ":")
	switch {
	case value.Kind == yaml.ScalarNode:
		b.WriteString(" " + plain(value.Value, false))
	case value.Style&yaml.FlowStyle != 0:
		b.WriteByte(' ')
		renderFlow(b, value, false)
	case value.Kind == yaml.SequenceNode:
		for _, c := range value.Content {
			b.WriteString(newline + indent + "  - ")
			renderItem(b, c)
		}
	default:
		for i := 0; i+1 < len(value.Content); i += 2 {
			b.WriteString(newline)
			renderPair(b, value.Content[i].Value, value.Content[i+1], indent+"  ", newline)
		}
	}
}

// renderItem writes an item of a block list.
func renderItem(b *strings.Builder, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		b.WriteString(plain(n.Value, false))
		return
	}
	renderFlow(b, n, false)
}

func renderFlow(b *strings.Builder, n *yaml.Node, quote bool) {
	switch n.Kind {
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				b.WriteString(", ")
			}
			renderFlow(b, c, quote)
		}
		b.WriteByte(']')
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteString(", ")
			}
			renderFlow(b, n.Content[i], quote)
			b.WriteString(": ")
			renderFlow(b, n.Content[i+1], quote)
		}
		b.WriteByte('}')
	default:
		if quote {
			b.WriteString(quoted(n.Value))
			return
		}
		b.WriteString(plain(n.Value, true))
	}
}

// Str returns a new string.
func Str(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

// Seq returns a new list of strings.
func Seq(items ...string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, i := range items {
		n.Content = append(n.Content, Str(i))
	}
	return n
}

// Mapping returns a new mapping of keys and values, one after the other.
func Mapping(keysAndValues ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: keysAndValues}
}
