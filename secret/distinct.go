package secret

import (
	"strings"
	"unicode"
)

// IsDistinct reports whether a text is one that stands in two places only when it means the same in both: it is long, and
// not a single word.
func IsDistinct(text string) bool {
	const long = 8 // bytes
	word := func(text string) bool {
		return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) && (text[1:] == strings.ToLower(text[1:]) || text == strings.ToUpper(text))
	}
	return len(text) >= long && !word(text)
}
