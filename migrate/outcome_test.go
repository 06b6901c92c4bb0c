package migrate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-secure/compose-secure/lint"
)

// TestRuleOfAnyID plans what a rule finds that no line of this package names: it moves where the same secret would,
// and is left with a reason elsewhere.
func TestRuleOfAnyID(t *testing.T) {
	dir := t.TempDir()
	const compose = "services:\n  a:\n    image: x\n    environment: {A_PASSWORD: hunter2}\n    volumes: [\"https://u:hunter3@x/y:/z\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(compose), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Lint: lint.Options{Dir: dir}}
	scan, err := lint.Read(t.Context(), o.Lint, []string{"."})
	if err != nil {
		t.Fatal(err)
	}
	if len(scan.Secrets) != 2 {
		t.Fatalf("%d secrets", len(scan.Secrets))
	}
	for i := range scan.Secrets {
		scan.Secrets[i].Rule = "CS900"
	}
	scan.Secrets[1].Fix = lint.Fix{} // the rule knows nothing about it
	plan, err := planOf(t.Context(), o, scan)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Stores) != 1 || len(plan.Remaining) != 1 {
		t.Fatalf("%d stores, left %v", len(plan.Stores), plan.Remaining)
	}
	if l := plan.Remaining[0]; l.Rule != "CS900" || l.Line != 5 || l.Todo == "" {
		t.Errorf("left %+v", l)
	}
}
