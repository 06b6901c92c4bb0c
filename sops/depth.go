package sops

import (
	"bytes"

	yamlv3 "go.yaml.in/yaml/v3"

	"github.com/compose-secure/compose-secure/secret"
)

// maxDepth bounds how deep mappings and lists of a file may nest: the work on a file
// grows with the square of it.
const maxDepth = 100

// maxNodes bounds how many nodes a document with aliases stands for.
const maxNodes = 100_000

// aliases counts the nodes that a document stands for when its aliases are followed; each anchor is looked into once.
type aliases struct {
	known map[*yamlv3.Node]int // of what an alias names: its nodes, or 0 while they are counted
	found bool                 // there is an alias
}

// count returns the nodes below n, n included and at most maxNodes+1, and false when an alias leads to what it stands in.
// Without an alias any number is right, so it returns 1.
func (a *aliases) count(n *yamlv3.Node) (nodes int, ends bool) {
	nodes, ends = a.below(n)
	if !a.found {
		return 1, true
	}
	return nodes, ends
}

func (a *aliases) below(n *yamlv3.Node) (nodes int, ends bool) {
	if n.Kind == yamlv3.AliasNode {
		a.found = true
		n = n.Alias
	}
	if n.Anchor != "" {
		if nodes, seen := a.known[n]; seen {
			return nodes, nodes > 0
		}
		a.known[n] = 0
	}
	nodes = 1
	for _, c := range n.Content {
		below, ends := a.below(c)
		if !ends {
			return 0, false
		}
		nodes = min(nodes+below, maxNodes+1)
	}
	if n.Anchor != "" {
		a.known[n] = nodes
	}
	return nodes, true
}

// jsonDepth is how deep valid JSON nests.
func jsonDepth(data []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// mayNestDeeper tells, without parsing, whether YAML may nest deeper than maxDepth: each level takes a bracket,
// a dash, a question mark or, where a list stands below its key, half a column.
func mayNestDeeper(data []byte) bool {
	widest := 0
	for line := range bytes.FieldsFuncSeq(data, isBreak) {
		indent := len(line) - len(bytes.TrimLeft(line, " "))
		widest = max(widest, indent+1+count(line, "- ", "-\t", "? ", "?\t")) // 1: a dash at the end
	}
	flow := count(data, "{", "[") - count(data, secret.SOPSMark)
	return 2*widest+2+flow > maxDepth
}

// isBreak knows the line breaks of YAML 1.1.
func isBreak(r rune) bool {
	return r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

func count(data []byte, parts ...string) int {
	n := 0
	for _, part := range parts {
		n += bytes.Count(data, []byte(part))
	}
	return n
}
