package secret

import (
	"crypto/rand"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

// Input is one value that a project draws on: either already Known or named
// by a Ref that is resolved later.
type Input struct {
	Name   string // the variable that carried it, "" for a literal or a reference in the file
	Origin string // where a person finds it: "environment", "secrets.enc.env", ...
	Ref    *Ref   // nil when Known is set
	Known  Value
	// Literal says that the value is a literal of the compose file: that of ${NAME:-literal}, or with no Name an argument.
	Literal bool
}

// Inputs hands out opaque placeholders for values that must not enter a
// model. A placeholder is made of a-z and 0-9 only, so that it survives YAML,
// URLs and image names, and is random per Inputs, so that no text of a user
// can be taken for one. The number of an input stands between the prefix and a
// terminator, so that no placeholder is the start of another however many there
// are. Not safe for concurrent use.
type Inputs struct {
	prefix string
	list   []Input
	index  map[inputKey][]int
	seed   maphash.Seed
}

// inputKey finds inputs that may be equal. It stays in memory.
type inputKey struct {
	name string // or reference
	sum  uint64 // of the known value, so that many values of one name are told apart fast
}

// tokenEnd ends the number of a placeholder; it is no digit.
const tokenEnd = "z"

// NewInputs returns an empty set with a fresh random prefix.
func NewInputs() *Inputs {
	return &Inputs{prefix: "csec" + strings.ToLower(rand.Text()), index: map[inputKey][]int{}, seed: maphash.MakeSeed()}
}

// Placeholder returns the token for in. Equal inputs (the same reference, or
// the same name with the same value) share one token.
func (s *Inputs) Placeholder(in Input) string {
	var key inputKey
	switch {
	case in.Ref != nil:
		key.name = "r:" + in.Ref.ID()
	case in.Literal:
		key = inputKey{"d:" + in.Name, maphash.Bytes(s.seed, in.Known.Reveal())}
	default:
		key = inputKey{"n:" + in.Name, maphash.Bytes(s.seed, in.Known.Reveal())}
	}
	for _, i := range s.index[key] {
		if in.Ref != nil || s.list[i].Known.Equal(in.Known) {
			return s.token(i)
		}
	}
	s.list = append(s.list, in)
	s.index[key] = append(s.index[key], len(s.list)-1)
	return s.token(len(s.list) - 1)
}

func (s *Inputs) token(i int) string {
	return s.prefix + strconv.Itoa(i) + tokenEnd
}

// All are the inputs in the order in which their placeholders were made.
func (s *Inputs) All() []Input { return slices.Clone(s.list) }

// Has reports whether text holds a placeholder of s.
func (s *Inputs) Has(text string) bool { return strings.Contains(text, s.prefix) }

// Paths returns the paths of the inputs that are references to files.
func (s *Inputs) Paths() []string {
	var paths []string
	for i := range s.list {
		if ref := s.list[i].Ref; ref != nil && ref.File() != "" {
			paths = append(paths, ref.File())
		}
	}
	return paths
}

// Prefix is what every placeholder of s starts with.
func (s *Inputs) Prefix() string { return s.prefix }

// Part is a piece of a value: literal text, or an input.
type Part struct {
	Literal Value
	Input   *Input // nil for literal text
}

// Split takes text apart at its placeholders. Text without one gives one literal part. A literal input is
// literal text.
func (s *Inputs) Split(text string) []Part {
	var parts []Part
	literal := func(b []byte) {
		if n := len(parts) - 1; n >= 0 && parts[n].Input == nil {
			b = slices.Concat(parts[n].Literal.Reveal(), b)
			parts = parts[:n]
		}
		parts = append(parts, Part{Literal: NewValue(b)})
	}
	s.walk(text,
		func(lit string) { literal([]byte(lit)) },
		func(in *Input) {
			if in.Literal {
				literal(in.Known.Reveal())
			} else {
				parts = append(parts, Part{Input: in})
			}
		})
	return parts
}

// Redact replaces each placeholder in text by ${NAME}, for people to read.
func (s *Inputs) Redact(text string) string { return s.Expand(text, (*Input).String) }

// Expand replaces each placeholder in text by what with returns for its input.
func (s *Inputs) Expand(text string, with func(*Input) string) string {
	if !s.Has(text) {
		return text
	}
	var b strings.Builder
	s.walk(text,
		func(lit string) { b.WriteString(lit) },
		func(in *Input) { b.WriteString(with(in)) })
	return b.String()
}

// Find lists the inputs whose placeholders text holds, in order.
func (s *Inputs) Find(text string) []*Input {
	var found []*Input
	s.walk(text, func(string) {}, func(in *Input) { found = append(found, in) })
	return found
}

// walk calls literal and input for the pieces of text, in order. A prefix that no
// input of s goes with is literal text.
func (s *Inputs) walk(text string, literal func(string), input func(*Input)) {
	shown := 0 // where the piece that is not passed on yet starts
	for at := 0; ; {
		i := strings.Index(text[at:], s.prefix)
		if i < 0 {
			break
		}
		from := at + i
		at = from + len(s.prefix)
		n, size := s.number(text[at:])
		if size == 0 {
			continue
		}
		if from > shown {
			literal(text[shown:from])
		}
		input(&s.list[n])
		at += size
		shown = at
	}
	if shown < len(text) {
		literal(text[shown:])
	}
}

// number reads the number of an input and the terminator that text starts with.
// Its size is 0 when text does not start with those of an input of s.
func (s *Inputs) number(text string) (n, size int) {
	digits := 0
	for digits < len(text) && '0' <= text[digits] && text[digits] <= '9' {
		digits++
	}
	n, err := strconv.Atoi(text[:digits])
	if err != nil || n >= len(s.list) || !strings.HasPrefix(text[digits:], tokenEnd) {
		return 0, 0
	}
	return n, digits + len(tokenEnd)
}

// String names the input as a person wrote it; it holds no value.
func (in *Input) String() string {
	switch {
	case in.Name != "":
		return "${" + in.Name + "}"
	case in.Ref != nil:
		return in.Ref.String()
	default:
		return Redacted
	}
}
