package migrate

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// removable reports whether the pair or item at index i of n can be taken out:
// nothing else refers to it, and what it stands on is its own.
func (d *document) removable(n *yaml.Node, i int) bool {
	step := stepOf(n)
	for _, c := range n.Content[i : i+step] {
		if hasAnchor(c) {
			return false
		}
	}
	if n.Style&yaml.FlowStyle != 0 {
		_, ok := d.end(n)
		return ok
	}
	from, to, ok := d.lines(n, i)
	return ok && from < to
}

func stepOf(n *yaml.Node) int {
	if n.Kind == yaml.MappingNode {
		return 2
	}
	return 1
}

func hasAnchor(n *yaml.Node) bool {
	return n.Anchor != "" || slices.ContainsFunc(n.Content, hasAnchor)
}

// remove takes the pair or item at index i out of n.
func (d *document) remove(n *yaml.Node, i int) {
	if d.kids[n] == nil {
		d.kids[n] = slices.Clone(n.Content)
	}
	for _, c := range n.Content[i : i+stepOf(n)] {
		d.gone[c] = true
	}
	n.Content = slices.Delete(n.Content, i, i+stepOf(n))
}

// lines gives the whole lines of a pair or item of a block.
func (d *document) lines(n *yaml.Node, i int) (from, to int, ok bool) {
	first, last := n.Content[i], n.Content[i+stepOf(n)-1]
	start := d.offset(first.Line, first.Column)
	end, ok := d.endOf(n, last)
	if !ok {
		return 0, 0, false
	}
	line := d.line(start)
	from = d.starts[line-1]
	lead := strings.TrimLeft(string(d.data[from:start]), " ")
	if n.Kind == yaml.SequenceNode {
		lead = strings.TrimPrefix(lead, "-")
	}
	rest := strings.TrimLeft(string(d.data[end:d.lineEnd(end)]), " \t")
	if strings.TrimSpace(lead) != "" || rest != "" && rest[0] != '#' {
		return 0, 0, false
	}
	if next := d.line(end); next < len(d.starts) {
		return from, d.starts[next], true
	}
	if line > 1 { // the last line of a file without a newline at its end
		from = d.lineEnd(d.starts[line-2])
	}
	return from, len(d.data), true
}

// cuts makes the edits for what was taken out of n.
func (d *document) cuts(n *yaml.Node) ([]edit, error) {
	all, step := d.kids[n], stepOf(n)
	old := &yaml.Node{Kind: n.Kind, Style: n.Style, Content: all}
	var list []edit
	for i := 0; i < len(all); i += step {
		if !d.gone[all[i]] {
			continue
		}
		e := edit{}
		ok := true
		if n.Style&yaml.FlowStyle == 0 {
			e.start, e.end, ok = d.lines(old, i)
		} else if slices.ContainsFunc(all[i+step:], func(c *yaml.Node) bool { return !d.gone[c] }) {
			e.start, e.end = d.offset(all[i].Line, all[i].Column), d.offset(all[i+step].Line, all[i+step].Column)
		} else {
			e.start, ok = d.endOf(old, all[i-1])
			if ok {
				e.end, ok = d.endOf(old, all[i+step-1])
			}
		}
		if !ok {
			return nil, errPlace
		}
		if d.gone[n] {
			continue // it goes with all that holds it
		}
		list = append(list, e)
	}
	return list, nil
}
