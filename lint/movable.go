package lint

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document"
	"go.yaml.in/yaml/v4"
)

// whyLiteral gives the reason why migrate leaves a literal, or "".
func (c *composeFile) whyLiteral(l *envLiteral) Reason {
	n, raw := l.pair.Node, l.pair.Value
	text := raw[l.start:l.end]
	verbatim := c.src.verbatim(n, l.pair.At, raw)
	whole := l.start == 0 && l.end == len(raw) && !l.fallback
	switch {
	case l.stray != "":
		return Because(UnknownKey, l.stray)
	case l.key:
		return Because(OpensFiles)
	case l.rest:
		return Because(TooMany)
	case l.pair.Odd:
		return Because(WholeEntryIsName)
	case n.Style&yaml.TaggedStyle != 0:
		return Because(HasTag)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && c.src.indented(n):
		return Because(IndentedBlock)
	case ChangesInCompose(n):
		return Because(ChangesInYAML)
	case whole && !Open(raw, nil) && len(Variables(raw)) == 0:
		return Reason{}
	case !verbatim && (Open(raw, nil) || len(Variables(raw)) > 0):
		return Because(WrittenAround)
	case verbatim && (Open(text, nil) || len(Variables(text)) > 0):
		return Because(TakesVariables)
	}
	if l.fallback {
		if FallbackOp(raw[:l.start], l.name) == "" {
			if !strings.HasSuffix(raw[:l.start], "$${"+l.name+":-") {
				return Because(PartOfDefault)
			}
			return Reason{}
		}
		return Reason{}
	}
	return Reason{}
}

// verbatim reports whether a part of a scalar stands in the source as it is.
func (s *source) verbatim(n *yaml.Node, from int, text string) bool {
	at := s.scalar(n, from, from+len(text))
	return string(s.data[at.start:at.end]) == text
}

// indented reports whether the header of a block scalar may have a digit.
func (s *source) indented(n *yaml.Node) bool {
	at := s.Offset(document.Pos{Line: n.Line, Column: n.Column})
	return bytes.ContainsAny(s.data[at:s.LineEnd(at)], "123456789")
}

// FallbackOp gives what stands between the name and the default of
// ${NAME:-default}, of which before ends where the default starts; "" if that
// is not the default of NAME as a whole.
func FallbackOp(before, name string) string {
	for _, op := range []string{":-", "-", ":"} {
		if b, ok := strings.CutSuffix(before, "${"+name+op); ok && !strings.HasSuffix(b, "$") {
			return op
		}
	}
	return ""
}

// Taken returns the variables that anything below n takes.
func Taken(n *yaml.Node) map[string]bool {
	names := map[string]bool{}
	noteTaken(n, names)
	return names
}

func noteTaken(n *yaml.Node, taken map[string]bool) {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "$") {
		for _, name := range Variables(n.Value) {
			taken[name] = true
		}
	}
	for _, name := range BareVariables(n) {
		taken[name] = true
	}
	for _, child := range n.Content {
		noteTaken(child, taken)
	}
}

// ChangesInCompose reports whether a plain scalar is a number or switch that
// Compose would write in another way: 0123 and 1e3 are.
func ChangesInCompose(n *yaml.Node) bool {
	if n.Tag == "!!str" || n.Tag == "" {
		return false
	}
	var v any
	return n.Decode(&v) != nil || fmt.Sprint(v) != n.Value
}

// setWhy says of every secret of an env file why migrate leaves it, as far as
// the file itself tells.
func setWhy(vars []EnvVar) {
	count, at := map[string]int{}, map[string]int{}
	for i, v := range vars {
		count[v.Name]++
		at[v.Name] = i
	}
	for i := range vars {
		v := &vars[i]
		switch {
		case !v.Secret:
		case v.Opens:
			v.Why = Because(OpensFiles)
		case count[v.Name] > 1:
			v.Why = Because(DefinedTwice)
		case slices.ContainsFunc(v.Takes(), func(name string) bool { return count[name] == 0 }):
			v.Why = Because(DependsOnVariables)
		}
	}
	for again := true; again; { // entries that stay keep what they are made of
		again = false
		for i := range vars {
			if v := &vars[i]; v.Secret && !v.Why.Given() && !v.Ignored {
				continue
			}
			for _, name := range vars[i].Takes() {
				if k, ok := at[name]; ok && vars[k].Secret && !vars[k].Why.Given() {
					vars[k].Why, again = Because(PartOfEntry, vars[i].Name), true
				}
			}
		}
	}
}

func expandOpen(raw string) []string {
	e := expand(raw, false)
	list := e.open
	for _, d := range e.defaults {
		list = append(list, d.name)
	}
	return list
}
