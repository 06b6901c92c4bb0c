package lint_test

import (
	"os"
	"testing"

	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/migrate"
)

func TestMain(m *testing.M) {
	lint.SetPlanner(migrate.Outcomes)
	os.Exit(m.Run())
}
