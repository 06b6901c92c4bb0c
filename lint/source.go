package lint

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// source is the text of one file with its lines.
type source struct {
	path    string // as it is printed
	data    []byte
	starts  []int       // offset of every line
	ignores []ignore    // comments that switch rules off
	hidden  []byteRange // what holds a value and is never printed
	values  *mask       // the texts of values, wherever else they stand
}

type byteRange struct{ start, end int }

func newSource(path string, data []byte) *source {
	s := &source{path: path, data: data, starts: make([]int, 1, bytes.Count(data, []byte{'\n'})+1)}
	for i, c := range data {
		if c == '\n' {
			s.starts = append(s.starts, i+1)
		}
	}
	s.ignores = findIgnores(s)
	return s
}

// line gives the 1-based line of an offset.
func (s *source) line(offset int) int {
	return sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > offset })
}

// position gives the 1-based line and column, in characters, of an offset.
func (s *source) position(offset int) (line, column int) {
	offset = min(max(offset, 0), len(s.data))
	line = s.line(offset)
	return line, utf8.RuneCount(s.data[s.starts[line-1]:offset]) + 1
}

// offset is the reverse of position; what lies outside is clamped.
func (s *source) offset(line, column int) int {
	if line < 1 {
		return 0
	}
	if line > len(s.starts) {
		return len(s.data)
	}
	at := s.starts[line-1]
	for ; column > 1 && at < len(s.data) && s.data[at] != '\n'; column-- {
		_, n := utf8.DecodeRune(s.data[at:])
		at += n
	}
	return at
}

// text gives a line without its end.
func (s *source) text(line int) string {
	end := len(s.data)
	if line < len(s.starts) {
		end = s.starts[line]
	}
	return strings.TrimRight(string(s.data[s.starts[line-1]:end]), "\r\n")
}

// scalar gives where bytes start..end of a YAML scalar's value stand in the
// source. A value of several lines is shown up to the end of its first.
func (s *source) scalar(n *yaml.Node, start, end int) byteRange {
	at := s.offset(n.Line, n.Column)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		at++
	}
	// Most scalars stand as they are.
	if from := at + start; at+len(n.Value) <= len(s.data) && n.Value[:end] == string(s.data[at:at+end]) {
		return byteRange{from, from + firstLineLen(n.Value[start:end])}
	}
	from, ok := s.align(at, n.Value, start)
	if !ok {
		return byteRange{at, s.lineEnd(at)}
	}
	to := from
	for i := start; i < end && n.Value[i] != '\n' && to < len(s.data); i++ {
		if next, ok := s.align(to, n.Value[i:end], 0); ok && next <= s.lineEnd(from) {
			to = next + 1
		}
	}
	return byteRange{from, to}
}

func firstLineLen(v string) int {
	if i := strings.IndexByte(v, '\n'); i >= 0 {
		return i
	}
	return len(v)
}

// align walks value and source side by side, from at, to where value[want]
// stands. Blanks are passed over on both sides, since folding and indentation
// change them; what the source has in addition is an escape.
func (s *source) align(at int, value string, want int) (int, bool) {
	const longestEscape = 12
	for i := 0; i < len(value); i++ {
		if c := value[i]; c == ' ' || c == '\n' || c == '\t' {
			if i == want {
				want++
			}
			continue
		}
		for other := 0; ; at++ {
			if at >= len(s.data) || other > longestEscape {
				return 0, false
			}
			if s.data[at] == value[i] {
				break
			}
			if strings.IndexByte(" \n\r\t", s.data[at]) < 0 {
				other++
			}
		}
		if i >= want {
			return at, true
		}
		at++
	}
	return at, want >= len(value)
}

func (s *source) lineEnd(at int) int {
	at = min(at, len(s.data)) // a lone CR counts as a line break for YAML, not here
	if i := bytes.IndexByte(s.data[at:], '\n'); i >= 0 {
		return at + len(bytes.TrimRight(s.data[at:at+i], "\r"))
	}
	return len(s.data)
}

// snippet is a line of the source as it may be shown.
type snippet struct {
	line       string
	start, end int // of the caret, in characters
}

const redacted = "[redacted]"

// sortHidden has to come before the first snippet. Ranges that touch become
// one, so that starts and ends are both in order.
func (s *source) sortHidden() {
	sort.Slice(s.hidden, func(i, j int) bool { return s.hidden[i].start < s.hidden[j].start })
	merged := s.hidden[:0]
	for _, h := range s.hidden {
		if n := len(merged); n > 0 && h.start < merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, h.end)
			continue
		}
		merged = append(merged, h)
	}
	s.hidden = merged
}

// snippet gives the line of r with every value on it replaced by a mark of
// fixed length, and where r then stands.
func (s *source) snippet(r byteRange) snippet {
	line := s.line(r.start)
	from := s.starts[line-1]
	to := s.lineEnd(from)
	at := sort.Search(len(s.hidden), func(i int) bool { return s.hidden[i].end > from })
	hidden := make([]byteRange, 0, 2)
	for ; at < len(s.hidden) && s.hidden[at].start < to; at++ {
		if h := s.hidden[at]; h.end > h.start {
			hidden = append(hidden, byteRange{max(h.start, from), min(h.end, to)})
		}
	}
	var out strings.Builder
	col := func() int { return utf8.RuneCountInString(out.String()) }
	shown, sn := from, snippet{start: -1}
	for _, h := range hidden {
		if h.end <= shown {
			continue
		}
		h.start = max(h.start, shown)
		if sn.start < 0 && r.start <= h.start {
			sn.start = col() + utf8.RuneCountInString(s.values.hide(s.data[shown:max(r.start, shown)]))
		}
		out.WriteString(s.values.hide(s.data[shown:h.start]))
		if sn.start < 0 && r.start < h.end {
			sn.start = col()
		}
		out.WriteString(redacted)
		shown = h.end
		if sn.start >= 0 && sn.end == 0 && r.end <= h.end {
			sn.end = col()
		}
	}
	if sn.start < 0 {
		sn.start = col() + utf8.RuneCountInString(s.values.hide(s.data[shown:max(r.start, shown)]))
	}
	if sn.end == 0 {
		sn.end = col() + utf8.RuneCountInString(s.values.hide(s.data[shown:max(shown, min(r.end, to))]))
	}
	out.WriteString(s.values.hide(s.data[shown:to]))
	sn.line = out.String()
	return sn
}
