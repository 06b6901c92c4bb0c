package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestDecisions holds each file of docs/adr to one form, and the list in its README.md to the files.
func TestDecisions(t *testing.T) {
	list, err := os.ReadFile("docs/adr/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("docs/adr/[0-9]*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d decisions, %v", len(files), err)
	}
	var want []string
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		digits, _, _ := strings.Cut(name, "-")
		number, err := strconv.Atoi(digits)
		if err != nil || len(digits) != 4 {
			t.Errorf("%s: its name does not begin with a number of four digits", path)
		}
		heading, body, _ := strings.Cut(string(text), "\n")
		title, found := strings.CutPrefix(heading, fmt.Sprintf("# %d. ", number))
		if !found {
			t.Errorf("%s: its first line is %q, want # %d. and a title", path, heading, number)
		}
		at := 0
		for _, section := range []string{"Context", "Decision", "Alternatives", "How we would notice that it is wrong"} {
			next := strings.Index(body[at:], "\n## "+section+"\n")
			if next < 0 {
				t.Errorf("%s: no section %q where it belongs", path, section)
				continue
			}
			at += next
		}
		want = append(want, fmt.Sprintf("- [%s](%s)", title, name))
	}
	_, got, _ := strings.Cut(string(list), "\n\n- ")
	if got, want := "- "+strings.TrimSpace(got), strings.Join(want, "\n"); got != want {
		t.Errorf("docs/adr/README.md lists\n%s\nwant\n%s", got, want)
	}
}
