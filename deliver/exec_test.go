package deliver

import (
	"slices"
	"strings"
	"testing"
)

// TestExecArguments takes calls of exec apart as docker compose does: its flags end at the service.
func TestExecArguments(t *testing.T) {
	tests := []struct{ args, want, given string }{
		{"app env", "app WRAP env", ""},
		{"-T app env", "-T app WRAP env", ""},
		{"-Tu 1 -w/tmp app env", "-Tu 1 -w/tmp app WRAP env", ""},
		{"--privileged --index=2 -it app sh -c x", "--privileged --index=2 -it app WRAP sh -c x", ""},
		{"-e A=1 --env=B --env C=D app env", "-e A=1 --env=B --env C=D app WRAP env", "A B C"},
		{"-T -- app env", "-T -- app WRAP env", ""},
		{"--no-secrets -T app env", "-T app env", ""},
		{"-T --no-secrets=true app env", "-T app env", ""},
		{"--no-secrets=false app env", "app WRAP env", ""},
		{"app env --no-secrets -e A=1", "app WRAP env --no-secrets -e A=1", ""},
		{"-e --no-secrets app env", "-e --no-secrets app WRAP env", "--no-secrets"},
		{"--wanted-by-a-newer-version app env", "--wanted-by-a-newer-version app WRAP env", ""},
		{"-T", "-T", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		e := parseExec(strings.Fields(tt.args))
		prefix := []string{"WRAP"}
		if e.plain {
			prefix = nil
		}
		if got := strings.Join(e.args(prefix), " "); got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.args, got, tt.want)
		}
		var given []string
		for name := range e.given {
			given = append(given, name)
		}
		slices.Sort(given)
		if got := strings.Join(given, " "); got != tt.given {
			t.Errorf("%q gives the variables %q, want %q", tt.args, got, tt.given)
		}
	}
}
