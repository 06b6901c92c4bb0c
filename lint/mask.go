package lint

import (
	"slices"
	"strings"
)

// mask replaces the texts of values wherever they stand.
type mask struct {
	long  *strings.Replacer
	short map[string]bool // that count as a word of their own alone, or nothing would be left to read
}

func newMask(s *source, values []byteRange) *mask {
	const short = 4
	m := &mask{short: map[string]bool{}}
	var texts []string
	for _, r := range values {
		switch text := strings.TrimSpace(string(s.data[r.start:max(r.start, min(r.end, s.LineEnd(r.start)))])); {
		case len(text) >= short:
			texts = append(texts, text)
		case text != "":
			m.short[text] = true
		}
	}
	if len(texts) > 0 { // the longest that fits counts
		slices.SortFunc(texts, func(a, b string) int { return len(b) - len(a) })
		var pairs []string
		for _, t := range texts {
			pairs = append(pairs, t, redacted)
		}
		m.long = strings.NewReplacer(pairs...)
	}
	return m
}

func (m *mask) hide(text []byte) string {
	s := string(text)
	if m == nil {
		return s
	}
	if m.long != nil {
		s = m.long.Replace(s)
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
