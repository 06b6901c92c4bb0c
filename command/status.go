package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/swarm"
	"github.com/compose-secure/compose-secure/ui"
)

func newStatus(s *session) *cli.Command {
	var format string
	return interspersed(&cli.Command{
		Name: "status", Usage: "list the versions of a stack's secrets, who uses them and what was left over",
		ArgsUsage: "[STACK]",
		Description: `States: current (a service uses it), previous (a service could go back to it), kept,
   draining (only tasks that are about to end have it), orphan (left by a command that did not finish).

   Example:
     compose-secure status shop --format json`,
		Flags: []cli.Flag{&cli.StringFlag{Name: "format", Value: "text", Usage: "text or json", Destination: &format}},
	}, func(c *cli.Context, args []string) error {
		if format != "text" && format != "json" {
			return usagef("--format is text or json, not %q", format)
		}
		stack := ""
		if len(args) > 0 {
			var err error
			if stack, err = oneStack("status", args); err != nil {
				return err
			}
		}
		return runStatus(c.Context, s, stack, format)
	})
}

func runStatus(ctx context.Context, s *session, stack, format string) error {
	eng, err := s.env().Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = eng.Close() }() // a connection
	cluster, done := s.cluster(eng, true)
	defer done()
	list, err := cluster.Status(ctx, stack)
	if err != nil {
		return err
	}
	if format == "json" {
		e := json.NewEncoder(s.Stdout)
		e.SetIndent("", "  ")
		if list == nil {
			list = []swarm.Status{}
		}
		return e.Encode(list)
	}
	return printStatus(s.Stdout, list)
}

func printStatus(out io.Writer, list []swarm.Status) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "STACK\tSECRET\tVERSION\tAGE\tSTATE\tTASKS\tSERVICES\tDIGEST") // Flush reports
	for _, e := range list {
		version, age := fmt.Sprintf("v%d", e.Version), "-"
		if e.Version == 0 {
			version = e.Name
		}
		if !e.Created.IsZero() {
			age = ageOf(time.Since(e.Created))
		}
		_ = ui.Printf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", e.Stack, e.Secret, version, age, e.State, e.Tasks, cmp.Or(strings.Join(e.Services, ", "), "-"), e.Digest)
	}
	return w.Flush()
}

// ageOf has one unit, as docker's tables do.
func ageOf(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
