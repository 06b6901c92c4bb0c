package secret_test

import (
	"testing"

	"github.com/compose-secure/compose-secure/secret"
)

func TestPrintable(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"plain":          {"compose.yaml:1:2: é ✓ 日本", "compose.yaml:1:2: é ✓ 日本"},
		"escape":         {"a\x1b[31mb", `a\u001b[31mb`},
		"newline":        {"a\nb\r\tc", `a\u000ab\u000d\u0009c`},
		"C1":             {"a\u009b31m", `a\u009b31m`},
		"a raw C1 byte":  {"a\x9b31m", `a\x9b31m`},
		"bidi":           {"a\u202eb\u2066c\u200fd", `a\u202eb\u2066c\u200fd`},
		"line separator": {"a\u2028b", `a\u2028b`},
		"delete":         {"a\x7f", `a\u007f`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := secret.Printable(c.text); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
