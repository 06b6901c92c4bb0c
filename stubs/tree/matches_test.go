package tree

import (
	"testing"

	"github.com/compose-spec/compose-go/v2/tree"
)

// FuzzMatches compares with the original.
func FuzzMatches(f *testing.F) {
	for _, path := range []string{"", ".", "*", "a", "a.b", "services.db.environment.X", "services.db", "services..x", "services.db.", ".services.db", "[]", "a.[].b"} {
		for _, pattern := range []string{"", ".", "*", "*.*", "a", "a.*", "services.*.environment.X", "services.*", "services.*.*", "services.db.", "*.services.db", "[]", "a.[].b"} {
			f.Add(path, pattern)
		}
	}
	f.Fuzz(func(t *testing.T, path, pattern string) {
		if want := tree.Path(path).Matches(tree.Path(pattern)); matches(path, pattern) != want {
			t.Errorf("matches(%q, %q) = %t, want %t", path, pattern, !want, want)
		}
	})
}
