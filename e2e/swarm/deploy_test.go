//go:build e2e

package swarm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// two is two services that are up quickly and share a secret.
const two = `
x-service: &service
  image: SERVER
  command: [hold]
  networks: [hostnet]
  stop_grace_period: 2s
  healthcheck: {test: [CMD, /server, check], interval: 200ms, retries: 50}
services:
  a:
    <<: *service
    secrets: [token]
    deploy: {replicas: 2, update_config: {order: start-first, monitor: 500ms, parallelism: 2}}
  b:
    <<: *service
    secrets: [token, other]
    deploy: {update_config: {order: start-first, monitor: 500ms}}
secrets:
  token: {file: ./token}
  other: {environment: OTHER}
networks:
  hostnet: {external: true, name: host}
`

func newTwo(t *testing.T) *stack {
	t.Helper()
	s := manager(t).stack(t, two)
	s.env = []string{"OTHER=" + "other-one"}
	s.write("token", "one")
	s.mustCS("stack", "deploy", s.name, "--timeout", "150s")
	return s
}

func TestDeployChangesWhatChanged(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	s.checkWhole()
	first := s.tasks()
	if len(first) != 3 {
		t.Fatalf("%d tasks, want 3", len(first))
	}
	s.mustCS("stack", "deploy", s.name)
	if diff := cmp.Diff(first, s.tasks()); diff != "" {
		t.Errorf("a deploy with nothing changed restarted tasks:\n%s", diff)
	}
	s.env = []string{"OTHER=other-two"}
	s.mustCS("stack", "deploy", "--timeout=60s", s.name)
	kept := 0
	for _, id := range s.tasks() {
		if strings.Contains(strings.Join(first, " "), id) {
			kept++
		}
	}
	if kept != 2 {
		t.Errorf("%d tasks were kept, want the 2 of the service that does not use the secret", kept)
	}
	if got := s.current("other"); got != 2 {
		t.Errorf("other is at version %d, want 2", got)
	}
	if got := s.current("token"); got != 1 {
		t.Errorf("token is at version %d, want 1", got)
	}
}

func TestFailedDeployIsUndone(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	before := s.tasks()
	s.write("token", "bad")
	r := s.cs("stack", "deploy", s.name, "--timeout", "150s")
	if r.code != 4 {
		t.Fatalf("exit %d, want 4:\n%s", r.code, r.stderr)
	}
	if !strings.Contains(r.stderr, "non-zero exit (3)") {
		t.Errorf("the task's own error is not told:\n%s", r.stderr)
	}
	s.checkWhole()
	if diff := cmp.Diff(before, s.tasks()); diff != "" {
		t.Errorf("the old tasks are not the ones that run:\n%s", diff)
	}
	for _, row := range s.status() {
		if row.Secret == "token" && row.Version != 1 {
			t.Errorf("version %d of token was left behind, %s", row.Version, row.State)
		}
	}
}

func TestFailedFirstDeployLeavesNothing(t *testing.T) {
	t.Parallel()
	s := manager(t).stack(t, strings.Replace(two, "deploy: {update", "deploy: {restart_policy: {condition: none}, update", 1))
	s.env = []string{"OTHER=o"}
	s.write("token", "bad")
	r := s.cs("stack", "deploy", s.name, "--timeout", "20s")
	if r.code != 4 {
		t.Fatalf("exit %d, want 4:\n%s", r.code, r.stderr)
	}
	for _, kind := range []string{"service", "secret", "config", "network"} {
		if left := s.must("docker", kind, "ls", "-q", "--filter", "label=com.docker.stack.namespace="+s.name); left != "" {
			t.Errorf("a %s was left behind", kind)
		}
	}
}

func TestStackRemove(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	s.mustCS("stack", "rm", s.name)
	for _, kind := range []string{"service", "secret", "config", "network"} {
		if left := s.must("docker", kind, "ls", "-q", "--filter", "label=com.docker.stack.namespace="+s.name); left != "" {
			t.Errorf("a %s was left behind", kind)
		}
	}
	if r := s.cs("stack", "rm", s.name); r.code != 3 || !strings.Contains(r.stderr, "there is no stack") {
		t.Errorf("removing it again: exit %d, %s", r.code, r.stderr)
	}
}
