package yamldoc

import (
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document"
	"go.yaml.in/yaml/v4"
)

// Removable reports whether the pair or item at index i of n can be taken out:
// nothing else refers to it, and what it stands on is its own.
func (d *Document) Removable(n *yaml.Node, i int) bool {
	step := Step(n)
	for _, c := range n.Content[i : i+step] {
		if hasAnchor(c) {
			return false
		}
	}
	if n.Style&yaml.FlowStyle != 0 {
		_, ok := d.End(n)
		return ok
	}
	from, to, ok := d.lines(n, i)
	return ok && from < to
}

// Step returns the number of nodes that an element of n takes: 2 for a mapping, else 1.
func Step(n *yaml.Node) int {
	if n.Kind == yaml.MappingNode {
		return 2
	}
	return 1
}

func hasAnchor(n *yaml.Node) bool {
	return n.Anchor != "" || slices.ContainsFunc(n.Content, hasAnchor)
}

// Remove takes the pair or item at index i out of n.
func (d *Document) Remove(n *yaml.Node, i int) {
	if d.kids[n] == nil {
		d.kids[n] = slices.Clone(n.Content)
	}
	for _, c := range n.Content[i : i+Step(n)] {
		d.gone[c] = true
	}
	n.Content = slices.Delete(n.Content, i, i+Step(n))
}

// lines gives the whole lines of a pair or item of a block.
func (d *Document) lines(n *yaml.Node, i int) (from, to int, ok bool) {
	first, last := n.Content[i], n.Content[i+Step(n)-1]
	start := d.at(first)
	end, ok := d.endOf(n, last)
	if !ok {
		return 0, 0, false
	}
	line := d.Line(start)
	from = d.LineStart(line)
	lead := strings.TrimLeft(string(d.Bytes()[from:start]), " ")
	if n.Kind == yaml.SequenceNode {
		lead = strings.TrimPrefix(lead, "-")
	}
	rest := strings.TrimLeft(string(d.Bytes()[end:d.LineEnd(end)]), " \t")
	if strings.TrimSpace(lead) != "" || rest != "" && rest[0] != '#' {
		return 0, 0, false
	}
	if next := d.Line(end); next < d.Lines() {
		return from, d.LineStart(next + 1), true
	}
	if line > 1 { // the last line of a file without a newline at its end
		from = d.LineEnd(d.LineStart(line - 1))
	}
	return from, len(d.Bytes()), true
}

// cuts makes the edits for what was taken out of n.
func (d *Document) cuts(n *yaml.Node) ([]document.Edit, error) {
	all, step := d.kids[n], Step(n)
	old := &yaml.Node{Kind: n.Kind, Style: n.Style, Content: all}
	var list []document.Edit
	for i := 0; i < len(all); i += step {
		if !d.gone[all[i]] {
			continue
		}
		e := document.Edit{}
		ok := true
		if n.Style&yaml.FlowStyle == 0 {
			e.Start, e.End, ok = d.lines(old, i)
		} else if slices.ContainsFunc(all[i+step:], func(c *yaml.Node) bool { return !d.gone[c] }) {
			e.Start, e.End = d.at(all[i]), d.at(all[i+step])
		} else {
			e.Start, ok = d.endOf(old, all[i-1])
			if ok {
				e.End, ok = d.endOf(old, all[i+step-1])
			}
		}
		if !ok {
			return nil, ErrPlace
		}
		if d.gone[n] {
			continue // it goes with all that holds it
		}
		list = append(list, e)
	}
	return list, nil
}
