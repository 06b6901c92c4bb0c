package command

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/tmpfs"
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

// plannedMove is a move with its place in the source.
type plannedMove struct {
	transform.Move
	Position compose.Position `json:"position"`
}

func runPlan(ctx context.Context, s *session, format string, values bool) error {
	why := forModel
	if values {
		why = forValues
	}
	l, err := s.load(ctx, why)
	if err != nil {
		return err
	}
	plan, err := s.shownPlan(ctx, l)
	if err != nil {
		return err
	}
	moves := []plannedMove{}
	for _, m := range plan.Moves {
		moves = append(moves, l.located(m))
	}
	var recreate []recreation // null in JSON: not asked
	if values {
		if recreate, err = s.recreated(ctx, l, plan); err != nil {
			s.log.warn("what would be recreated is not known: " + firstLine(err))
		}
	}
	if format == "json" {
		e := json.NewEncoder(s.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"project": l.Name, "moves": moves, "recreate": recreate})
	}
	if len(moves) == 0 {
		_, err := fmt.Fprintln(s.Stdout, "no secret to move")
		return err
	}
	w := tabwriter.NewWriter(s.Stdout, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "SERVICE\tVARIABLE\tDELIVERY\tTHE CONTAINER GETS\tFROM\tAT") // Flush reports
	for _, m := range moves {
		_ = ui.Printf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Service, or(m.Variable, "-"), m.Delivery, gets(m.Move), m.Source, m.Position)
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

// located finds the place of a move. A literal that an interpolation made is named by its variable; an argument
// may have others beside it.
func (l *loaded) located(m transform.Move) plannedMove {
	text, _ := l.Sources().Text(m.Path...)
	if m.Source == transform.LiteralSource && (m.Variable != "" || strings.HasPrefix(text, "$")) {
		var names []string
		for _, name := range l.NamesIn(m.Path, text) {
			names = append(names, "${"+name+"}")
		}
		if len(names) > 0 {
			m.Source = strings.Join(names, ", ")
		}
	}
	return plannedMove{m, l.Sources().Find(l.Sources().Bearer(m.Path)...)}
}

// recreation is a service that up would recreate, and the secrets that changed.
type recreation struct {
	Service string   `json:"service"`
	Secrets []string `json:"secrets"`
}

// recreated compares the values with those that the containers have. A project
// without containers, or an engine that does not answer, has nothing to recreate.
func (s *session) recreated(ctx context.Context, l *loaded, plan *transform.Plan) ([]recreation, error) {
	list := []recreation{}
	if _, err := os.Stat(compose.Absolute(tmpfs.Dir(s.storeOptions()), l.Name)); err != nil {
		return list, nil //nolint:nilerr // nothing of this project is stored
	}
	eng, err := s.connect(ctx)
	if err != nil {
		return list, nil //nolint:nilerr // said above
	}
	defer func() { _ = eng.Close() }() // a connection
	containers, err := eng.Containers(ctx, l.Name)
	if err != nil || len(containers) == 0 {
		return list, err
	}
	store, err := s.openStore()
	if err != nil {
		return list, err
	}
	defer func() { _ = store.Close() }() // a directory handle
	project, err := store.Project(l.Name)
	if err != nil {
		return list, err
	}
	values, err := l.resolve(ctx, plan.Secrets, nil)
	if err != nil {
		return list, err
	}
	changed := map[string][]string{}
	for _, sec := range plan.Secrets {
		for _, f := range sec.Files {
			have, ok, err := project.Get(f.Name)
			if err != nil || !ok || have.Equal(values[sec.Name]) {
				continue
			}
			for _, service := range f.Services {
				if !slices.Contains(changed[service], sec.Name) {
					changed[service] = append(changed[service], sec.Name)
				}
			}
		}
	}
	for _, service := range slices.Sorted(maps.Keys(changed)) {
		if slices.ContainsFunc(containers, func(c engine.Container) bool { return c.Service == service }) {
			list = append(list, recreation{service, changed[service]})
		}
	}
	return list, nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// gets is what one move puts into the container, in a few words.
func gets(m transform.Move) string {
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

func or(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
