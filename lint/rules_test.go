package lint

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write golden files and docs/rules.md")

// TestRules runs every rule on its own pair: bad gives what `want` says, ok,
// which is close to it, gives nothing.
func TestRules(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			file := filepath.Join("testdata", "rules", r.ID+".txtar")
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := findings(t, unpack(t, a, "ok/"), Options{Rules: []string{r.ID}}); got != "" {
				t.Errorf("ok is not:\n%s", got)
			}
			got := findings(t, unpack(t, a, "bad/"), Options{Rules: []string{r.ID}})
			if got == "" {
				t.Error("bad gives nothing")
			}
			want := &a.Files[len(a.Files)-1]
			if want.Name != "want" {
				t.Fatalf("the last file of %s is %s, not want", file, want.Name)
			}
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("bad (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNoValueInOutput proves that no format shows a value: every value of the
// examples is called hunter.
func TestNoValueInOutput(t *testing.T) {
	for _, r := range Rules() {
		a, err := txtar.ParseFile(filepath.Join("testdata", "rules", r.ID+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		report := lintDir(t, unpack(t, a, "bad/"), Options{Severity: Info})
		for _, format := range Formats() {
			var b strings.Builder
			if err := Write(&b, report, format, "test", true); err != nil {
				t.Fatal(err)
			}
			for _, value := range []string{"hunter", "AGE-SECRET-KEY-1QQ", "MIIE", "H6uskkkW", "ghp_"} {
				if strings.Contains(b.String(), value) {
					t.Errorf("%s as %s shows a value:\n%s", r.ID, format, b.String())
				}
			}
		}
	}
}

// unpack writes the files of a golden pair below a new directory. A file
// called git lists what its index tracks, one called mode the modes.
func unpack(t *testing.T, a *txtar.Archive, prefix string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok {
			continue
		}
		switch name {
		case "git":
			writeIndex(t, dir, strings.Fields(string(f.Data)))
			continue
		case "mode":
			for line := range strings.Lines(string(f.Data)) {
				mode, file, _ := strings.Cut(strings.TrimSpace(line), " ")
				n, err := strconv.ParseUint(mode, 8, 32)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(filepath.Join(dir, file), os.FileMode(n)); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// writeIndex makes a git work tree whose index, version 2, tracks paths.
func writeIndex(t *testing.T, dir string, paths []string) {
	t.Helper()
	data := append([]byte("DIRC"), 0, 0, 0, 2)
	data = binary.BigEndian.AppendUint32(data, uint32(len(paths)))
	for _, p := range paths {
		entry := make([]byte, 62, 62+len(p)+8)
		binary.BigEndian.PutUint16(entry[60:], uint16(len(p)))
		entry = append(entry, p...)
		entry = append(entry, make([]byte, 8-len(entry)%8)...)
		data = append(data, entry...)
	}
	data = append(data, make([]byte, 20)...)
	if err := os.MkdirAll(filepath.Join(dir, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".git", "index"), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func lintDir(t *testing.T, dir string, o Options, paths ...string) *Report {
	t.Helper()
	o.Dir, o.Plan = dir, planner
	if len(paths) == 0 {
		paths = []string{"."}
	}
	r, err := Run(t.Context(), o, paths)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) > 0 {
		t.Errorf("problems: %q", r.Problems)
	}
	return r
}

// findings gives one line per finding.
func findings(t *testing.T, dir string, o Options, paths ...string) string {
	t.Helper()
	var b strings.Builder
	for _, f := range lintDir(t, dir, o, paths...).Findings {
		fmt.Fprintf(&b, "%s:%d:%d-%d:%d %s %s [%s] %s\n", f.File, f.Line, f.Column, f.EndLine, f.EndColumn, f.Severity, f.Message, f.Service, f.Fix.By)
	}
	return b.String()
}

// TestRulesPage keeps docs/rules.md what the rules and their examples say.
func TestRulesPage(t *testing.T) {
	want, err := RulesPage()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "docs", "rules.md")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // a page of documentation
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/rules.md is stale, run go test ./lint -update (-want +got):\n%s", diff)
	}
	seen := map[string]bool{}
	for _, r := range Rules() {
		if !isRuleID(r.ID) || seen[r.ID] || r.Name == "" || r.Why == "" || r.Severity == Off {
			t.Errorf("%s: a rule has an ID of its own, a name, a severity and a reason", r.ID)
		}
		seen[r.ID] = true
	}
}
