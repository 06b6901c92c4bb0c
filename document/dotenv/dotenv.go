// Package dotenv reads env files with the places of what they define. It reads as docker compose's own
// parser does, https://github.com/compose-spec/compose-go/blob/main/dotenv/parser.go, but goes on behind
// a fault, and interpolates nothing.
package dotenv

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/compose-secure/compose-secure/document"
)

// Var is one variable of an env file.
type Var struct {
	Name string
	// Text is the value as it is written, without its quotes.
	Text string
	// Value is where Text stands; it may span lines when it is quoted. Empty at the end of the name for a name alone.
	Value document.Range
	// Quote is the quote around the value, or 0. In single quotes and in a raw file nothing is expanded;
	// in double quotes a backslash escapes.
	Quote byte
	// Raw reports a file of format raw.
	Raw bool
	// Alone reports a name without "=": the value comes from elsewhere.
	Alone bool
}

// Verbatim reports whether a dollar sign in the value is only that.
func (v Var) Verbatim() bool { return v.Quote == '\'' || v.Raw }

// Fault is a place that docker compose refuses, or takes for a variable without a name: to the end of its
// line, or of the file when a quote does not close.
type Fault struct{ Range document.Range }

var byteOrderMark = []byte("\uFEFF")

// Parse reads the format of
// https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax.
// It returns what it could read, and where docker compose would stop.
func Parse(data []byte) ([]Var, []Fault) {
	p := parser{data: string(data)}
	p.at = len(data) - len(bytes.TrimPrefix(data, byteOrderMark))
	for p.statement() {
	}
	return p.vars, p.faults
}

type parser struct {
	data   string
	at     int
	vars   []Var
	faults []Fault
}

// statement reads one statement, and reports false at the end of the file.
func (p *parser) statement() bool {
	for p.at < len(p.data) {
		r, size := utf8.DecodeRuneInString(p.data[p.at:])
		switch {
		case unicode.IsSpace(r):
			p.at += size
			continue
		case r == '#':
			p.at = p.lineEnd(p.at)
			continue
		}
		break
	}
	if p.at >= len(p.data) {
		return false
	}
	v, ok := p.name()
	if !ok {
		return true
	}
	if !v.Alone {
		p.value(&v)
	}
	p.vars = append(p.vars, v)
	return true
}

// name reads up to the separator. It reports false, behind the line, for what is no name.
func (p *parser) name() (v Var, ok bool) {
	if rest, found := strings.CutPrefix(p.data[p.at:], "export"); found && startsWithBlank(rest) {
		p.at = len(p.data) - len(strings.TrimLeftFunc(rest, isBlank))
	}
	start, end, separator := p.at, p.at, byte(0)
	for i, r := range p.data[start:] {
		if r == '=' || r == ':' || r == '\n' {
			end, separator = start+i, byte(r)
			break
		}
		if !isBlank(r) && !isNameRune(r) {
			p.fault(start)
			return v, false
		}
	}
	if separator == 0 { // the last line, a name alone, which docker compose takes for an empty name
		p.at = len(p.data)
		p.faults = append(p.faults, Fault{document.Range{Start: start, End: len(p.data)}})
		return v, false
	}
	v.Name = strings.TrimRightFunc(p.data[start:end], unicode.IsSpace)
	p.at = end + 1
	if v.Name == "" || strings.Contains(v.Name, " ") {
		p.at = start
		p.fault(start)
		return v, false
	}
	if v.Alone = separator == '\n'; v.Alone {
		v.Value = document.Range{Start: start + len(v.Name), End: start + len(v.Name)}
		return v, true
	}
	for p.at < len(p.data) {
		r, size := utf8.DecodeRuneInString(p.data[p.at:])
		if !isBlank(r) {
			break
		}
		p.at += size
	}
	return v, true
}

// value reads from the first character of a value.
func (p *parser) value(v *Var) {
	if p.at < len(p.data) && (p.data[p.at] == '"' || p.data[p.at] == '\'') {
		if end := closingQuote(p.data, p.at); end > 0 {
			v.Quote = p.data[p.at]
			v.Value = document.Range{Start: p.at + 1, End: end}
			v.Text = p.data[v.Value.Start:v.Value.End]
			p.at = end + 1
			return
		}
		// docker compose refuses the file; what follows is read line by line.
		p.faults = append(p.faults, Fault{document.Range{Start: p.at, End: len(p.data)}})
	}
	end := p.lineEnd(p.at)
	text, _, _ := strings.Cut(p.data[p.at:end], " #")
	v.Text = strings.TrimRightFunc(text, unicode.IsSpace)
	v.Value = document.Range{Start: p.at, End: p.at + len(v.Text)}
	p.at = end
}

// fault notes what stands from start to the end of the line and goes behind it.
func (p *parser) fault(start int) {
	end := p.lineEnd(p.at)
	p.faults = append(p.faults, Fault{document.Range{Start: start, End: end}})
	p.at = end
}

func (p *parser) lineEnd(at int) int {
	if i := strings.IndexByte(p.data[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(p.data)
}

// closingQuote returns the quote that ends the value at open, which may stand on a later line,
// or -1.
func closingQuote(data string, open int) int {
	for i := open + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case data[open]:
			return i
		}
	}
	return -1
}

func startsWithBlank(s string) bool {
	return s != "" && strings.IndexByte("\t\n\f\r ", s[0]) >= 0
}

// isBlank is compose-go's isSpace: a space that is no line break.
func isBlank(r rune) bool {
	switch r {
	case '\t', '\v', '\f', '\r', ' ', 0x85, 0xA0:
		return true
	}
	return false
}

func isNameRune(r rune) bool {
	return strings.ContainsRune("_.-[]", r) || unicode.IsLetter(r) || unicode.IsNumber(r)
}

// ParseRaw reads the format raw of env_file, that of docker run --env-file: no quotes, no interpolation, comments on
// lines of their own only. See https://docs.docker.com/reference/compose-file/services/#format.
func ParseRaw(data []byte) ([]Var, []Fault) {
	var vars []Var
	var faults []Fault
	text := string(data)
	for at := len(data) - len(bytes.TrimPrefix(data, byteOrderMark)); at < len(text); {
		end, next := len(text), len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end, next = at+i, at+i+1
		}
		line := strings.TrimSuffix(text[at:end], "\r")
		start := at + len(line) - len(strings.TrimLeft(line, " \t"))
		line = strings.TrimLeft(line, " \t")
		at = next
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if name == "" || strings.ContainsAny(name, " \t") {
			faults = append(faults, Fault{document.Range{Start: start, End: start + len(line)}})
			continue
		}
		v := Var{Name: name, Text: value, Raw: true, Alone: !found}
		v.Value = document.Range{Start: start + len(line) - len(value), End: start + len(line)}
		vars = append(vars, v)
	}
	return vars, faults
}
