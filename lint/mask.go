package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document"
)

// maxMask is how many bytes of values a mask looks for. A file with more of
// them has no line that is worth showing.
const maxMask = 256 << 10

// mask replaces the texts of values wherever they stand.
type mask struct {
	long  *document.Finder // nil without any
	short map[string]bool  // that count as a word of their own alone, or nothing would be left to read
	all   bool             // everything is replaced
}

func newMask(s *source, values []byteRange) *mask {
	const short = 4
	m := &mask{short: map[string]bool{}}
	texts, size := map[string]bool{}, 0
	for _, r := range values {
		switch text := strings.TrimSpace(string(s.data[r.start:max(r.start, min(r.end, s.LineEnd(r.start)))])); {
		case len(text) >= short && !texts[text]:
			texts[text] = true
			size += len(text)
		case text != "" && len(text) < short:
			m.short[text] = true
		}
		if m.all = size > maxMask; m.all {
			return m
		}
	}
	if len(texts) > 0 {
		m.long = document.NewFinder(slices.Collect(maps.Keys(texts)))
	}
	return m
}

func (m *mask) hide(text []byte) string {
	s := string(text)
	switch {
	case m == nil || s == "":
		return s
	case m.all:
		return redacted
	case m.long != nil:
		s = replaceRanges(s, m.long.Find(s))
	}
	if len(m.short) == 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		n := i
		for n < len(s) && isNameByte(s[n]) {
			n++
		}
		switch word := s[i:n]; {
		case n == i:
			b.WriteByte(s[i])
			n++
		case m.short[word]:
			b.WriteString(redacted)
		default:
			b.WriteString(word)
		}
		i = n
	}
	return b.String()
}

func replaceRanges(s string, found []document.Range) string {
	if len(found) == 0 {
		return s
	}
	var b strings.Builder
	at := 0
	for _, r := range found {
		b.WriteString(s[at:r.Start] + redacted)
		at = r.End
	}
	return b.String() + s[at:]
}
