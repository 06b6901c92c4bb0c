package migrate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/internal/cputime"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/migrate"
)

// TestManyIncludes plans a project of many small files, each with an env file of its own: every file asks about the
// variables of the others, and an env file must be read once for all of them.
func TestManyIncludes(t *testing.T) {
	dir, size := t.TempDir(), 0
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		size += len(text)
	}
	var include strings.Builder
	include.WriteString("include:\n")
	for i := range 60 {
		fmt.Fprintf(&include, "  - {path: s%d/compose.yaml, env_file: [s%d/defaults.env, .env]}\n", i, i)
		write(fmt.Sprintf("s%d/compose.yaml", i), fmt.Sprintf("services:\n  s%d:\n    image: x\n    environment: {A: '${S%d_B1_TOKEN}'}\n", i, i))
		write(fmt.Sprintf("s%d/defaults.env", i), fill("S%[1]d_B%[2]d_TOKEN=Kq8vZt3w%[2]d\n", i))
	}
	write("compose.yaml", include.String())
	write(".env", strings.Repeat("# nothing\n", 10))
	cputime.Limit(t, size, func() {
		if _, err := migrate.New(t.Context(), migrate.Options{Lint: lint.Options{Dir: dir}}, []string{"compose.yaml"}); err != nil {
			t.Error(err)
		}
	})
}

func fill(format string, i int) string {
	var b strings.Builder
	for j := range 20 {
		fmt.Fprintf(&b, format, i, j)
	}
	return b.String()
}
