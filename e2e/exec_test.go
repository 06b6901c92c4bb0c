//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// execs runs argv under strace and returns the execve calls of it and of all that it starts, one a line, save its own.
func execs(t *testing.T, p *project, argv ...string) []string {
	t.Helper()
	trace := filepath.Join(p.ram, "trace")
	run(t, p.dir, p.env, append([]string{"strace", "-f", "-v", "-s", "10000", "-e", "trace=execve", "-o", trace}, argv...)...)
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, "execve(") {
			calls = append(calls, line)
		}
	}
	if len(calls) == 0 {
		t.Fatalf("strace saw nothing of %q", argv)
	}
	return calls[1:] // the first is strace's own, with what the test gives
}

// TestEveryExec looks at the arguments and the environment of every program that a command starts: none
// has the value, which stands in the tool's own environment under several names, copies included.
func TestEveryExec(t *testing.T) {
	t.Parallel()
	s, p := newSentinel(), newProject(t, leakProject)
	p.secrets("DB_PASSWORD=" + s.value)
	for _, name := range []string{"API_TOKEN", "PLAIN", "COPY", "COMPOSE_COPY_TOKEN", "SSH_PRIVATE_KEY", "DOCKER_PASSWORD", "VAULT_TOKEN"} {
		p.env = append(p.env, name+"="+s.value)
	}
	started := 0
	for _, args := range [][]string{
		{"config"}, {"plan"}, {"create"}, {"up", "-d", "--wait"}, {"up", "-d"}, {"--dry-run", "up"}, {"ps"}, {"logs"}, {"top"}, {"images"}, {"port", "db", "1"}, {"stats", "--no-stream"},
		{"exec", "-T", "shell", "true"}, {"run", "--rm", "shell", "true"}, {"restart", "-t", "0", "bare"}, {"pause", "bare"}, {"unpause", "bare"}, {"kill", "bare"}, {"start", "bare"},
		{"ls"}, {"version"}, {"doctor"}, {"lint"}, {"migrate"}, {"pull", "--ignore-pull-failures"}, {"build"}, {"nonsense"}, {"up", "--help"}, {"up", "-", "--generate-bash-completion"},
		{"stop", "-t", "0"}, {"rm", "-f"}, {"down", "-t", "0"},
	} {
		for _, call := range execs(t, p, p.argv(args...)...) {
			started++
			if form := s.in([]byte(call)); form != "" {
				program, _, _ := strings.Cut(call, ", ")
				t.Errorf("%s starts %s with the value (%s)", args, program, form)
			}
		}
	}
	if started < 20 {
		t.Errorf("only %d programs were started: the test sees too little", started)
	}
	// The same search finds a value that a program is given.
	if !slices.ContainsFunc(execs(t, p, "sh", "-c", "/bin/true; exec env"), func(call string) bool { return s.in([]byte(call)) != "" }) {
		t.Error("the search does not find the value in the environment of a child")
	}
}
