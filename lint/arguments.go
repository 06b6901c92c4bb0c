package lint

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/document/yamldoc"
)

// argumentList is a list of arguments, or a script, that can hold a secret.
type argumentList struct {
	field string // of the service that it stands in
	node  *yaml.Node
}

// argumentLists gives those of a service, or of a template for one, that stand in fields.
func argumentLists(service *yaml.Node, fields ...string) []argumentList {
	var found []argumentList
	for _, path := range compose.ArgumentLists() {
		if !slices.Contains(fields, path[0]) {
			continue
		}
		nodes := []*yaml.Node{service}
		for _, key := range path {
			var below []*yaml.Node
			for _, n := range nodes {
				if key == compose.AnyElement {
					below = append(below, yamldoc.Items(n)...)
				} else if next := yamldoc.Get(n, key); next != nil {
					below = append(below, next)
				}
			}
			nodes = below
		}
		for _, n := range nodes {
			found = append(found, argumentList{path[0], n})
		}
	}
	return found
}

// ArgumentLiteral is a secret in an argument list of a compose file, as bytes of the value of Node before interpolation.
type ArgumentLiteral struct {
	Literal
	Service string // "" in a template
	Field   string // of the service
	Node    *yaml.Node
	Ignored bool   // a comment tells lint to leave it
	Why     Reason // why migrate has to leave it, or ""
}

// Arguments returns the secrets in argument lists of services and templates.
func (f *File) Arguments() []ArgumentLiteral {
	c := f.c
	var list []ArgumentLiteral
	for _, rule := range []struct {
		id     string
		fields []string
	}{{idCommand, commandFields()}, {idHealthcheck, healthcheckFields()}, {idHook, hookFields()}} {
		for _, found := range c.argumentsUnder(rule.fields...) {
			at := c.src.scalar(found.Node, found.Start, found.End)
			found.Ignored = c.src.ignored(rule.id, c.src.Line(at.start))
			list = append(list, found)
		}
	}
	return list
}

// argumentsUnder finds the secrets in the argument lists that stand in fields.
func (c *composeFile) argumentsUnder(fields ...string) []ArgumentLiteral {
	var list []ArgumentLiteral
	c.eachArguments(func(s *service, l argumentList) { list = append(list, c.argumentsIn(s, l.field, l.node)...) }, fields...)
	return list
}

func commandFields() []string     { return []string{"command", "entrypoint"} }
func healthcheckFields() []string { return []string{"healthcheck"} }
func hookFields() []string        { return []string{"post_start", "pre_stop", "develop"} }

func argumentFields() []string {
	return slices.Concat(commandFields(), healthcheckFields(), hookFields())
}

// ArgumentScalars returns the scalars of the argument lists of a service.
func ArgumentScalars(service *yaml.Node) []*yaml.Node {
	var list []*yaml.Node
	for _, l := range argumentLists(service, argumentFields()...) {
		list = append(list, yamldoc.Items(l.node)...)
	}
	return list
}

// eachArguments visits the argument lists of services and templates that stand in fields.
func (c *composeFile) eachArguments(visit func(*service, argumentList), fields ...string) {
	for _, s := range c.services {
		for _, list := range argumentLists(s.node, fields...) {
			visit(s, list)
		}
	}
	for _, t := range c.templates() {
		for _, list := range argumentLists(t.Value, fields...) {
			visit(&service{}, list)
		}
	}
}

// argumentsIn finds the secrets in one argument list of a service.
func (c *composeFile) argumentsIn(s *service, field string, n *yaml.Node) []ArgumentLiteral {
	if n = yamldoc.Follow(n); n == nil {
		return nil
	}
	nodes := yamldoc.Items(n)
	raw := make([]string, len(nodes))
	for i := range nodes {
		raw[i] = yamldoc.Text(nodes[i])
	}
	isList := n.Kind == yaml.SequenceNode
	var list []ArgumentLiteral
	for _, l := range append(inspectCommand(c.policy, raw, isList), accountsOf(s.image, c.policy, raw, isList)...) {
		a := ArgumentLiteral{Literal: Literal{l.start, l.end, l.name, l.fallback}, Service: s.name, Field: field, Node: nodes[l.node]}
		if a.Why = c.whyArgument(&a, isList); l.rest {
			a.Why = Because(TooMany)
		}
		list = append(list, a)
	}
	return list
}

// whyArgument gives the reason why migrate leaves a literal of an argument, or "".
func (c *composeFile) whyArgument(a *ArgumentLiteral, isList bool) Reason {
	n, raw := a.Node, a.Node.Value
	text := raw[a.Start:a.End]
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		return Because(HasTag)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && c.src.indented(n):
		return Because(IndentedBlock)
	case ChangesInCompose(n):
		return Because(ChangesInYAML)
	case Open(text, nil), len(Variables(text)) > 0:
		return Because(TakesVariables)
	case isList && !a.Fallback && a.Start == 0 && a.End == len(raw):
		return Reason{}
	case strings.ContainsAny(text, "\\'\"`$"), strings.ContainsAny(text, " \t\n") && !c.src.verbatim(n, 0, raw):
		return Because(ArgumentWithQuotes)
	case !a.Fallback && !endsSurely(raw, a.Start, a.End):
		return Because(ArgumentWithoutEnd)
	case a.Fallback && FallbackOp(raw[:a.Start], a.Name) == "" && !strings.HasSuffix(raw[:a.Start], "$${"+a.Name+":-"):
		return Because(PartOfDefault)
	}
	return Reason{}
}

// endsSurely reports whether nothing that follows text[start:end] in a script can belong to the same value.
func endsSurely(text string, start, end int) bool {
	const quotes = "\"'`"
	rest := text[end:]
	if start > 0 && strings.IndexByte(quotes, text[start-1]) >= 0 {
		quote := text[start-1 : start]
		return strings.HasPrefix(rest, quote) && strings.Count(rest, quote)%2 == 1
	}
	switch {
	case rest == "", strings.IndexByte(" \t\n@;&|),", rest[0]) >= 0:
		return true
	case strings.IndexByte(quotes, rest[0]) >= 0: // of what stands around the word
		return strings.Count(text[:start], rest[:1])%2 == 1
	}
	return false
}
