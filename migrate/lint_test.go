package migrate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/migrate"

	"github.com/compose-secure/compose-secure/secret"
)

// eachProject visits every project of the golden files, of the end-to-end
// tests and of the examples.
func eachProject(t *testing.T, visit func(t *testing.T, dir string, paths []string)) {
	t.Helper()
	count := 0
	for _, pattern := range []string{"testdata/*.txtar", "../lint/testdata/rules/*.txtar", "../e2e/testdata/migrate/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			count++
			t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) { visit(t, unpacked(t, a), named(a)) })
		}
	}
	examples, err := filepath.Glob("../examples/*")
	if err != nil || len(examples) == 0 {
		t.Fatal("no examples", err)
	}
	for _, dir := range examples {
		t.Run("examples/"+filepath.Base(dir), func(t *testing.T) {
			to := t.TempDir()
			if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			visit(t, to, []string{"."})
		})
	}
	t.Logf("%d golden files", count)
}

// unpacked writes the files of a golden case; of a lint rule those that are bad.
func unpacked(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if f.Name == "want" || strings.HasPrefix(f.Name, "ok/") || f.Name == "bad/git" || f.Name == "bad/mode" {
			continue
		}
		path := filepath.Join(dir, strings.TrimPrefix(f.Name, "bad/"))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, goldenBytes(f.Data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func goldenBytes(b []byte) []byte {
	data := strings.ReplaceAll(string(b), "<CR>", "\r")
	if before, ok := strings.CutSuffix(data, "<EOF>\n"); ok {
		data = before
	}
	return []byte(data)
}

func lintAll(t *testing.T, dir string, paths []string) []lint.Finding {
	t.Helper()
	r, err := lint.Run(t.Context(), lint.Options{Dir: dir, Severity: lint.Info, Plan: migrate.Outcomes}, paths)
	if err != nil {
		t.Fatal(err)
	}
	return r.Findings
}

// written applies a plan, with a stand-in for the encrypted file.
func written(t *testing.T, p *migrate.Plan) {
	t.Helper()
	changes := p.Changes
	for _, st := range p.Stores {
		data := "sops: {mac: \"ENC[AES256_GCM,data:x]\"}\n"
		for _, v := range st.Values {
			data += v.Name + ": ENC[AES256_GCM,data:x]\n"
		}
		old, err := os.ReadFile(st.Path)
		if err != nil {
			old = nil
		}
		changes = append(changes, migrate.Change{Path: st.Path, Shown: st.Path, Old: old, New: []byte(data), Mode: 0o600})
	}
	if err := migrate.Write(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

// TestLintAfterwards proves that lint tells the truth about migrate: after it,
// nothing is found that migrate was said to mend, and nothing new.
func TestLintAfterwards(t *testing.T) {
	mended := 0
	eachProject(t, func(t *testing.T, dir string, paths []string) {
		before := lintAll(t, dir, paths)
		o := migrate.Options{Lint: lint.Options{Dir: dir}, Keys: keysOf}
		p, err := migrate.New(t.Context(), o, paths)
		if err != nil && strings.Contains(err.Error(), "not encrypted") {
			return // CS029 is about that
		}
		if err != nil {
			t.Fatal(err)
		}
		left := map[string]string{}
		for _, l := range p.Remaining {
			left[fmt.Sprintf("%s:%d:%d:%s", l.File, l.Line, l.Column, l.Rule)] = l.Todo
		}
		out := map[string]bool{}
		for _, o := range p.Uneditable {
			out[o.File] = true
		}
		byHand := map[string]bool{}
		for i := range before {
			f := &before[i]
			byHand[f.Fingerprint()] = byHand[f.Fingerprint()] || f.Fix.By == lint.ByHand
			why, stays := left[fmt.Sprintf("%s:%d:%d:%s", f.File, f.Line, f.Column, f.Rule)]
			stays = stays || out[f.File]
			switch {
			case f.Severity == lint.Error && stays != (f.Fix.By == lint.ByHand) && plaintext(f.Rule):
				t.Errorf("%s:%d: %s %s: lint says %s: %s; migrate says %q", f.File, f.Line, f.Rule, f.Key, f.Fix.By, f.Fix.Text, why)
			case f.Fix.By != lint.ByHand:
				mended++
			}
		}
		written(t, p)
		for _, f := range lintAll(t, dir, paths) {
			if f.Fix.By != lint.ByHand {
				t.Errorf("%s:%d: %s %s is still found, and can be fixed by %s", f.File, f.Line, f.Rule, f.Key, f.Fix.By)
			}
			if known, ok := byHand[f.Fingerprint()]; ok && !known || !ok && f.Rule != "CS011" {
				t.Errorf("%s:%d: %s %s is found afterwards", f.File, f.Line, f.Rule, f.Key)
			}
		}
	})
	if mended < 50 {
		t.Errorf("just %d findings were mended", mended)
	}
}

func plaintext(id string) bool {
	rule, ok := lint.RuleByID(id)
	return ok && rule.Plaintext
}

// keysOf refuses a store that is not encrypted, as the command does.
func keysOf(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err == nil && !secret.IsSOPS(data) {
		err = errors.New("not encrypted")
	}
	return nil, err
}
