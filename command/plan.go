package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/ui"
)

func newPlan(s *session) *cli.Command {
	var format string
	var values bool
	return alone(&cli.Command{
		Name: "plan", Usage: "list what would be moved where; changes nothing",
		Description: `Needs no key. With --values it also gets the values, as up does, compares them with those that the
   containers have, and says which services would be recreated.

   Example:
     compose-secure plan --format json`,
		Flags: []cli.Flag{&cli.StringFlag{Name: "format", Value: "text", Usage: "text or json", Destination: &format},
			&cli.BoolFlag{Name: "values", Usage: "decrypt, and say which services would be recreated", Destination: &values}},
	}, func(c *cli.Context) error {
		if format != "text" && format != "json" {
			return usagef("--format is text or json, not %q", format)
		}
		return runPlan(c.Context, s, format, values)
	})
}

func runPlan(ctx context.Context, s *session, format string, values bool) error {
	p, err := s.env().Load(ctx, deliver.Purpose(values), s.projectOptions())
	if err != nil {
		return err
	}
	plan, err := p.ShownPlan(ctx)
	if err != nil {
		return err
	}
	moves := []deliver.Located{}
	for _, m := range plan.Moves {
		moves = append(moves, p.Locate(m))
	}
	var recreate []deliver.Recreation // null in JSON: not asked
	if values {
		if recreate, err = p.Recreated(ctx, plan); err != nil {
			s.log.Warn("what would be recreated is not known: " + deliver.FirstLine(err))
		}
	}
	if format == "json" {
		e := json.NewEncoder(s.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"project": p.Name, "moves": moves, "recreate": recreate})
	}
	if len(moves) == 0 {
		_, err := fmt.Fprintln(s.Stdout, "no secret to move")
		return err
	}
	w := tabwriter.NewWriter(s.Stdout, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "SERVICE\tVARIABLE\tDELIVERY\tTHE CONTAINER GETS\tFROM\tAT") // Flush reports
	for _, m := range moves {
		_ = ui.Printf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Service, cmp.Or(m.Variable, "-"), m.Delivery, effect(m.Move), m.Source, m.Position)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range recreate {
		if err := ui.Printf(s.Stdout, "%s would be recreated: %s changed\n", r.Service, strings.Join(r.Secrets, ", ")); err != nil {
			return err
		}
	}
	return nil
}

// effect is what one move puts into the container, in a few words.
func effect(m transform.Move) string {
	switch {
	case m.Note == transform.ReadInEntrypoint:
		return m.Sets + ", " + m.Note
	case m.Sets != "":
		return m.Sets
	case m.Delivery == transform.Env:
		return m.Variable + " in its environment, visible to all"
	case m.Delivery == transform.Wrap && m.Variable != "":
		return m.Variable + " in the process only, from " + m.Target
	default:
		return m.Target
	}
}
