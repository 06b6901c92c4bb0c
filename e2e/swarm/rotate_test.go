//go:build e2e

package swarm

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRotateAndBack(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	before := s.tasks()
	if r := s.cs("rotate", s.name, "token", "--generate", "--dry-run"); r.code != 0 || !strings.Contains(r.stdout, "v2 (new)") {
		t.Errorf("dry run: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if diff := cmp.Diff(before, s.tasks()); diff != "" {
		t.Errorf("a dry run changed tasks:\n%s", diff)
	}
	if r := s.feed("two", "rotate", s.name, "token", "--from-file", "-", "--order", "stop-first"); r.code != 0 {
		t.Fatalf("rotate: exit %d\n%s", r.code, r.stderr)
	}
	s.checkWhole()
	if got := s.current("token"); got != 2 {
		t.Errorf("token is at version %d, want 2", got)
	}
	svc := s.service("a")
	if svc.Spec.UpdateConfig.Order != "start-first" {
		t.Errorf("the order %q of one update stayed", svc.Spec.UpdateConfig.Order)
	}
	if got := svc.Spec.TaskTemplate.ContainerSpec.Secrets[0].File.Name; got != "token" {
		t.Errorf("the file in the container is now %q", got)
	}
	s.mustCS("rotate", s.name, "token", "--generate")
	s.mustCS("rotate", s.name, "--generate", "token", "other")
	if got := s.current("token"); got != 4 {
		t.Errorf("after the third rotation token is at version %d, want 4", got)
	}
	s.mustCS("rollback", s.name, "token")
	s.checkWhole()
	if got := s.current("token"); got != 3 {
		t.Errorf("after the rollback token is at version %d, want 3", got)
	}
	s.mustCS("prune", s.name, "--keep", "0")
	s.checkWhole()
	var versions []int
	for _, row := range s.status() {
		if row.Secret == "token" {
			versions = append(versions, row.Version)
		}
	}
	if diff := cmp.Diff([]int{4, 3}, versions); diff != "" { // a service can go back to 4
		t.Errorf("after prune:\n%s", diff)
	}
}

func TestRotateUnchangedTouchesNothing(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	before := s.tasks()
	s.mustCS("rotate", s.name) // the source again
	if r := s.feed("one", "rotate", s.name, "--from-file", "token=-"); r.code != 0 {
		t.Fatalf("rotate: exit %d\n%s", r.code, r.stderr)
	}
	if diff := cmp.Diff(before, s.tasks()); diff != "" {
		t.Errorf("tasks changed:\n%s", diff)
	}
	if got := s.current("token"); got != 1 {
		t.Errorf("token is at version %d, want 1", got)
	}
}

// TestBadProjectStopsARotation: the compose file is read while the cluster is looked at, and
// what is wrong with it is told before the cluster changes.
func TestBadProjectStopsARotation(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	before := s.tasks()
	s.write("compose.yaml", "services: {web: [}")
	for _, flag := range []string{"--quiet", "--dry-run"} {
		if r := s.feed("two", "rotate", s.name, "token", "--from-file", "-", flag); r.code != 3 || !strings.Contains(r.stderr, "compose.yaml:1") {
			t.Errorf("%s: exit %d, want 3 and the place\n%s", flag, r.code, r.stderr)
		}
	}
	if diff := cmp.Diff(before, s.tasks()); diff != "" || s.current("token") != 1 {
		t.Errorf("token is at version %d, want 1; tasks changed:\n%s", s.current("token"), diff)
	}
}

func TestBadRotationIsUndoneEverywhere(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	before := s.tasks()
	r := s.feed("bad", "rotate", s.name, "token", "--from-file", "-")
	if r.code != 4 {
		t.Fatalf("exit %d, want 4\n%s", r.code, r.stderr)
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

func TestAdopt(t *testing.T) {
	t.Parallel()
	s := manager(t).stack(t, two)
	s.env = []string{"OTHER=o"}
	s.write("token", "one")
	s.write("other", "two")
	s.write("plain.yaml", "version: '3.9'\n"+strings.NewReplacer("SERVER", serverImage, "environment: OTHER", "file: ./other").Replace(two))
	if r := s.run(nil, nil, s.dir, "docker", "stack", "deploy", "-c", "plain.yaml", s.name); r.code != 0 {
		t.Fatalf("docker stack deploy: %s", r.stderr)
	}
	s.mustCS("rotate", s.name, "token", "--generate")
	if got := s.current("token"); got != 1 {
		t.Errorf("token is at version %d, want 1", got)
	}
	s.mustCS("rollback", s.name, "token")
	if got := s.current("token"); got != 0 {
		t.Errorf("token is at version %d, want 0, the secret that docker made", got)
	}
	s.checkWhole()
}

func TestTwoOperators(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	for range 3 {
		before := s.current("token")
		results := make([]result, 2)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { results[i] = s.cs("rotate", s.name, "token", "--generate") })
		}
		wg.Wait()
		won := 0
		for _, r := range results {
			switch {
			case r.code == 0:
				won++
			case !strings.Contains(r.stderr, "by another command at the same time"):
				t.Errorf("exit %d without a clear error:\n%s", r.code, r.stderr)
			}
		}
		if won == 0 {
			t.Error("nobody won")
		}
		s.checkWhole()
		if got := s.current("token"); got <= before {
			t.Errorf("token is at version %d, was at %d", got, before)
		}
	}
}

// TestInterruptedRotationIsUndone sends SIGTERM while the rollout is waited for.
func TestInterruptedRotationIsUndone(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	cmd := s.command(t.Context(), s.env, s.dir, "compose-secure", "rotate", s.name, "token", "--generate")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for s.current("token") == 1 {
		time.Sleep(50 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code tells
	if code := cmd.ProcessState.ExitCode(); code != 128+15 {
		t.Errorf("exit %d, want 143", code)
	}
	s.checkWhole()
	if got := s.current("token"); got != 1 {
		t.Errorf("token is at version %d, want 1", got)
	}
}

// TestInterruptedDeployIsUndone is the same for a deploy, with a terminal's signal.
func TestInterruptedDeployIsUndone(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	s.write("token", "two")
	cmd := s.command(t.Context(), s.env, s.dir, "compose-secure", "stack", "deploy", s.name)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for s.current("token") == 1 {
		time.Sleep(50 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code tells
	if code := cmd.ProcessState.ExitCode(); code != 128+2 {
		t.Errorf("exit %d, want 130", code)
	}
	s.checkWhole()
	if got := s.current("token"); got != 1 {
		t.Errorf("token is at version %d, want 1", got)
	}
	for _, row := range s.status() {
		if row.Secret == "token" && row.Version > 1 {
			t.Errorf("version %d is left", row.Version)
		}
	}
}

// TestSecondSignalEndsARotation: the first one undoes, which takes as long as the tasks do; the second one ends that at once, and
// the same command finishes the job.
func TestSecondSignalEndsARotation(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	cmd := s.command(t.Context(), s.env, s.dir, "compose-secure", "rotate", s.name, "token", "--from-file", "-")
	cmd.Stdin = strings.NewReader("two")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for s.current("token") == 1 {
		time.Sleep(50 * time.Millisecond)
	}
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // so that they are two
	}
	sent := time.Now()
	_ = cmd.Wait() // the code tells
	if code := cmd.ProcessState.ExitCode(); code != 128+2 || !strings.Contains(stderr.String(), "ended by a second signal") {
		t.Errorf("exit %d, want 130\n%s", code, stderr.String())
	}
	if took := time.Since(sent); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if r := s.feed("two", "rotate", s.name, "token", "--from-file", "-"); r.code != 0 {
		t.Errorf("run again: exit %d\n%s", r.code, r.stderr)
	}
	s.checkWhole()
	if got := s.current("token"); got < 2 {
		t.Errorf("token is at version %d, want 2 or more", got)
	}
}

func TestFlagsStandAnywhere(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	for name, args := range map[string][]string{
		"behind": {"rotate", s.name, "token", "--generate", "--no-such-flag"},
		"before": {"rotate", "--no-such-flag", s.name, "token", "--generate"},
		"number": {"prune", s.name, "--keep", "many"},
	} {
		if r := s.cs(args...); r.code != 2 {
			t.Errorf("%s: exit %d, want 2: %s", name, r.code, r.stderr)
		}
	}
	if got := s.current("token"); got != 1 {
		t.Errorf("token is at version %s, want 1", strconv.Itoa(got))
	}
}

// TestForgedLabels: who may only create objects must not have a service use one of theirs. deploy, rotate, status, rollback and
// prune leave such objects alone and name them.
func TestForgedLabels(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	if r := s.feed("two", "rotate", s.name, "token", "--from-file", "-"); r.code != 0 {
		t.Fatalf("rotate: exit %d\n%s", r.code, r.stderr)
	}
	label := func(name, key string) string {
		return strings.TrimSpace(s.must("docker", "secret", "inspect", "--format", `{{index .Spec.Labels "`+key+`"}}`, name))
	}
	digest := label(s.name+"_token_v2", "io.compose-secure.digest")
	evil := s.dir + "/evil"
	s.write("evil", "evil")
	forge := func(name, version string, more ...string) {
		args := []string{"docker", "secret", "create", "--label", "com.docker.stack.namespace=" + s.name, "--label", "io.compose-secure.secret=token",
			"--label", "io.compose-secure.version=" + version, "--label", "io.compose-secure.digest=" + digest}
		s.must(append(append(args, more...), name, evil)...)
	}
	names := []string{s.name + "_evil", s.name + "_token", s.name + "_token_v9x"}
	forge(names[0], "1")
	forge(names[1], "1", "--label", "io.compose-secure.rolled-back=2000-01-01T00:00:00Z")
	forge(names[2], "9")
	before := s.tasks()
	warned := func(command string, r result, code int) {
		t.Helper()
		if r.code != code {
			t.Errorf("%s: exit %d, want %d\n%s", command, r.code, code, r.stderr)
		}
		for _, name := range names {
			if strings.Count(r.stderr, "warning: ignored "+strconv.Quote(name)+":") != 1 {
				t.Errorf("%s does not name %s once:\n%s", command, name, r.stderr)
			}
		}
	}
	r := s.cs("status", s.name)
	warned("status", r, 0)
	if strings.Contains(r.stdout, "v9") && !strings.Contains(r.stdout, names[2]) {
		t.Errorf("status takes a forged version for one:\n%s", r.stdout)
	}
	warned("prune", s.cs("prune", s.name, "--keep", "2"), 0)
	warned("rotate", s.feed("two", "rotate", s.name, "--quiet", "token", "--from-file", "-"), 0)
	if diff := cmp.Diff(before, s.tasks()); diff != "" {
		t.Errorf("tasks changed:\n%s", diff)
	}
	// A name of the right form with a copied digest: the value of v2 is not in it.
	forge(s.name+"_token_v3", "3")
	s.feed("four", "rotate", s.name, "token", "--from-file", "-")
	if got := s.current("token"); got != 4 {
		t.Errorf("token is at version %d, want 4", got)
	}
	warned("rotate", s.feed("two", "rotate", s.name, "token", "--from-file", "-"), 0)
	if got := s.current("token"); got != 5 {
		t.Errorf("the copied digest counted: token is at version %d, want 5", got)
	}
	warned("rollback", s.cs("rollback", s.name, "token"), 0)
	if got := s.current("token"); got != 4 {
		t.Errorf("after the rollback token is at version %d, want 4", got)
	}
	// v3 was never in use: its name was taken in advance.
	warned("rollback", s.cs("rollback", s.name, "token"), 0)
	if got := s.current("token"); got != 2 {
		t.Errorf("after the second rollback token is at version %d, want 2", got)
	}
	warned("stack deploy", s.cs("stack", "deploy", s.name, "-c", "compose.yaml"), 0)
	for _, svc := range []string{"a", "b"} {
		for _, ref := range s.service(svc).Spec.TaskTemplate.ContainerSpec.Secrets {
			if ref.SecretName == s.name+"_token_v3" || slices.Contains(names, ref.SecretName) {
				t.Errorf("%s uses %s", svc, ref.SecretName)
			}
		}
	}
	for _, name := range names {
		s.must("docker", "secret", "inspect", name) // not this tool's to remove
	}
}
