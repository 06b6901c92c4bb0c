package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/tmpfs"
	"github.com/compose-secure/compose-secure/ui"
)

func newDoctor(s *session) *cli.Command {
	var format string
	var only cli.StringSlice
	return alone(&cli.Command{
		Name: "doctor", Usage: "check engine, docker compose, RAM store, keys and leftovers; exit 1 with findings",
		Description: `Inside a project it also opens every source that the project uses. Changes nothing
   and prints no value.

   Example:
     compose-secure doctor --format json`,
		Flags: []cli.Flag{&cli.StringFlag{Name: "format", Value: "text", Usage: "`text|json`", Destination: &format},
			&cli.StringSliceFlag{Name: "check", Usage: "check only `SUBJECT`: compose, machine, keys or project; repeatable", Destination: &only}},
	}, func(c *cli.Context) error {
		if format != "text" && format != "json" {
			return usagef("--format is text or json, not %q", format)
		}
		return runDoctor(c.Context, s, format, only.Value())
	})
}

// check is one line of the report.
type check struct {
	Name    string `json:"check"`
	OK      bool   `json:"ok"`
	Message string `json:"message"`
}

// doctor collects the checks of one subject.
type doctor struct {
	*session
	checks []check
}

func (d *doctor) add(name string, err error, format string, args ...any) {
	if err == nil {
		d.checks = append(d.checks, check{name, true, fmt.Sprintf(format, args...)})
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		d.checks = append(d.checks, check{name, false, line})
	}
}

// runDoctor checks all subjects at once and reports them in order.
func runDoctor(ctx context.Context, s *session, format string, only []string) error {
	subjects, err := chosen(only)
	if err != nil {
		return err
	}
	results := make([]doctor, len(subjects))
	var wg sync.WaitGroup
	for i, subject := range subjects {
		results[i].session = s
		wg.Go(func() { subject(&results[i], ctx) })
	}
	wg.Wait()
	var checks []check
	for _, r := range results {
		checks = append(checks, r.checks...)
	}
	if err := printChecks(s.Stdout, checks, format); err != nil {
		return err
	}
	for _, c := range checks {
		if !c.OK {
			return exitError(exitFindings)
		}
	}
	return nil
}

// subject is one thing to check; it adds its lines to the doctor.
type subject func(*doctor, context.Context)

// chosen are the subjects named, or all.
func chosen(only []string) ([]subject, error) {
	all := []struct {
		name  string
		check subject
	}{
		{"compose", (*doctor).checkCompose}, {"machine", (*doctor).checkMachine}, {"keys", (*doctor).checkKeys}, {"project", (*doctor).checkProject},
	}
	var list []subject
	var names []string
	for _, s := range all {
		names = append(names, s.name)
		if len(only) == 0 || slices.Contains(only, s.name) {
			list = append(list, s.check)
		}
	}
	for _, name := range only {
		if !slices.Contains(names, name) {
			return nil, usagef("--check is one of %s, not %q", strings.Join(names, ", "), name)
		}
	}
	return list, nil
}

func (d *doctor) checkCompose(ctx context.Context) {
	docker, err := compose.FindDocker(ctx, d.Getenv)
	if err != nil {
		d.add("compose", err, "")
		return
	}
	d.add("compose", nil, "docker compose %s at %s", docker.Version, docker.Path)
}

// checkMachine looks at the store and the engine, and at what one holds for the other.
func (d *doctor) checkMachine(ctx context.Context) {
	store, err := tmpfs.Open(d.storeOptions())
	if err != nil {
		d.add("store", err, "")
	} else {
		defer func() { _ = store.Close() }() // a directory handle
		d.checkStore(store)
	}
	eng, err := d.connect(ctx)
	if err != nil {
		d.add("engine", err, "")
		return
	}
	defer func() { _ = eng.Close() }() // a connection
	info, err := eng.Info(ctx)
	d.add("engine", err, "Docker %s, API %s, at %s", info.ServerVersion, info.APIVersion, eng.Host())
	if store == nil || err != nil {
		return
	}
	local := eng.Local(ctx, store.Dir())
	d.add("engine", local, "it runs on this machine and can mount the store")
	if local != nil {
		return
	}
	d.checkMounts(ctx, store, eng)
	d.checkLeftovers(ctx, store, eng)
}

