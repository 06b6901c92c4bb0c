package secret

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is text in a form that stays on its line and cannot command a terminal: control characters, C1 ones
// among them, those that change the direction of writing, and bytes that are no UTF-8 are written as escapes.
// Names of files, keys and variables go through it before a person sees them.
func Printable(text string) string {
	if !strings.ContainsFunc(text, commands) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch _, size := utf8.DecodeRuneInString(text[i:]); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case commands(r) && r != utf8.RuneError:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// commands reports whether a terminal may take r for more than a character. U+FFFD, which a range over bytes
// that are no UTF-8 gives, is among them.
func commands(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}
