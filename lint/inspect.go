package lint

import (
	"strings"

	"github.com/compose-secure/compose-secure/secret"
)

// literal is a secret that stands in a value, as bytes start..end of the raw
// value.
type literal struct {
	start, end int
	name       string // the variable that it belongs to
	fallback   bool   // it is the default of an interpolation
	address    bool   // it is the password of a URL
	rest       bool   // it is all that follows the secrets that are told apart
}

// inspect finds the secrets that stand in the value of name. raw is the value
// before interpolation.
func inspect(p secret.Policy, name, raw string) []literal {
	e := expand(raw, false)
	found := fallbacks(p, name, &e)
	if strings.Trim(e.text, secret.Hole+" \t\r\n") == "" {
		return found
	}
	v := p.Classify(name, e.text)
	switch {
	case v.Secret && v.Reason == secret.ByValue:
		found = appendCredentials(found, name, &e)
	case v.Secret && !strings.Contains(e.text, secret.Hole), brokenByDollar(p, name, raw, &e):
		found = appendLiteral(found, literal{start: e.at(0), end: len(raw), name: name})
	}
	if strings.Contains(raw, "$$") {
		found = appendShellFallbacks(found, p, &e)
	}
	if len(found) == 0 && strings.Count(raw, "$") > 1 {
		// A password hash whose $ nobody has doubled; Compose would eat parts of it.
		if c := secret.FindCredential(raw); c.Found() && raw[c.Start] == '$' {
			found = append(found, literal{start: c.Start, end: c.End, name: name})
		}
	}
	if len(found) == 0 && strings.Contains(raw, "--") && strings.Contains(strings.TrimSpace(raw), " ") {
		for _, c := range inspectCommand(p, []string{raw}, false) { // options for a program
			found = appendLiteral(found, c.literal)
		}
	}
	return found
}

// inspectVerbatim is inspect for a value in which nothing is interpolated.
func inspectVerbatim(p secret.Policy, name, value string) []literal {
	if !p.Classify(name, value).Secret {
		return nil
	}
	l := literal{end: len(value), name: name}
	if c := secret.FindCredential(value); c.Found() {
		l.start, l.end = c.Start, c.End
	}
	return []literal{l}
}

// brokenByDollar reports whether raw is a password that holds a $ by accident:
// Compose reads an unbraced variable in the middle of it.
func brokenByDollar(p secret.Policy, name, raw string, e *expanded) bool {
	dollar := strings.IndexByte(raw, '$')
	if len(e.open) != 1 || dollar < 4 || strings.Contains(raw, "${") || strings.ContainsAny(raw, " /") || !isNameByte(raw[dollar-1]) {
		return false
	}
	return p.Classify(name, raw[:dollar]).Secret
}

// fallbacks finds secrets among the defaults of interpolations.
func fallbacks(p secret.Policy, name string, e *expanded) []literal {
	var found []literal
	for _, d := range e.defaults {
		text := e.text[d.start:d.end]
		whole := d.start == 0 && d.end == len(e.text)
		if strings.Contains(text, secret.Hole) {
			continue
		}
		if p.Classify(d.name, text).Secret || whole && p.Classify(name, text).Secret {
			start, end := e.raw(d.start, d.end)
			l := literal{start: start, end: end, name: d.name, fallback: true}
			if c := secret.FindCredential(text); c.Found() {
				l.start, l.end = e.raw(d.start+c.Start, d.start+c.End)
				l.address = isAddress(text, c)
			}
			found = appendLiteral(found, l)
		}
	}
	return found
}

// appendCredentials adds every credential that the form of the value shows.
func appendCredentials(found []literal, name string, e *expanded) []literal {
	for _, c := range secret.FindCredentials(e.text) {
		start, end := e.raw(c.Start, c.End)
		l := literal{start: start, end: end, name: name, address: isAddress(e.text, c)}
		for _, d := range e.defaults {
			if d.start <= c.Start && c.End <= d.end {
				l.name, l.fallback = d.name, true
			}
		}
		found = appendLiteral(found, l)
	}
	return found
}

// appendShellFallbacks finds $${NAME:-literal}, which a shell in the container
// expands.
func appendShellFallbacks(found []literal, p secret.Policy, e *expanded) []literal {
	inner := expand(e.text, true)
	for _, d := range inner.defaults {
		text := inner.text[d.start:d.end]
		if strings.Contains(text, secret.Hole) || !p.Classify(d.name, text).Secret {
			continue
		}
		start, end := inner.raw(d.start, d.end)
		start, end = e.raw(start, end)
		found = appendLiteral(found, literal{start: start, end: end, name: d.name, fallback: true})
	}
	return found
}

// maxLiterals is how many secrets of one value are told apart. From there on the
// last one is all that follows, and migrate leaves it.
const maxLiterals = 100

// appendLiteral adds l unless a literal at the same place is known.
func appendLiteral(found []literal, l literal) []literal {
	if len(found) == maxLiterals {
		found[maxLiterals-1].widen(l.start, l.end)
		return found
	}
	for _, f := range found {
		if l.start < f.end && f.start < l.end {
			return found
		}
	}
	return append(found, l)
}

// widen makes l reach over start..end as well.
func (l *literal) widen(start, end int) {
	l.start, l.end, l.rest = min(l.start, start), max(l.end, end), true
}

// isAddress reports whether c is what stands before the @ of a URL.
func isAddress(text string, c secret.Span) bool {
	return c.End < len(text) && text[c.End] == '@' && strings.Contains(text[:c.Start], "://")
}
