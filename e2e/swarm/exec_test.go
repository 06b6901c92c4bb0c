//go:build e2e

package swarm

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-secure/compose-secure/internal/strace"
)

// TestEveryExec looks at the arguments and the environment of every program that the commands of a swarm start: none has a
// value of the stack, which stands in the tool's own environment under the name that the stack uses and as copies.
func TestEveryExec(t *testing.T) {
	t.Parallel()
	value := "s3ntinel" + strings.ToLower(rand.Text())
	s := manager(t).stack(t, strings.Replace(two, "    secrets: [token]\n", "    secrets: [token]\n    environment: {API_TOKEN: '${API_TOKEN}', AWS_SECRET_ACCESS_KEY: '${AWS_SECRET_ACCESS_KEY}'}\n", 1))
	s.write("token", value)
	for _, name := range []string{
		"OTHER", "API_TOKEN", "AWS_SECRET_ACCESS_KEY", // the stack uses these
		"COPY", "COMPOSE_COPY", "DOCKER_COPY", "DOCKER_PASSWORD", "BUILDX_COPY", "AWS_COPY", "SOPS_COPY", "VAULT_TOKEN", "LC_COPY", "XDG_COPY",
	} {
		s.env = append(s.env, name+"="+value)
	}
	scratch, err := os.MkdirTemp("/dev/shm", "compose-secure-swarm-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(scratch) })
	execs := func(argv ...string) strace.Run {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		r, err := strace.Execs(ctx, scratch, s.dir, append(os.Environ(), append([]string{"DOCKER_HOST=" + s.host}, s.env...)...), 0, argv...)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	tool := filepath.Join(repository(), "bin", "compose-secure")
	var called []string
	for _, c := range []struct {
		args   []string
		docker string // the command of docker that is started, if one is
	}{
		{[]string{"stack", "deploy", s.name, "--timeout", "150s"}, "deploy"},
		{[]string{"stack", "deploy", s.name, "--timeout", "150s"}, "deploy"},
		{[]string{"stack", "up", "--help"}, ""},
		{[]string{"status", s.name}, ""},
		{[]string{"rotate", s.name, "token", "--generate"}, ""},
		{[]string{"rollback", s.name, "token"}, ""},
		{[]string{"prune", s.name, "--keep", "0"}, ""},
		{[]string{"stack", "rm", s.name}, "rm"},
		{[]string{"stack", "remove", "--help"}, ""},
		{[]string{"stack", "down", "--help"}, ""},
	} {
		called = append(called, strings.Join(c.args[:2], " "))
		r := execs(append([]string{tool}, c.args...)...)
		if r.Code != 0 {
			t.Errorf("%s: exit %d\n%s", c.args, r.Code, r.Output)
		}
		if c.docker != "" && !slices.ContainsFunc(r.Execs, func(call string) bool { return strings.Contains(call, `"stack", "`+c.docker+`"`) }) {
			t.Errorf("%s starts no docker stack %s", c.args, c.docker)
		}
		for _, call := range r.Execs {
			if strings.Contains(call, value) {
				program, _, _ := strings.Cut(call, ", ")
				t.Errorf("%s starts %s with the value", c.args, program)
			}
		}
	}
	for _, sub := range strings.Fields(s.mustCS("stack", "--generate-bash-completion").stdout) {
		if !slices.Contains(called, "stack "+sub) {
			t.Errorf("command %q is new: say here how it is called", "stack "+sub)
		}
	}
}
