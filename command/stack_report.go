package command

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/swarm"
	"github.com/compose-secure/compose-secure/ui"
)

// rolloutReport shows progress: in place on a terminal, else a line for every change.
type rolloutReport struct {
	out      io.Writer
	terminal bool
	quiet    bool
	warn     func(string)
	last     map[string]string
	drawn    int
}

// maxDrawn is how many services are shown in place: more might not fit on a screen.
const maxDrawn = 20

func (s *session) newRolloutReport(quiet bool) *rolloutReport {
	r := &rolloutReport{out: s.direct.Stderr, quiet: quiet || s.global.progress == "quiet", warn: s.log.Warn, last: map[string]string{}}
	if f, ok := s.direct.Stderr.(*os.File); ok && s.global.progress != "plain" && s.global.ansi != "never" && s.Getenv("TERM") != "dumb" {
		r.terminal = term.IsTerminal(int(f.Fd())) //nolint:gosec // a file descriptor is small
	}
	return r
}

// Say implements swarm.Reporter.
func (r *rolloutReport) Say(text string) {
	if !r.quiet {
		r.end()
		_, _ = fmt.Fprintln(r.out, secret.Printable(text))
	}
}

// Warn implements swarm.Reporter.
func (r *rolloutReport) Warn(text string) {
	r.end()
	r.warn(text)
}

// Rollout implements swarm.Reporter.
func (r *rolloutReport) Rollout(services []swarm.ServiceProgress) {
	if r.quiet {
		return
	}
	var b strings.Builder
	inPlace := r.terminal && len(services) <= maxDrawn
	if inPlace && r.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", r.drawn)
	}
	changed := false
	for _, s := range services {
		line := secret.Printable(fmt.Sprintf("%s: %s %d/%d", s.Name, s.State, s.Running, s.Wanted))
		same := r.last[s.Name] == line
		changed = changed || !same
		r.last[s.Name] = line
		if inPlace {
			fmt.Fprintf(&b, "%s\x1b[K\n", line)
		} else if !same {
			fmt.Fprintln(&b, line)
		}
	}
	if changed || inPlace && r.drawn != len(services) {
		_, _ = io.WriteString(r.out, b.String())
		r.drawn = len(services)
	}
}

// end leaves what was drawn where it is.
func (r *rolloutReport) end() { r.drawn = 0 }

// printChanges shows what would be done.
func printChanges(out io.Writer, changes []swarm.Change) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "SECRET\tFROM\tTO\tSERVICES") // Flush reports
	for _, c := range changes {
		to := "unchanged"
		if c.To != c.From || c.New {
			to = "v" + fmt.Sprint(c.To)
		}
		if c.New {
			to += " (new)"
		}
		from := "-"
		if c.Exists {
			from = "v" + fmt.Sprint(c.From)
		}
		_ = ui.Printf(w, "%s\t%s\t%s\t%s\n", c.Secret, from, to, cmp.Or(strings.Join(c.Services, ", "), "-"))
	}
	return w.Flush()
}
