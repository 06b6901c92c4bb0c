package migrate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/compose-secure/compose-secure/internal/cputime"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/migrate"
)

// FuzzPlan plans any compose file with an env file. New itself compares the
// tree and every service's variables; here the bytes count: what no edit names
// stays, YAML stays valid, no value shows in a diff, and a second plan has
// nothing left of what the first one moved.
func FuzzPlan(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		env := ""
		for _, part := range a.Files {
			if strings.HasSuffix(part.Name, ".env") {
				env = string(part.Data)
			}
		}
		for _, part := range a.Files {
			if strings.HasSuffix(part.Name, ".yaml") {
				data := strings.ReplaceAll(string(part.Data), "<CR>", "\r")
				f.Add([]byte(strings.ReplaceAll(data, "<EOF>\n", "")), []byte(env), false)
				f.Add(part.Data, []byte(env), true)
			}
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, compose, env []byte, toFiles bool) {
		for name, data := range map[string][]byte{"compose.yaml": compose, ".env": env, "app.env": env} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		o := migrate.Options{Lint: lint.Options{Dir: dir}, Files: toFiles}
		var p *migrate.Plan
		var err error
		cputime.Limit(t, len(compose)+2*len(env), func() { p, err = migrate.New(t.Context(), o, []string{"compose.yaml"}) })
		if err != nil || p == nil {
			return
		}
		for i := range p.Changes {
			c := &p.Changes[i]
			checkKept(t, p, c)
			if strings.HasSuffix(c.Path, ".yaml") {
				if _, err := lint.ReadYAML(c.New); err != nil {
					t.Fatalf("not valid YAML: %v", err)
				}
			}
			p.Diff(c)
			if err := os.WriteFile(c.Path, c.New, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		again, err := migrate.New(t.Context(), o, []string{"compose.yaml"})
		if err != nil || toFiles {
			return // references to files that are not written
		}
		for _, st := range again.Stores {
			for _, v := range st.Values {
				for _, first := range p.Stores {
					for _, w := range first.Values {
						if v.Name == w.Name && v.Value.Equal(w.Value) {
							t.Fatalf("%s moves twice", v.Name)
						}
					}
				}
			}
		}
	})
}

// checkKept makes sure that the bytes outside the edits are those of before.
func checkKept(t *testing.T, _ *migrate.Plan, c *migrate.Change) {
	t.Helper()
	rest, at := c.New, 0
	for _, e := range c.Edits() {
		if e.Start < at || e.End < e.Start {
			t.Fatalf("edits overlap at %d", e.Start)
		}
		kept := c.Old[at:e.Start]
		if !bytes.HasPrefix(rest, kept) || !bytes.HasPrefix(rest[len(kept):], []byte(e.Text)) {
			t.Fatalf("bytes %d to %d are not kept", at, e.Start)
		}
		rest, at = rest[len(kept)+len(e.Text):], e.End
	}
	if !bytes.Equal(rest, c.Old[at:]) {
		t.Fatalf("bytes from %d are not kept", at)
	}
}

// FuzzBuild plans any Dockerfile whose build gets a secret argument: either it
// stays as it is, with a reason, or the result is one that BuildKit reads and
// that takes the secret from a mount, with every other byte kept.
func FuzzBuild(f *testing.F) {
	a, err := txtar.ParseFile("testdata/build.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range a.Files {
		if strings.HasSuffix(part.Name, "Dockerfile") {
			for _, name := range []string{"NPM_TOKEN", "GIT_TOKEN", "X_TOKEN"} {
				f.Add(bytes.ReplaceAll(part.Data, []byte(name), []byte("A_TOKEN")))
			}
		}
	}
	const compose = "services:\n  api:\n    build:\n      context: .\n      args:\n        A_TOKEN: hunter2\n        MODE: x\n"
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, dockerfile []byte) {
		for name, data := range map[string][]byte{"compose.yaml": []byte(compose), "Dockerfile": dockerfile} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p, err := migrate.New(t.Context(), migrate.Options{Lint: lint.Options{Dir: dir}}, []string{"compose.yaml"})
		if err != nil {
			t.Fatal(err)
		}
		var changed *migrate.Change
		for i := range p.Changes {
			checkKept(t, p, &p.Changes[i])
			p.Diff(&p.Changes[i])
			if filepath.Base(p.Changes[i].Path) == "Dockerfile" {
				changed = &p.Changes[i]
			}
		}
		if changed == nil {
			if len(p.Stores) > 0 || len(p.Remaining) == 0 {
				t.Fatal("the argument moved, the Dockerfile did not")
			}
			return
		}
		before, err := parser.Parse(bytes.NewReader(changed.Old))
		if err != nil {
			t.Fatal(err)
		}
		after, err := parser.Parse(bytes.NewReader(changed.New))
		if err != nil {
			t.Fatalf("BuildKit cannot read the result: %v", err)
		}
		mounts, gone := 0, 0
		for _, n := range after.AST.Children {
			if strings.EqualFold(n.Value, "arg") && n.Next != nil && n.Next.Value == "A_TOKEN" {
				t.Fatal("ARG is still there")
			}
			if slices.ContainsFunc(n.Flags, func(s string) bool { return strings.Contains(s, "type=secret,id=a_token,") }) {
				mounts++
				if n.Next == nil || !strings.HasPrefix(n.Next.Value, `export A_TOKEN="$(cat /run/secrets/a_token)"; `) {
					t.Fatal("RUN does not read the secret first")
				}
			}
		}
		gone = len(before.AST.Children) - len(after.AST.Children)
		if mounts == 0 || gone == 0 {
			t.Fatalf("%d mounts, %d instructions gone", mounts, gone)
		}
	})
}
