package lint

import "testing"

// TestDockerignore reads patterns as the builder does, which stops at one that it cannot read.
func TestDockerignore(t *testing.T) {
	for _, c := range []struct {
		patterns, path string
		out            bool
	}{
		{"secret", "secret", true},
		{"./secret", "secret", true},
		{"/secret", "secret", true},
		{" secret ", "secret", true},
		{"a/../secret", "secret", true},
		{"a//secret", "a/secret", true},
		{"\uFEFFsecret", "secret", true},
		{"secret", "a/secret", false},
		{"**/secret", "a/secret", true},
		{"a", "a/secret", true},
		{"a/", "a/secret", true},
		{"*\n!a/secret", "a/secret", false},
		{"!secret\nsecret", "secret", true},
		{"# secret", "secret", false},
		{"secret\n!", "secret", false},
		{"secret\n[a-", "secret", false},
		{"../secret", "../secret", false},
	} {
		if out := parseDockerignore([]byte(c.patterns), "/c").leavesOut("/c/" + c.path); out != c.out {
			t.Errorf("%q leaves %q out: %t", c.patterns, c.path, out)
		}
	}
}
