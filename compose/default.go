package compose

import (
	"strings"

	"github.com/compose-spec/compose-go/v2/template"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/subprocess"
)

// defaultOrigin is where a person finds a default, said behind its variable.
const defaultOrigin = "its default in the compose file"

// withDefaults is lookup, but gives the placeholder of a default, as in ${NAME:-default},
// where text would come to a default that is a secret: it is a literal, and so may stand
// where nothing else tells that it is one. known are defaults that were interpolated before: each
// is looked at once, or every level of defaults in defaults would double the work.
func (p *Project) withDefaults(text string, lookup template.Mapping, known map[string]string) template.Mapping {
	if !strings.Contains(text, "-") {
		return lookup
	}
	return func(name string) (string, bool) {
		value, set := lookup(name)
		if value != "" {
			return value, set
		}
		raw, whenEmpty, ok := defaultOf(text, name)
		if !ok || set && !whenEmpty {
			return value, set
		}
		literal, seen := known[raw]
		if !seen {
			var err error
			if literal, err = p.interpolate(raw, lookup, known); err != nil {
				literal = ""
			}
			known[raw] = literal
		}
		if literal == "" || p.Inputs.Has(literal) || subprocess.IsCompose(name) || secret.IsRef(literal) || !p.Detect.ClassifyFinal(name, literal).Secret {
			return value, set // an error comes up again when compose-go takes the default
		}
		return p.Inputs.Placeholder(secret.Input{Name: name, Origin: defaultOrigin, Literal: true, Known: secret.NewValue([]byte(literal))}), true
	}
}

// defaultOf returns the default that every use of name in text has, as it stands there, and whether
// it counts for an empty variable too. It reports false when uses differ.
func defaultOf(text, name string) (raw string, whenEmpty, ok bool) {
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return raw, whenEmpty, ok
		}
		start := at + i
		at = start + len(name)
		if strings.HasSuffix(text[:start], "$") && isVariable(text[:start]) && !continues(text[at:]) {
			return "", false, false // $NAME
		}
		if !strings.HasSuffix(text[:start], "${") || !isVariable(text[:start-1]) || continues(text[at:]) {
			continue
		}
		rest, colon := strings.CutPrefix(text[at:], ":")
		rest, dash := strings.CutPrefix(rest, "-")
		literal, closed := strings.CutSuffix(rest[:closing(rest, 0)], "}")
		if !dash || !closed || ok && (literal != raw || colon != whenEmpty) {
			return "", false, false
		}
		raw, whenEmpty, ok = literal, colon, true
	}
}

// isVariable reports whether the $ at the end of text starts a variable, and is not the second of $$.
func isVariable(text string) bool {
	return (len(text)-len(strings.TrimRight(text, "$")))%2 == 1
}

// continues reports whether rest goes on with the name of a variable.
func continues(rest string) bool {
	return rest != "" && (rest[0] == '_' || rest[0] >= '0' && rest[0] <= '9' || rest[0]|0x20 >= 'a' && rest[0]|0x20 <= 'z')
}
