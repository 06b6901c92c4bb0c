package lint

import "strings"

// shellWord is one word of a command line after quote removal.
type shellWord struct {
	text   string
	node   int   // which scalar of a list it came from
	origin []int // offset in the raw scalar of every byte of text
	end    bool  // a simple command ends behind it
	piped  bool  // what the command prints goes to another one
	script bool  // it holds blanks and may be a script of its own
}

// at gives the raw range of text[start:end].
func (w *shellWord) at(start, end int) (int, int) {
	if len(w.origin) == 0 {
		return 0, 0
	}
	if end <= start {
		return w.origin[min(start, len(w.origin)-1)], w.origin[min(start, len(w.origin)-1)]
	}
	return w.origin[start], w.origin[end-1] + 1
}

// splitShell cuts text into words as a POSIX shell does, without expanding
// anything; what may stand at byte i of text comes from origin[i].
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_03
func splitShell(text string, origin []int, node int) []shellWord {
	s := splitter{text: text, from: origin, node: node}
	for s.i < len(text) {
		s.step()
	}
	s.flush()
	return s.words
}

type splitter struct {
	text   string
	from   []int
	node   int
	i      int
	word   []byte
	origin []int
	open   bool // a word has begun, be it empty
	script bool
	words  []shellWord
}

func (s *splitter) add(i int) {
	s.open = true
	s.word = append(s.word, s.text[i])
	if s.text[i] == ' ' || s.text[i] == '\n' {
		s.script = true
	}
	at := i
	if s.from != nil {
		at = s.from[i]
	}
	s.origin = append(s.origin, at)
}

func (s *splitter) flush() {
	if s.open {
		s.words = append(s.words, shellWord{text: string(s.word), node: s.node, origin: s.origin, script: s.script})
	}
	s.word, s.origin, s.open, s.script = nil, nil, false, false
}

func (s *splitter) step() {
	c := s.text[s.i]
	switch c {
	case ' ', '\t', '\r':
		s.flush()
	case '\n', ';', '|', '&', '(', ')':
		// A parenthesis behind $ or inside a word is no subshell.
		if (c == '(' || c == ')') && (s.open || c == ')') {
			s.add(s.i)
			break
		}
		s.flush()
		if len(s.words) > 0 {
			last := &s.words[len(s.words)-1]
			last.piped = last.piped || c == '|' && !last.end && !strings.HasPrefix(s.text[s.i+1:], "|")
			last.end = true
		}
	case '#':
		if s.open {
			s.add(s.i)
			break
		}
		if n := strings.IndexByte(s.text[s.i:], '\n'); n >= 0 {
			s.i += n - 1
		} else {
			s.i = len(s.text)
		}
	case '\\':
		if s.i+1 < len(s.text) {
			s.i++
			// YAML folds the line break behind a backslash to a blank.
			if c := s.text[s.i]; c != '\n' && (c != ' ' || s.open) {
				s.add(s.i)
			}
		}
	case '\'', '"':
		s.quoted(c)
	default:
		s.add(s.i)
	}
	s.i++
}

func (s *splitter) quoted(quote byte) {
	s.open = true
	for s.i++; s.i < len(s.text) && s.text[s.i] != quote; s.i++ {
		if quote == '"' && s.text[s.i] == '\\' && s.i+1 < len(s.text) && strings.IndexByte("\"\\$`", s.text[s.i+1]) >= 0 {
			s.i++
		}
		s.add(s.i)
	}
}
