package command

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/doctor"
	"github.com/compose-secure/compose-secure/ui"
)

func newDoctor(s *session) *cli.Command {
	var format string
	var only cli.StringSlice
	var values bool
	return alone(&cli.Command{
		Name: "doctor", Usage: "check engine, docker compose, RAM store, keys and leftovers; exit 1 with findings",
		Description: `Inside a project it also looks at what the project uses. Changes nothing and prints no value;
   with --values it decrypts and asks what up would.

   Example:
     compose-secure doctor --values`,
		Flags: []cli.Flag{&cli.StringFlag{Name: "format", Value: "text", Usage: "`text|json`", Destination: &format},
			&cli.StringSliceFlag{Name: "check", Usage: "check only `SUBJECT`: compose, machine, keys or project; repeatable", Destination: &only},
			&cli.BoolFlag{Name: "values", Usage: "also get every value, as up does, to see that its source answers", Destination: &values}},
	}, func(c *cli.Context) error {
		if format != "text" && format != "json" {
			return usagef("--format is text or json, not %q", format)
		}
		return runDoctor(c.Context, s, format, only.Value(), values)
	})
}

func runDoctor(ctx context.Context, s *session, format string, only []string, values bool) error {
	for _, name := range only {
		if !slices.Contains(doctor.Subjects(), name) {
			return usagef("--check is one of %s, not %q", strings.Join(doctor.Subjects(), ", "), name)
		}
	}
	findings := doctor.Run(ctx, doctor.Options{Env: s.env(), Project: s.projectOptions(), Machine: s.machine(), Only: only, Values: values})
	if ctx.Err() != nil { // what was found is that nobody waited for it
		return context.Cause(ctx)
	}
	if err := printFindings(s.Stdout, findings, format); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f doctor.Finding) bool { return !f.OK }) {
		return exitError(exitFindings)
	}
	return nil
}

func printFindings(out io.Writer, list []doctor.Finding, format string) error {
	if format == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		failed := []doctor.Finding{}
		for _, c := range list {
			if !c.OK {
				failed = append(failed, c)
			}
		}
		return e.Encode(map[string]any{"checks": list, "findings": failed})
	}
	for _, c := range list {
		mark := "ok  "
		if !c.OK {
			mark = "FAIL"
		}
		if err := ui.Printf(out, "%s  %-9s  %s\n", mark, c.Name, c.Message); err != nil {
			return err
		}
	}
	return nil
}
