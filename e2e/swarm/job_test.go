//go:build e2e

package swarm

import (
	"strings"
	"testing"
)

// TestJob rotates the secret of a job. Swarm runs a job once more whenever it is written, so
// that one update too many would be one run too many.
func TestJob(t *testing.T) {
	t.Parallel()
	s := manager(t).stack(t, two)
	s.env = []string{"OTHER=o"}
	name, label := s.name+"_job", "com.docker.stack.namespace="+s.name
	if r := s.run(nil, nil, s.dir, "sh", "-c", "printf one | docker secret create --label "+label+" "+s.name+"_token -"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	s.must("docker", "service", "create", "--detach", "--quiet", "--name", name, "--label", label, "--mode", "replicated-job", "--replicas", "2",
		"--network", "host", "--restart-condition", "none", "--no-resolve-image", "--secret", "source="+s.name+"_token,target=token",
		serverImage, "check")
	runs := func() string {
		return strings.TrimSpace(s.must("docker", "service", "inspect", "--format", "{{.JobStatus.JobIteration.Index}}", name))
	}
	if r := s.feed("two", "rotate", s.name, "token", "--from-file", "-", "--order", "start-first"); r.code != 0 || runs() != "1" {
		t.Fatalf("rotate: exit %d, run %s; want 0 and 1\n%s", r.code, runs(), r.stderr)
	}
	r := s.feed("bad", "rotate", s.name, "token", "--from-file", "-")
	if r.code != 4 || !strings.Contains(r.stderr, "non-zero exit (1)") {
		t.Errorf("a job that fails: exit %d, want 4\n%s", r.code, r.stderr)
	}
	if runs() != "3" { // with the new value, and with the old one again
		t.Errorf("the job is at run %s, want 3", runs())
	}
	if s.current("token") != 1 {
		t.Errorf("token is at version %d, want 1", s.current("token"))
	}
}
