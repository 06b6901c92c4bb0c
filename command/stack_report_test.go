package command

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/swarm"
)

// screen is what a terminal shows of text with the two sequences that a report uses.
func screen(t *testing.T, text string) []string {
	t.Helper()
	var lines []string
	row := 0
	for text != "" {
		var up int
		if n, err := fmt.Sscanf(text, "\x1b[%dA", &up); n == 1 && err == nil {
			row -= up
			_, text, _ = strings.Cut(text, "A")
			continue
		}
		line, rest, ended := strings.Cut(text, "\n")
		if !ended {
			t.Fatalf("%q has no end", text)
		}
		if text = rest; row == len(lines) {
			lines = append(lines, "")
		}
		if cleared, ok := strings.CutSuffix(line, "\x1b[K"); ok {
			lines[row] = cleared
		} else { // what stood there stays where the new line is shorter
			lines[row] = line + lines[row][min(len(line), len(lines[row])):]
		}
		row++
	}
	return lines
}

func TestRolloutReport(t *testing.T) {
	steps := [][]swarm.ServiceProgress{
		{{Name: "shop_web", Running: 0, Wanted: 10, State: "updating"}},
		{{Name: "shop_web", Running: 0, Wanted: 10, State: "updating"}}, // nothing new
		{{Name: "shop_web", Running: 10, Wanted: 10, State: "verifying"}, {Name: "shop_db", Running: 0, Wanted: 1, State: "updating"}},
		{{Name: "shop_web", Running: 10, Wanted: 10, State: "converged"}, {Name: "shop_db", Running: 1, Wanted: 1, State: "converged"}},
	}
	cases := map[string]struct {
		report rolloutReport
		want   []string
	}{
		"terminal": {rolloutReport{terminal: true}, []string{"shop_web: converged 10/10", "shop_db: converged 1/1", "going back", "shop_web: converged 10/10", "shop_db: converged 1/1"}},
		"file": {rolloutReport{}, []string{"shop_web: updating 0/10", "shop_web: verifying 10/10", "shop_db: updating 0/1", "shop_web: converged 10/10", "shop_db: converged 1/1",
			"going back", "shop_web: updating 0/10", "shop_web: verifying 10/10", "shop_db: updating 0/1", "shop_web: converged 10/10", "shop_db: converged 1/1"}},
		"quiet": {rolloutReport{terminal: true, quiet: true}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			r := c.report
			r.out, r.last = &out, map[string]string{}
			for _, step := range steps {
				r.Rollout(step)
			}
			r.Say("going back")
			for _, step := range steps {
				r.Rollout(step)
			}
			if diff := cmp.Diff(c.want, screen(t, out.String())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !c.report.terminal && strings.Contains(out.String(), "\x1b") {
				t.Errorf("escape sequences in a file: %q", out.String())
			}
		})
	}
}
