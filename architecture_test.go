package main

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

const module = "github.com/compose-secure/compose-secure"

var update = flag.Bool("update", false, "write the graph of ARCHITECTURE.md")

// unruled are the folders that no rule of depguard limits, with what the table says of them.
var unruled = map[string]string{
	"command": "everything", "e2e": "nothing: it runs the binary", "hostile": "nothing: it runs the binary",
}

// TestTableOfFolders holds the table in ARCHITECTURE.md, the import rules of the linter and the code against
// each other: table and rules say the same, and no folder imports what its row does not name.
func TestTableOfFolders(t *testing.T) {
	table, rules, graph := readTable(t), readRules(t), imports(t)
	for folder, text := range unruled {
		if table[folder] != text {
			t.Errorf("ARCHITECTURE.md: %s imports %q of ours, want %q", folder, table[folder], text)
		}
		delete(table, folder)
	}
	if diff := cmp.Diff(rules, table); diff != "" {
		t.Errorf("what may be imported (-.golangci.yml +ARCHITECTURE.md):\n%s", diff)
	}
	for folder, list := range graph {
		row, known := table[folder]
		if unruled[folder] != "" {
			continue
		}
		if !known {
			t.Errorf("ARCHITECTURE.md has no row for %s/", folder)
		}
		for _, other := range list {
			if !slices.Contains(strings.Split(row, ", "), other) {
				t.Errorf("%s imports %s, which its row in ARCHITECTURE.md does not name", folder, other)
			}
		}
	}
}

// TestGraph wants the picture in ARCHITECTURE.md to be that of the code. -update draws it.
func TestGraph(t *testing.T) {
	const begin, end = "<!-- graph: go test -run TestGraph -update . -->\n", "<!-- end of graph -->\n"
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	have, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatal("ARCHITECTURE.md has no place for the graph")
	}
	want := draw(imports(t))
	if *update {
		if err := os.WriteFile("ARCHITECTURE.md", []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("the graph is old; run go test -run TestGraph -update . (-code +ARCHITECTURE.md)\n%s", diff)
	}
}

// draw leaves out what an arrow over another folder says already, and command, which imports all.
func draw(graph map[string][]string) string {
	var b strings.Builder
	b.WriteString("```mermaid\ngraph TD\n")
	for _, from := range slices.Sorted(maps.Keys(graph)) {
		list := graph[from]
		if from == "command" {
			list = slices.DeleteFunc(slices.Clone(list), func(to string) bool {
				return slices.ContainsFunc(list, func(by string) bool { return by != to && reaches(graph, by, to) })
			})
		}
		for _, to := range list {
			fmt.Fprintf(&b, "    %s --> %s\n", from, to)
		}
	}
	b.WriteString("```\n")
	return b.String()
}

func reaches(graph map[string][]string, from, to string) bool {
	return slices.ContainsFunc(graph[from], func(next string) bool { return next == to || reaches(graph, next, to) })
}

// imports are, for each top-level folder, those that its code without tests imports, sorted.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	graph := map[string][]string{}
	for _, name := range goFiles(t) {
		folder, _, nested := strings.Cut(name, "/")
		if !nested || folder == "scripts" || folder == "internal" { // internal helps tests
			continue
		}
		graph[folder] = append(graph[folder], []string{}...)
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if rest, ours := strings.CutPrefix(p, module+"/"); ours {
				if other, _, _ := strings.Cut(rest, "/"); other != folder && !slices.Contains(graph[folder], other) {
					graph[folder] = append(graph[folder], other)
				}
			}
		}
		slices.Sort(graph[folder])
	}
	return graph
}

var folderRow = regexp.MustCompile("^\\| `([a-z0-9]+)/` \\|.*\\| ([^|]*) \\|$")

// readTable returns the last column of the table of folders by folder.
func readTable(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if m := folderRow.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			table[m[1]] = m[2]
		}
	}
	return table
}

// readRules returns what the rule of each folder allows, in the words of the table: sorted names, or "nothing".
func readRules(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(".golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]struct {
						Files, Allow []string
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	rules := map[string]string{}
	for name, rule := range config.Linters.Settings.Depguard.Rules {
		if len(rule.Allow) == 0 { // about modules of others, or about command
			continue
		}
		if want := "${config-path}/" + name + "/**"; rule.Files[0] != want {
			t.Errorf(".golangci.yml: rule %s is for %q, want %q", name, rule.Files[0], want)
		}
		var list []string
		for _, allow := range rule.Allow {
			other := path.Clean(strings.TrimSuffix(strings.TrimPrefix(allow, module+"/"), "$"))
			if other != name && !strings.HasPrefix(other, "internal/") && !slices.ContainsFunc(list, func(have string) bool { return strings.HasPrefix(other+"/", have+"/") }) {
				list = append(list, other)
			}
		}
		slices.Sort(list)
		rules[name] = strings.Join(list, ", ")
		if len(list) == 0 {
			rules[name] = "nothing"
		}
	}
	return rules
}
