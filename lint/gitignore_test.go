package lint

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestIgnorePatterns(t *testing.T) {
	tests := []struct {
		pattern, path string
		dir, want     bool
	}{
		{"/a/b", "/a/b", false, true},
		{"/a/b", "/a/b/c", false, true},
		{"/a/b", "/x/a/b", false, false},
		{"a", "/x/a/y", false, true},
		{"a/", "/x/a", false, false},
		{"a/", "/x/a", true, true},
		{"a/", "/x/a/y", false, true},
		{"a/**", "/a", true, false},
		{"a/**", "/a/b/c", false, true},
		{"**/a/b", "/a/b", false, true},
		{"**/a/b", "/x/y/a/b/z", false, true},
		{"a/**/b", "/a/b", false, true},
		{"a/**/b", "/a/x/y/b", false, true},
		{"a/**/b", "/a/x/y/c", false, false},
		{"a/*/b", "/a/x/y/b", false, false},
		{"/**", "/a", false, true},
	}
	for _, tt := range tests {
		if got := matchIgnore(parseIgnore([]byte(tt.pattern), "/"), tt.path, tt.dir); got != tt.want {
			t.Errorf("%s of %s is %v", tt.pattern, tt.path, got)
		}
	}
}

// TestIgnoreCost: a pattern that somebody else wrote costs no more than it is long.
func TestIgnoreCost(t *testing.T) {
	p := parseIgnore([]byte(strings.Repeat("**/a/", 16)+"b"), "/")
	done := make(chan bool, 1)
	go func() { done <- matchIgnore(p, filepath.Join("/", strings.Repeat("a/", 500), "c"), false) }()
	select {
	case got := <-done:
		if got {
			t.Error("it matches")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
}
