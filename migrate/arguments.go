package migrate

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
)

// arguments moves the secrets that stand in the arguments of programs: up delivers a variable there. What stands in one
// line of a file moves together or stays, since a finding has no other place.
func (c *file) arguments() {
	type place struct {
		line  int
		field string
	}
	byPlace := map[place][]lint.ArgumentLiteral{}
	seen := map[string]bool{}
	for _, l := range c.inArguments {
		c.hide(l.Node.Value[l.Start:l.End])
		if id := fmt.Sprintf("%p %d %s", l.Node, l.Start, l.Field); !l.Ignored && !seen[id] { // an alias leads to it again
			seen[id] = true
			at := place{l.Node.Line, l.Field}
			byPlace[at] = append(byPlace[at], l)
		}
	}
	var order []place
	for at := range byPlace {
		order = append(order, at)
	}
	slices.SortFunc(order, func(a, b place) int {
		return strings.Compare(fmt.Sprintf("%9d%s", a.line, a.field), fmt.Sprintf("%9d%s", b.line, b.field))
	})
	for _, at := range order {
		list := byPlace[at]
		slices.SortStableFunc(list, func(a, b lint.ArgumentLiteral) int {
			if a.Node != b.Node {
				return a.Node.Column - b.Node.Column
			}
			return a.Start - b.Start
		})
		why := c.moveArguments(list)
		for _, l := range list {
			c.settle(l.Node, l.Field, why)
		}
	}
}

// moveArguments replaces literals by variables of the store. It gives the reason why not.
func (c *file) moveArguments(list []lint.ArgumentLiteral) lint.Reason {
	for i := range list {
		if why := c.whyStays(&list[i]); why.Given() {
			return why
		}
	}
	for i := range list {
		if l := &list[i]; l.Fallback && lint.FallbackOp(l.Node.Value[:l.Start], l.Name) != "" {
			if why := c.fallback(l.Name, textOf(l), l.Node); why.Given() {
				return why
			}
		}
	}
	for len(list) > 0 {
		n := list[0].Node
		end := slices.IndexFunc(list, func(l lint.ArgumentLiteral) bool { return l.Node != n })
		if end < 0 {
			end = len(list)
		}
		c.moveArgument(n, list[:end])
		list = list[end:]
	}
	return lint.Reason{}
}

// whyStays is the reason why a literal cannot move, as far as it can be told before anything changes.
func (c *file) whyStays(l *lint.ArgumentLiteral) lint.Reason {
	text := textOf(l)
	switch {
	case l.Why.Given():
		return l.Why
	case c.o.Files:
		return lint.Because(lint.ArgumentAsReference)
	case !c.doc.Settable(l.Node):
		return lint.Because(lint.UnwritableValue)
	case c.doc.Changed(l.Node):
		return lint.Because(lint.SharedScalar)
	case !c.names.takes(text) || text == "" || len(text) >= secret.MaxSize:
		return c.names.whyNot(text)
	}
	return lint.Reason{}
}

func textOf(l *lint.ArgumentLiteral) string {
	return lint.Evaluate(l.Node.Value[l.Start:l.End], nil)
}

// moveArgument replaces the literals of one scalar, which are in order.
func (c *file) moveArgument(n *yaml.Node, list []lint.ArgumentLiteral) {
	raw, out, at := n.Value, "", 0
	var parts [][2]string
	for i := range list {
		l := &list[i]
		start, add := l.Start, ""
		if op := lint.FallbackOp(raw[:l.Start], l.Name); l.Fallback && op != "" {
			start -= len(op)
		} else {
			add = "${" + c.value("", argumentName(l), textOf(l), n).name + "}"
		}
		if start < at {
			continue
		}
		out += raw[at:start] + add
		parts = append(parts, [2]string{raw[start:l.End], add})
		at = l.End
	}
	c.doc.Replace(n, out+raw[at:], parts)
}

// argumentName is the variable for a literal: that of its flag in its service.
func argumentName(l *lint.ArgumentLiteral) string {
	name := strings.TrimLeft(l.Name, "-")
	if l.End < len(l.Node.Value) && l.Node.Value[l.End] == '@' { // of an address
		name = "password"
	}
	if (secret.Policy{}).Classify(name, "").Secret {
		return variableName(l.Service, name)
	}
	return variableName(l.Service, "password")
}
