// Package document is the text of a file with the places in it: offsets in
// bytes, lines and columns as editors count them, and edits. It knows no format
// and opens no file.
package document

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"sort"
	"unicode/utf8"
)

// Pos is a place in a file as editors and compilers count it: both are 1-based,
// Column counts characters, not bytes.
type Pos struct{ Line, Column int }

// Range is the bytes Start..End of a file, End excluded.
type Range struct{ Start, End int }

// Text is the bytes of one file with an index of its lines. A line ends with
// LF; a CR before it belongs to the line break, and a CR alone is no line break.
type Text struct {
	data   []byte
	starts []int // offset of every line
	// marks are offsets in lines that are long, by line: of every markth character.
	marks map[int][]int
}

// mark is how many characters of a long line are counted at most to find a place in it.
const mark = 1 << 10

// New indexes data, which the caller no longer changes.
func New(data []byte) *Text {
	t := &Text{data: data, starts: make([]int, 1, bytes.Count(data, []byte{'\n'})+1)}
	for i, c := range data {
		if c == '\n' {
			t.starts = append(t.starts, i+1)
		}
	}
	for line := 1; line <= len(t.starts); line++ {
		if start, end := t.starts[line-1], t.LineStart(line+1); end-start > 4*mark {
			t.markLine(line, start, end)
		}
	}
	return t
}

func (t *Text) markLine(line, start, end int) {
	if t.marks == nil {
		t.marks = map[int][]int{}
	}
	var list []int
	for at, n := start, 0; at < end; n++ {
		if n%mark == 0 {
			list = append(list, at)
		}
		_, size := utf8.DecodeRune(t.data[at:])
		at += size
	}
	t.marks[line] = list
}

// Bytes returns the whole text.
func (t *Text) Bytes() []byte { return t.data }

// Lines returns the number of lines; behind a last line break an empty one counts.
func (t *Text) Lines() int { return len(t.starts) }

// Line returns the 1-based line of an offset.
func (t *Text) Line(offset int) int {
	return sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > offset })
}

// LineStart returns the offset of a 1-based line, or of the end of the text
// for a line that follows the last.
func (t *Text) LineStart(line int) int {
	switch {
	case line < 1:
		return 0
	case line > len(t.starts):
		return len(t.data)
	}
	return t.starts[line-1]
}

// LineEnd returns the end of the line that offset lies on, before its line break.
func (t *Text) LineEnd(offset int) int {
	offset = min(max(offset, 0), len(t.data))
	i := bytes.IndexByte(t.data[offset:], '\n')
	if i < 0 {
		return len(t.data)
	}
	return offset + len(bytes.TrimRight(t.data[offset:offset+i], "\r"))
}

// LineText returns a 1-based line without its line break, "" for one that is
// not there.
func (t *Text) LineText(line int) string {
	if line < 1 || line > len(t.starts) {
		return ""
	}
	return string(bytes.TrimRight(t.data[t.starts[line-1]:t.LineStart(line+1)], "\r\n"))
}

// Pos returns the place of an offset; what lies outside is clamped.
func (t *Text) Pos(offset int) Pos {
	offset = min(max(offset, 0), len(t.data))
	line := t.Line(offset)
	from, column := t.starts[line-1], 1
	if list := t.marks[line]; list != nil {
		i := sort.Search(len(list), func(i int) bool { return list[i] > offset }) - 1
		from, column = list[i], i*mark+1
	}
	return Pos{line, utf8.RuneCount(t.data[from:offset]) + column}
}

// Offset is the reverse of [Text.Pos]: a line before the first is the start of the
// text, one behind the last its end, and a column behind the end of its line the line break.
func (t *Text) Offset(p Pos) int {
	if p.Line < 1 || p.Line > len(t.starts) {
		return t.LineStart(p.Line)
	}
	at, column := t.starts[p.Line-1], p.Column
	if list := t.marks[p.Line]; list != nil && column > 1 {
		i := min((column-1)/mark, len(list)-1)
		at, column = list[i], column-i*mark
	}
	for ; column > 1 && at < len(t.data) && t.data[at] != '\n'; column-- {
		_, size := utf8.DecodeRune(t.data[at:])
		at += size
	}
	return at
}

// Newline returns the line break that the text uses: that of its first line, LF
// for a text of one line.
func (t *Text) Newline() string {
	if i := bytes.IndexByte(t.data, '\n'); i > 0 && t.data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// Edit replaces the bytes of its range. Order sorts inserts at the same place.
type Edit struct {
	Range
	Text  string
	Order int
}

// Sort puts edits into the order of their places; those at one place and of one
// Order keep theirs.
func Sort(edits []Edit) {
	slices.SortStableFunc(edits, func(a, b Edit) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), cmp.Compare(a.Order, b.Order))
	})
}

// errOverlap names no place: the text may be a secret.
var errOverlap = errors.New("two edits fall on the same place")

// Splice returns a copy of data with the edits made. It sorts edits, and returns an
// error when two overlap or one lies outside.
func Splice(data []byte, edits []Edit) ([]byte, error) {
	Sort(edits)
	out := make([]byte, 0, len(data)+64*len(edits))
	at := 0
	for _, e := range edits {
		if e.Start < at || e.End < e.Start || e.End > len(data) {
			return nil, errOverlap
		}
		out = append(append(out, data[at:e.Start]...), e.Text...)
		at = e.End
	}
	return append(out, data[at:]...), nil
}
