//go:build e2e

package swarm

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var kills = flag.Int("kills", 100, "how many commands the crash test kills")

// crashers is how many stacks are worked on at once.
const crashers = 4

// TestKilledCommandsAreFinished kills rotations and deploys with SIGKILL at random moments.
// Each time the same command, run again, has to finish the job.
func TestKilledCommandsAreFinished(t *testing.T) {
	t.Parallel()
	for worker := range crashers {
		t.Run(fmt.Sprint("stack ", worker), func(t *testing.T) {
			t.Parallel()
			s := newTwo(t)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // no secret
			for i := range (*kills + crashers - 1) / crashers {
				value := fmt.Sprintf("value-%d-%d", worker, i)
				if i%5 == 4 {
					value = "bad-" + value
				}
				s.killOne(random, value, i%2 == 0)
				if t.Failed() {
					t.Fatalf("run %d, value %q:\n%+v", i, value, s.status())
				}
			}
		})
	}
}

// killOne starts a command, kills it, runs it again and checks what came of it.
func (s *stack) killOne(random *rand.Rand, value string, deploy bool) {
	s.t.Helper()
	before := s.current("token")
	args := []string{"compose-secure", "rotate", s.name, "token", "--from-file", "-"}
	if deploy {
		s.write("token", value)
		args = []string{"compose-secure", "stack", "deploy", s.name, "--timeout", "150s"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(3000))*time.Millisecond)
	cmd := s.command(ctx, s.env, s.dir, args...)
	cmd.Stdin = bytes.NewBufferString(value)
	killed := cmd.Run() != nil && ctx.Err() != nil
	cancel()

	args[0] = "compose-secure"
	r := s.run(bytes.NewBufferString(value), s.env, s.dir, args...)
	bad := strings.HasPrefix(value, "bad")
	switch {
	case !bad && r.code != 0:
		s.t.Errorf("run again (killed: %t): exit %d\n%s", killed, r.code, r.stderr)
	case bad && r.code != 4:
		s.t.Errorf("run again with a bad value (killed: %t): exit %d\n%s", killed, r.code, r.stderr)
	}
	s.checkWhole()
	if got := s.current("token"); bad && got != before || !bad && got <= before {
		s.t.Errorf("token is at version %d, was at %d, bad: %t", got, before, bad)
	}
	for _, row := range s.status() {
		if row.Secret == "token" && row.State == "orphan" {
			s.t.Logf("version %d is an orphan", row.Version)
		}
	}
	s.mustCS("prune", s.name, "--keep", "1")
}
