package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unpromised are the sections of the security documents that say what does not hold, or what to do:
// they are free text, and no table of theirs needs a test.
var unpromised = []string{"What is not promised", "What is left to you", "Reporting", "Supported versions", "Threat model"}

// TestPromisesAreShown holds docs/security.md and the threat model of SECURITY.md to the rule that each
// promise is one row of a table and names the test that shows it. Text outside of tables stands before the
// first section or in one of unpromised.
func TestPromisesAreShown(t *testing.T) {
	known := testNames(t)
	for _, path := range []string{"docs/security.md", "SECURITY.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rows, problems := checkPromises(string(text), known)
		for _, p := range problems {
			t.Errorf("%s:%s", path, p)
		}
		if rows == 0 {
			t.Errorf("%s makes no promise: what is this test reading", path)
		}
	}
}

// TestCheckPromises breaks each rule once.
func TestCheckPromises(t *testing.T) {
	known := map[string]bool{"tmpfs.TestPut": true, "up_down.txtar": true}
	const table = "text before\n## A\n\n| promise | shown by |\n|---|---|\n"
	tests := []struct {
		name, text string
		rows       int
		want       []string
	}{
		{"a test and a script", table + "| x | `tmpfs.TestPut`, `up_down.txtar` |\n", 1, nil},
		{"the column stands anywhere", "## A\n| who | shown by | not |\n|---|---|---|\n| x | `tmpfs.TestPut` | y |\n", 1, nil},
		{"no test", table + "| x | |\n", 1, []string{"6: names no test"}},
		{"a test in words", table + "| x | TestPut |\n", 1, []string{"6: names no test"}},
		{"one that is not there", table + "| x | `tmpfs.TestPut`, `tmpfs.TestGone` |\n", 1, []string{`6: there is no test "tmpfs.TestGone"`}},
		{"a script that is not there", table + "| x | `gone.txtar` |\n", 1, []string{`6: there is no test "gone.txtar"`}},
		{"a promise as text", table + "| x | `tmpfs.TestPut` |\n\nIt also holds that.\n", 1, []string{"8: a promise outside of a table"}},
		{"a table without the column", "## A\n| a | b |\n|---|---|\n| x | y |\n", 0, []string{`2: a table without a column "shown by"`}},
		{"what is not promised", "## What is not promised\n\n- swap\n\n| a | b |\n|---|---|\n", 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows, problems := checkPromises(tt.text, known)
			if rows != tt.rows || !slices.Equal(problems, tt.want) {
				t.Errorf("%d rows, %q; want %d, %q", rows, problems, tt.rows, tt.want)
			}
		})
	}
}

var codeSpan = regexp.MustCompile("`([^`]*)`")

// checkPromises returns the number of promises and what is wrong with them, as LINE: TEXT.
func checkPromises(text string, known map[string]bool) (rows int, problems []string) {
	section, column, first := "", -1, true // the column of the tests; the next line of a table is its first
	for i, line := range strings.Split(text, "\n") {
		say := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%d: ", i+1)+fmt.Sprintf(format, args...))
		}
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section, first = heading, true
			continue
		}
		switch {
		case section == "" || slices.Contains(unpromised, section) || strings.HasPrefix(line, "#"):
		case line == "":
			first = true
		case !strings.HasPrefix(line, "|"):
			say("a promise outside of a table")
		case first:
			first, column = false, slices.Index(cells(line), "shown by")
			if column < 0 {
				say(`a table without a column "shown by"`)
			}
		case column >= 0 && strings.Trim(line, "|-: ") != "":
			rows++
			for _, p := range checkCell(cells(line), column, known) {
				say("%s", p)
			}
		}
	}
	return rows, problems
}

func checkCell(row []string, column int, known map[string]bool) []string {
	if column >= len(row) {
		return []string{"names no test"}
	}
	names := codeSpan.FindAllStringSubmatch(row[column], -1)
	if len(names) == 0 {
		return []string{"names no test"}
	}
	var problems []string
	for _, n := range names {
		if !known[n[1]] {
			problems = append(problems, fmt.Sprintf("there is no test %q", n[1]))
		}
	}
	return problems
}

func cells(line string) []string {
	list := strings.Split(strings.Trim(line, "|"), "|")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// testNames are all tests of the repository: FOLDER.TestName, and the names of scripts.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	scripts, err := filepath.Glob("*/testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range scripts {
		names[filepath.Base(path)] = true
	}
	for _, path := range goFiles(t) {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				names[filepath.ToSlash(filepath.Dir(path))+"."+f.Name.Name] = true
			}
		}
	}
	return names
}

// goFiles are the Go files of the repository, as slash-separated paths.
func goFiles(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			list = append(list, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