func (d *doctor) checkStore(store *tmpfs.Store) {
	kind, noswap, err := store.Filesystem()
	swap := "its pages can be swapped out where swap is on"
	if noswap {
		swap = "never swapped"
	}
	d.add("store", err, "values are kept in RAM at %s (%s, %s)", store.Dir(), kind, swap)
	for _, w := range store.Warnings() {
		d.add("store", errors.New(w), "")
	}
	if text := store.LingerWarning(); text != "" {
		d.add("store", errors.New(text), "")
	}
}

// checkKeys looks at the files that hold age identities.
func (d *doctor) checkKeys(context.Context) {
	path := d.Getenv("SOPS_AGE_KEY_FILE")
	if path == "" {
		config := d.Getenv("XDG_CONFIG_HOME")
		if config == "" {
			config = filepath.Join(compose.HomeDir(d.Getenv), ".config")
		}
		path = filepath.Join(config, "sops", "age", "keys.txt")
	}
	if info, err := os.Stat(path); err == nil {
		if info.Mode().Perm()&0o077 != 0 {
			d.add("keys", fmt.Errorf("%s: other users can read this age identity; run: chmod 600 %s", path, path), "")
		} else {
			d.add("keys", nil, "%s is closed to other users", path)
		}
	}
	if d.Getenv("SOPS_AGE_KEY") != "" {
		d.add("keys", errors.New("SOPS_AGE_KEY holds a key in the environment, where ps and /proc show it; put it in a file and set SOPS_AGE_KEY_FILE"), "")
	}
}

// checkProject opens every source of the project in this directory.
func (d *doctor) checkProject(ctx context.Context) {
	l, err := d.load(ctx, forValues, nil)
	if errors.Is(err, compose.ErrNoFile) {
		d.add("project", nil, "no compose file here; sources were not checked")
		return
	}
	if err != nil {
		d.add("project", err, "")
		return
	}
	plan, err := d.publicPlan(l)
	if err != nil {
		d.add("project", err, "")
		return
	}
	left := warnings(l, plan)
	for _, text := range left {
		d.add("project", errors.New(text), "")
	}
	if len(left) == 0 {
		d.add("project", nil, "%s loads, and its secrets can be moved", l.Name)
	}
	values, err := l.resolve(ctx, plan.Secrets, plan.Kept)
	d.add("sources", errors.Join(l.missingFiles(nil, false), err), "every source of %s answers", l.Name)
	for _, s := range plan.Secrets {
		if v, ok := values[s.Name]; ok && v.IsEmpty() {
			d.add("sources", fmt.Errorf("secret %s of %s is empty", s.Name, l.Name), "")
		}
	}
}

// checkLeftovers finds files that no container uses.
func (d *doctor) checkLeftovers(ctx context.Context, store *tmpfs.Store, eng *engine.Engine) {
	names, err := store.Projects()
	if err != nil {
		d.add("leftovers", err, "")
		return
	}
	found := 0
	for _, name := range names {
		project, err := store.Project(name)
		if err != nil {
			continue
		}
		unlock, err := project.Lock()
		var locked *tmpfs.LockedError
		if errors.As(err, &locked) {
			continue // its owner is at work
		}
		if err != nil {
			d.add("leftovers", err, "")
			continue
		}
		files, err := project.List()
		unlock()
		if err != nil {
			d.add("leftovers", err, "")
			continue
		}
		containers, err := eng.Containers(ctx, name)
		if err == nil && len(containers) == 0 && len(files) > 0 {
			found++
			d.add("leftovers", fmt.Errorf("%s holds secrets of project %s, which has no container; run: compose-secure -p %s down", project.Dir(), name, name), "")
		}
	}
	records, err := d.records().List()
	if err != nil {
		d.add("leftovers", err, "")
	}
	for _, r := range records {
		containers, err := eng.Containers(ctx, r.Project)
		if err == nil && len(containers) == 0 {
			found++
			d.add("leftovers", fmt.Errorf("project %s is recorded for boot, but has no container; run: compose-secure -p %s down", r.Project, r.Project), "")
		}
	}
	if found == 0 {
		d.add("leftovers", nil, "no secret in the store is without a container")
	}
}

func printChecks(out io.Writer, checks []check, format string) error {
	if format == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		findings := []check{}
		for _, c := range checks {
			if !c.OK {
				findings = append(findings, c)
			}
		}
		return e.Encode(map[string]any{"checks": checks, "findings": findings})
	}
	for _, c := range checks {
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
