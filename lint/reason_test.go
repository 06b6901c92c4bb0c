package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReasons holds the table of reasons to one sentence for each kind, which names all that it is given.
func TestReasons(t *testing.T) {
	seen := map[string]bool{}
	for kind := range sentences {
		r := Because(ReasonKind(kind), "a1", "a2", "a3", "a4")
		text := r.String()
		if kind == 0 {
			if r.Given() || text != "" {
				t.Errorf("no reason says %q", text)
			}
			continue
		}
		if text == "" || strings.Contains(text, "%!") || seen[text] {
			t.Errorf("kind %d says %q", kind, text)
		}
		seen[text] = true
		for i := range sentences[kind].args {
			if !strings.Contains(text, "a"+string(rune('1'+i))) {
				t.Errorf("%q does not name argument %d", text, i+1)
			}
		}
	}
}

// TestReasonsAreUsed finds each kind where somebody gives it as a reason, and no reason that is made of a text.
func TestReasonsAreUsed(t *testing.T) {
	var code strings.Builder
	for _, pattern := range []string{"*.go", "../migrate/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") {
				code.Write(data)
			}
		}
	}
	table, err := os.ReadFile("reason.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+): +\{"`).FindAllSubmatch(table, -1) {
		if kind := string(m[1]); kind != "0" && !regexp.MustCompile(`Because\((lint\.)?`+kind+`\b`).MatchString(code.String()) {
			t.Errorf("nobody gives the reason %s", kind)
		}
	}
}
