package lint

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/compose-secure/compose-secure/document"
	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/secret"
)

// source is the text of one file with its lines.
type source struct {
	*document.Text
	path    string      // as it is printed
	data    []byte      // of the text
	ignores []ignore    // comments that switch rules off
	hidden  []byteRange // what holds a value and is never printed
	values  *mask       // the texts of values, wherever else they stand
}

type byteRange struct{ start, end int }

func newSource(path string, data []byte) *source {
	s := &source{Text: document.New(data), path: path, data: data}
	s.ignores = findIgnores(s)
	return s
}

// scalar gives where bytes start..end of a YAML scalar's value stand in the
// source. A value of several lines is shown up to the end of its first.
func (s *source) scalar(n *yaml.Node, start, end int) byteRange {
	at := s.Offset(document.Pos{Line: n.Line, Column: n.Column})
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		at++
	}
	// Most scalars stand as they are.
	if from := at + start; at+len(n.Value) <= len(s.data) && n.Value[:end] == string(s.data[at:at+end]) {
		return byteRange{from, from + firstLineLen(n.Value[start:end])}
	}
	from, ok := s.align(at, n.Value, start)
	if !ok {
		return byteRange{at, s.LineEnd(at)}
	}
	to, last := from, s.LineEnd(from)
	for i := start; i < end && n.Value[i] != '\n' && to < len(s.data); i++ {
		if next, ok := s.align(to, n.Value[i:end], 0); ok && next <= last {
			to = next + 1
		}
	}
	return byteRange{from, to}
}

// below is what of n.Value[start:end] stands on the lines under the first of r, which is its range.
func (s *source) below(n *yaml.Node, r byteRange, start, end int) byteRange {
	value := strings.TrimRight(n.Value[start:end], " \t\n")
	if value == "" || r.end-r.start >= end-start { // it ends on its line
		return byteRange{}
	}
	last, ok := s.align(r.start, value, len(value)-1)
	from := s.LineEnd(r.start)
	if !ok || last < from {
		return byteRange{}
	}
	return byteRange{from, last + 1}
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

// hiddenLines are the texts of what is hidden, by line.
func (s *source) hiddenLines() map[int][]string {
	lines := map[int][]string{}
	for _, h := range s.hidden {
		for at := h.start; at < h.end; {
			line := s.Line(at)
			to := min(h.end, s.LineEnd(at))
			if text := strings.TrimSpace(string(s.data[at:max(at, to)])); text != "" {
				lines[line] = append(lines[line], text)
			}
			at = max(to, at) + 1
		}
	}
	return lines
}

// maxSnippet is how many bytes a line may have that is shown. Nobody reads a longer
// one, and it may stand there once for each of its findings.
const maxSnippet = 4 << 10

// snippet gives the line of r with every value on it replaced by a mark of
// fixed length, and where r then stands.
func (s *source) snippet(r byteRange) snippet {
	line := s.Line(r.start)
	from := s.LineStart(line)
	to := s.LineEnd(from)
	if to-from > maxSnippet {
		return snippet{line: "[long line]", end: 1}
	}
	if bytes.IndexByte(s.data[from:to], '\r') >= 0 { // lines to some readers, one value to Compose
		return snippet{line: "[line with carriage returns]", end: 1}
	}
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
	sn.line = secret.HideRest(out.String())
	if length := utf8.RuneCountInString(sn.line); sn.end > length { // the caret marks what is left
		sn.start, sn.end = min(sn.start, max(0, length-len(redacted))), length
	}
	return sn
}
