package lint

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// pass is one rule at work on one file.
type pass struct {
	linter  *linter
	src     *source
	path    string // on disk
	service *service
	rule    *Rule
	result  result
	values  []byteRange     // of literals
	places  map[string]bool // what was reported, so that a shared anchor counts once
}

// report adds a finding at r. Severity, unless set, is the rule's.
func (p *pass) report(r byteRange, f Finding) {
	f.Rule = p.rule.ID
	if f.Severity == Off {
		f.Severity = p.rule.Severity
	}
	f.Severity = p.linter.severity(p.rule, f.Severity)
	key := fmt.Sprintf("%s:%d", f.Rule, r.start)
	if f.Severity == Off || p.places[key] {
		return
	}
	if p.places == nil {
		p.places = map[string]bool{}
	}
	p.places[key] = true
	if name, _, ok := strings.Cut(f.Key, "="); ok { // NAME=VALUE as a key, which a colon in the value makes of it
		f.Message, f.Key = strings.ReplaceAll(f.Message, f.Key, name), name
	}
	f.File, f.path = p.src.path, p.path
	f.start, f.end = r.start, r.end
	from, to := p.src.Pos(r.start), p.src.Pos(r.end)
	f.Line, f.Column, f.EndLine, f.EndColumn = from.Line, from.Column, to.Line, to.Column
	if p.src.ignored(f.Rule, f.Line) {
		p.result.ignored++
		return
	}
	p.result.findings = append(p.result.findings, f)
}

// hide keeps the bytes of a value out of every snippet, whether or not the
// finding itself is shown.
func (p *pass) hide(r byteRange) { p.src.hidden = append(p.src.hidden, r) }

// hideScalar hides a value, n.Value[start:end], on each line of the source that it has, and returns its place
// on the first.
func (p *pass) hideScalar(n *yaml.Node, start, end int) byteRange {
	r := p.src.scalar(n, start, end)
	p.hide(r)
	if rest := p.src.below(n, r, start, end); rest.end > rest.start {
		p.hide(rest)
	}
	return r
}

// finish drops what is too weak and takes the snippets, once every value of
// the file is known.
func (p *pass) finish() {
	l := p.linter
	p.result.findings = slices.DeleteFunc(p.result.findings, func(f Finding) bool {
		return f.Severity < l.options.Severity && !slices.Contains(l.options.Rules, f.Rule)
	})
	p.src.values = newMask(p.src, p.values)
	p.src.sortHidden()
	p.result.path, p.result.hidden = p.src.path, p.src.hiddenLines()
	for i := range p.result.findings {
		f := &p.result.findings[i]
		f.snippet = p.src.snippet(byteRange{f.start, f.end})
	}
}

// severity applies the configuration.
func (l *linter) severity(r *Rule, s Severity) Severity {
	if set, ok := l.options.Config.Rules[r.ID]; ok {
		return set
	}
	return s
}

// pairLiteral reports one literal of a pair.
func (p *pass) pairLiteral(pr *yamldoc.Pair, l literal, f Finding) {
	p.literalAt(p.hideScalar(pr.Node, pr.At+l.start, pr.At+l.end), l, f)
}

func (p *pass) literalAt(at byteRange, l literal, f Finding) {
	p.hide(at)
	p.values = append(p.values, at)
	f.literal = true
	if name := variableName(l.name); name != "" && !l.fallback && !l.rest && !f.noEdit {
		f.edit, f.hasEdit = "${"+name+"}", true
	}
	p.report(at, f)
}

// variableName gives the name of a variable that could take the place of a
// literal, or "".
func variableName(name string) string {
	name = strings.TrimLeft(name, "-")
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if isNameByte(name[i]) {
			b.WriteByte(name[i])
		} else {
			b.WriteByte('_')
		}
	}
	out := strings.ToUpper(strings.Trim(b.String(), "_"))
	if out == "" || out[0] >= '0' && out[0] <= '9' {
		return ""
	}
	return out
}

// fixFor says how migrate delivers a variable of a service.
func fixFor(s *service, variable string) Fix {
	if s == nil {
		return Fix{ByWrap, "migrate moves it to a SOPS file; up delivers it"}
	}
	if slices.Contains(s.asEnv, variable) {
		return Fix{ByWrap, "migrate moves it to a SOPS file; it stays in the environment, as x-compose-secure.env asks"}
	}
	if slices.Contains(s.asFile, variable) {
		return Fix{ByFile, "the image reads " + variable + "_FILE"}
	}
	form, ok := s.known.FileFor(variable, s.program())
	switch {
	case !ok:
		return byWrap()
	case form.Target != "":
		return Fix{ByFile, "the image reads " + form.Target}
	case form.Variable == variable:
		return Fix{ByFile, "the image takes " + variable + "=" + fmt.Sprintf(form.ValueFormat, "/run/secrets/...")}
	}
	return Fix{ByFile, "the image reads " + form.Variable}
}

func byWrap() Fix {
	return Fix{ByWrap, "the value is read from /run/secrets just before the image's own start"}
}

// scalars calls visit once for every scalar below n that is no key. A node
// that several aliases name is visited once, so that the cost stays linear.
func scalars(n *yaml.Node, visit func(*yaml.Node)) {
	walkScalars(n, visit, map[*yaml.Node]bool{})
}

func walkScalars(n *yaml.Node, visit func(*yaml.Node), seen map[*yaml.Node]bool) {
	n = yamldoc.Follow(n)
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	switch n.Kind {
	case yaml.ScalarNode:
		if !yamldoc.IsNull(n) {
			visit(n)
		}
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			walkScalars(n.Content[i], visit, seen)
		}
	default:
		for _, c := range n.Content {
			walkScalars(c, visit, seen)
		}
	}
}

// isDecryptionKey reports whether a value opens encrypted files. Those are
// reported by their own rule.
func isDecryptionKey(name, value string) bool {
	return strings.Contains(value, "AGE-SECRET-KEY-1") || strings.Contains(value, "BEGIN PGP PRIVATE KEY") ||
		name == "SOPS_AGE_KEY" && strings.Trim(value, secret.Hole) != ""
}

// keyRange gives the place of a node, or of a service's name without one.
func (s *source) keyRange(n *yaml.Node, svc *service) byteRange {
	if n != nil && n.Kind == yaml.ScalarNode {
		return s.scalar(n, 0, len(n.Value))
	}
	return s.scalar(svc.key, 0, len(svc.key.Value))
}
