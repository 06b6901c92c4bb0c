package lint

import (
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/secret"
)

// What a comment takes out of use may be the value of today, so that a diff does not show it beside what moves.
func TestMaskLineOfAComment(t *testing.T) {
	for _, line := range []string{
		"#DB_PASSWORD=hunter21", "# export API_TOKEN=\"hunter22\"", "      # OLD_TOKEN: hunter23", "      #- OLD_TOKEN=hunter24",
		"## DB_PASSWORD: 'hunter25'", "# curl -u admin:hunter26 http://x", "# mysql --password=hunter27 db", "  # url: postgres://u:hunter28@h/d",
	} {
		if got := MaskLine(secret.Policy{}, line); strings.Contains(got, "hunter") || !strings.HasPrefix(strings.TrimSpace(got), "#") {
			t.Errorf("%q is shown as %q", line, got)
		}
	}
	for _, line := range []string{"# the password: see the wiki", "# curl http://x", "# DB_HOST: db", "#", "# password policy", "- A=b # why"} {
		if got := MaskLine(secret.Policy{}, line); got != line {
			t.Errorf("%q is shown as %q", line, got)
		}
	}
}
