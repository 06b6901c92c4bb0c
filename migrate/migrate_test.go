package migrate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/migrate"
)

var update = flag.Bool("update", false, "write the results into the test files")

// TestPlan runs testdata/*.txtar: the files before, and behind `want` the
// values, what is left, and the diff and new content of every file. <CR> stands
// for a carriage return, <EOF> ends a file without a newline.
func TestPlan(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := planned(t, a)
			want := &a.Files[len(a.Files)-1]
			if want.Name != "want" {
				a.Files = append(a.Files, txtar.File{Name: "want"})
				want = &a.Files[len(a.Files)-1]
			}
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// named gives the paths that a golden case names, as words of its comment.
func named(a *txtar.Archive) []string {
	var paths []string
	for _, w := range strings.Fields(string(a.Comment)) {
		if strings.HasSuffix(w, ".yaml") {
			paths = append(paths, w)
		}
	}
	if paths == nil {
		return []string{"."}
	}
	return paths
}

func planned(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if f.Name == "want" {
			continue
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		data := strings.ReplaceAll(string(f.Data), "<CR>", "\r")
		if before, ok := strings.CutSuffix(data, "<EOF>\n"); ok {
			data = before
		}
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := migrate.Options{Lint: lint.Options{Dir: dir}, Files: strings.Contains(string(a.Comment), "--store files")}
	o.Keys = func(string) ([]string, error) { return []string{"EXISTING"}, nil }
	var b strings.Builder
	p, err := migrate.New(t.Context(), o, named(a))
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	for _, st := range p.Stores {
		rel, err := filepath.Rel(dir, st.Path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "store: %s\n", rel)
		for _, v := range st.Values {
			fmt.Fprintf(&b, "  %s=%q %s\n", v.Name, v.Value.Reveal(), strings.Join(v.Places, " "))
		}
	}
	for i := range p.Uneditable {
		fmt.Fprintf(&b, "out: %v (%d)\n", &p.Uneditable[i], p.Uneditable[i].Secrets)
	}
	for _, r := range p.Refs {
		fmt.Fprintf(&b, "reference: %s:%d:%d %s\n", r.File, r.Line, r.Column, r.Variable)
	}
	for _, l := range p.Remaining {
		fmt.Fprintf(&b, "left: %s:%d:%d %s %s\n", l.File, l.Line, l.Column, l.Rule, l.Todo)
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		diff := p.Diff(c)
		if strings.Contains(diff, "hunter") || strings.Contains(diff, "AGE-SECRET") {
			t.Errorf("the diff shows a value:\n%s", diff)
		}
		b.WriteString(diff)
		data := strings.ReplaceAll(string(c.New), "\r", "<CR>")
		if !strings.HasSuffix(data, "\n") {
			data += "<EOF>\n"
		}
		fmt.Fprintf(&b, "=== %s\n%s", c.Shown, data)
	}
	return b.String()
}
