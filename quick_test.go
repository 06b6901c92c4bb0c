package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestQuick holds what make quick leaves out to be tests and packages that exist, and the targets that run everything to
// leave nothing out.
func TestQuick(t *testing.T) {
	data, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "\\\n", " ")
	list := func(name string) []string {
		found := regexp.MustCompile(`(?m)^` + name + ` = (.*)$`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("the Makefile has no %s", name)
		}
		return strings.Fields(found[1])
	}
	tests := map[string]bool{}
	for name := range testNames(t) {
		_, name, _ = strings.Cut(name, ".")
		tests[name] = true
	}
	for _, name := range list("QUICK_WITHOUT") {
		if !tests[name] {
			t.Errorf("make quick leaves out %s, which is no test", name)
		}
	}
	for _, dir := range list("QUICK_WITHOUT_PACKAGES") {
		if files, err := filepath.Glob(filepath.Join(dir, "*_test.go")); err != nil || len(files) == 0 {
			t.Errorf("make quick leaves out %s, which has no tests (%v)", dir, err)
		}
	}
	if n := strings.Count(text, "-skip"); n != 1 {
		t.Errorf("%d lines of the Makefile leave tests out, want that of quick alone", n)
	}
}
