package source

import (
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

// FuzzLookup finds a key in a file of each format.
func FuzzLookup(f *testing.F) {
	f.Add([]byte("a: &a {b: [x, *a]}\n"), "a/b/0")
	f.Add([]byte(`{"a": {"b": [1, null, true]}}`), "a/b/2")
	f.Add([]byte("export A='b'\nB=${A:-${C}}\n"), "B")
	f.Add([]byte("x: &x [*x, *x, *x]\n"), "x/0/0/0/0")
	f.Fuzz(func(t *testing.T, data []byte, key string) {
		cputime.Limit(t, len(data)+len(key), func() {
			for _, name := range []string{"a.yaml", "a.json", ".env"} {
				_, _ = lookup(name, data, strings.Split(key, "/"))
			}
		})
	})
}
