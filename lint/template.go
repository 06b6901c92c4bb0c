package lint

import (
	"strings"

	"github.com/compose-secure/compose-secure/secret"
)

// expanded is a value with its variables seen through: a default stands as
// text, a variable without one is a secret.Hole.
type expanded struct {
	text     string
	origin   []int // offset in the raw value of every byte of text; nil: the same
	defaults []fallback
	open     []string // variables without default
}

// fallback is the literal of ${NAME:-literal} at text[start:end].
type fallback struct {
	name       string
	start, end int
}

// at gives the raw offset of text[i].
func (e *expanded) at(i int) int {
	switch {
	case e.origin == nil:
		return i
	case len(e.origin) == 0:
		return 0
	case i >= len(e.origin):
		return e.origin[len(e.origin)-1] + 1
	}
	return e.origin[i]
}

// raw gives the raw range of text[start:end].
func (e *expanded) raw(start, end int) (int, int) {
	if end <= start {
		return e.at(start), e.at(start)
	}
	return e.at(start), e.at(end-1) + 1
}

// expand reads the interpolation of Compose, or that of a shell, where $$ is
// no escape. See https://docs.docker.com/reference/compose-file/interpolation/.
func expand(raw string, shell bool) expanded {
	if !shell { // else it is what another call has expanded, with its holes
		raw = secret.WithoutHoles(raw)
	}
	if strings.IndexByte(raw, '$') < 0 {
		return expanded{text: raw}
	}
	x := expander{raw: raw, shell: shell}
	return x.run()
}

// evaluate interpolates raw as Compose does when env holds every variable that
// is set; others stand as a hole with their name.
func evaluate(raw string, env map[string]string) string {
	x := expander{raw: secret.WithoutHoles(raw), env: env, named: true}
	return x.run().text
}

func (x *expander) run() expanded {
	x.read(0, len(x.raw), 0)
	x.out.origin = x.origin
	if x.out.origin == nil {
		x.out.origin = []int{}
	}
	x.out.text = x.text.String()
	return x.out
}

type expander struct {
	raw     string
	shell   bool
	text    strings.Builder
	origin  []int
	out     expanded
	env     map[string]string // variables that are set
	named   bool              // holes carry the name
	closing []int             // for every {, where its } is; 0: nowhere
}

func (x *expander) put(at int, s string) {
	x.text.WriteString(s)
	for i := range len(s) {
		x.origin = append(x.origin, min(at+i, len(x.raw)-1))
	}
}

// maxNesting bounds ${A:-${B:-...}}; what is deeper is taken as text.
const maxNesting = 16

func (x *expander) read(i, end, depth int) {
	for i < end {
		if x.raw[i] != '$' || i+1 >= end {
			x.text.WriteByte(x.raw[i])
			x.origin = append(x.origin, i)
			i++
			continue
		}
		switch next := x.raw[i+1]; {
		case next == '$' && !x.shell:
			x.put(i, "$")
			i += 2
		case next == '{' && depth < maxNesting:
			i = x.braced(i, end, depth)
		case isNameByte(next) && (next < '0' || next > '9'):
			n := i + 1
			for n < end && isNameByte(x.raw[n]) {
				n++
			}
			x.hole(i, x.raw[i+1:n])
			i = n
		default:
			x.put(i, "$")
			i++
		}
	}
}

// braced reads ${NAME}, ${NAME:-default} and so on from i, and gives where it ends.
func (x *expander) braced(i, end, depth int) int {
	n := i + 2
	for n < end && isNameByte(x.raw[n]) {
		n++
	}
	name := x.raw[i+2 : n]
	if x.closing == nil {
		x.closing = closingBraces(x.raw)
	}
	close := x.closing[i+1]
	if name == "" || close == 0 || close >= end {
		x.put(i, x.raw[i:i+1])
		return i + 1
	}
	op := x.raw[n:close]
	if value, ok := x.env[name]; ok {
		switch {
		case strings.HasPrefix(op, "+"), strings.HasPrefix(op, ":+") && value != "":
			x.read(n+strings.IndexByte(op, '+')+1, close, depth+1)
			return close + 1
		case !strings.HasPrefix(op, ":-") || value != "":
			if !strings.HasPrefix(op, ":+") {
				x.put(i, value)
			}
			return close + 1
		}
	}
	start := n + 1
	if strings.HasPrefix(op, ":") {
		start++
		op = op[1:]
	}
	if start > n+1 && op != "" && strings.IndexByte("-+=?", op[0]) < 0 {
		start-- // ${NAME:text} is a mistake; text was meant as the default
	} else if op == "" || strings.IndexByte("-+=", op[0]) < 0 || start >= close {
		x.hole(i, name)
		return close + 1
	}
	from := x.text.Len()
	x.read(start, close, depth+1)
	if x.text.Len() > from {
		x.out.defaults = append(x.out.defaults, fallback{name, from, x.text.Len()})
	}
	return close + 1
}

func (x *expander) hole(at int, name string) {
	if value, ok := x.env[name]; ok {
		x.put(at, value)
		return
	}
	x.put(at, secret.Hole)
	if x.named {
		x.put(at, name+secret.Hole)
	}
	x.out.open = append(x.out.open, name)
}

// closingBraces gives, for every { of s, the place of the } that belongs to it,
// or 0.
func closingBraces(s string) []int {
	closing := make([]int, len(s))
	var open []int
	for i := range len(s) {
		switch s[i] {
		case '{':
			open = append(open, i)
		case '}':
			if n := len(open); n > 0 {
				closing[open[n-1]] = i
				open = open[:n-1]
			}
		}
	}
	return closing
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
