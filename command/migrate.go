package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/migrate"
	"github.com/compose-secure/compose-secure/migrate/history"
	"github.com/compose-secure/compose-secure/migrate/stores"
	"github.com/compose-secure/compose-secure/ui"
)

type migrateOptions struct {
	write, force bool
	store        string
	age          cli.StringSlice
	config       string
	paths        []string
}

func newMigrate(s *session) *cli.Command {
	var o migrateOptions
	return interspersed(&cli.Command{
		Name: "migrate", Usage: "move plaintext secrets out of the source",
		ArgsUsage: "[PATH...]",
		Description: `Does to the source what up does when it runs: literals and the secrets of .env
   and env files go into a SOPS file (or, with --store files, into files that git
   ignores), and the compose file gets secrets: and the image's own file variable, or
   a variable of that SOPS file; build arguments become build secrets. Files that it
   includes or extends, env files and Dockerfiles are edited with it. Prints a diff
   without values; --write applies it, all files or none. What cannot be moved is listed with what to do by hand,
   as is a compose file that cannot be edited; exit code 3 says that none could be.
   Who can decrypt the SOPS file is printed first. An existing one keeps its recipients: --age
   has to name the same. --write opens what it made with a key of yours before a value
   leaves its old place; without such a key it changes nothing, unless --force is given.
   The files of --store files are for their owner alone (0600): who cannot read them under
   plain docker compose is named, with the command that helps.
   PATH is a compose file or a directory.

   Example:
     compose-secure migrate
     compose-secure migrate --age age1... --write`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "write", Usage: "apply the changes", Destination: &o.write},
			&cli.BoolFlag{Name: "force", Usage: "write files that have uncommitted changes, or whose work tree git does not answer for, and a SOPS file that no key here opens", Destination: &o.force},
			&cli.StringFlag{Name: "store", Value: "sops", Usage: "where values go: `sops|files`", Destination: &o.store},
			&cli.StringSliceFlag{Name: "age", Usage: "age `RECIPIENT` of a new SOPS file (default: .sops.yaml of the work tree); may be repeated", Destination: &o.age},
			&cli.StringFlag{Name: "config", Usage: "configuration `FILE` (default: " + lint.ConfigName + ")", Destination: &o.config},
		},
	}, func(c *cli.Context, paths []string) error {
		o.paths = paths
		return runMigrate(c.Context, s, &o)
	})
}

func runMigrate(ctx context.Context, s *session, o *migrateOptions) error {
	if o.store != "sops" && o.store != "files" {
		return usagef("--store is sops or files, not %q", o.store)
	}
	if o.store == "files" && len(o.age.Value()) > 0 {
		return usagef("--age is for a SOPS file; --store files writes none")
	}
	dir, err := s.workingDir()
	if err != nil {
		return err
	}
	lo, err := (&lintOptions{config: o.config}).lint(dir)
	if err != nil {
		return err
	}
	paths := o.paths
	if len(paths) == 0 {
		paths = s.composeFiles()
	}
	if len(paths) == 0 {
		if paths, err = dockercli.DefaultFiles(absolute(dir, s.global.dir)); err != nil {
			return usageError{err.Error()}
		}
		for i := range paths {
			paths[i] = filepath.Join(s.global.dir, paths[i])
		}
	}
	lo.Project = s.lintProject(dir, paths)
	plan, err := deliver.Await(ctx, func() (*migrate.Plan, error) {
		return migrate.New(ctx, migrate.Options{Lint: lo, Files: o.store == "files", Keys: stores.Keys}, paths)
	})
	if err != nil {
		return err
	}
	if err := s.printRemaining(plan); err != nil {
		return err
	}
	if !o.write || len(plan.Changes) == 0 {
		return s.printPlan(o, plan)
	}
	if err := s.write(ctx, o, plan); err != nil {
		return err
	}
	return s.printUp(ctx, paths)
}

func (s *session) printRemaining(p *migrate.Plan) error {
	for i := range p.Uneditable {
		o := &p.Uneditable[i]
		stay := ""
		if o.Secrets > 0 {
			stay = fmt.Sprintf(" (%s in it)", count(o.Secrets, "secret stays", "secrets stay"))
		}
		if err := ui.Printf(s.Stderr, "%s:%d:%d: left out: %s; %s%s\n", o.File, o.Line, o.Column, o.Why, o.Todo, stay); err != nil {
			return err
		}
	}
	for i := range p.Unread {
		if err := s.printUnread(&p.Unread[i]); err != nil {
			return err
		}
	}
	for _, r := range p.Refs {
		if err := ui.Printf(s.Stderr, "%s:%d:%d: note: %s is a reference that only compose-secure reads; docker compose alone would use its text as the value\n",
			r.File, r.Line, r.Column, r.Variable); err != nil {
			return err
		}
	}
	for _, l := range p.Remaining {
		if err := ui.Printf(s.Stderr, "%s:%d:%d: left: %s [%s]; %s\n", l.File, l.Line, l.Column, l.Message, l.Rule, l.Todo); err != nil {
			return err
		}
	}
	return nil
}

// printUnread says which command lets the user of a service read its files. One
// with the uid of those who write them reads them anyway.
func (s *session) printUnread(u *migrate.Unread) error {
	uid, err := strconv.Atoi(u.User)
	if err == nil && uid == os.Geteuid() {
		return nil
	}
	var files []string
	for _, f := range u.Files {
		files = append(files, ui.Relative(s.Dir, f))
	}
	todo := "start it with compose-secure up, which mounts copies that it can read"
	switch names := strings.Join(files, " "); {
	case u.Others:
		todo += "; no owner suits all who share them"
	case err != nil:
		todo += fmt.Sprintf("; for docker compose: sudo chown UID %s, with the uid of %s in the image", names, u.User)
	default:
		todo += fmt.Sprintf("; for docker compose: sudo chown %d %s", uid, names)
	}
	err = ui.Printf(s.Stderr, "%s:%d:%d: note: service %s runs as user %s, who cannot read %s (mode 0600) under plain docker compose; %s\n",
		u.File, u.Line, u.Column, u.Service, u.User, strings.Join(files, ", "), todo)
	return err
}

func (s *session) printPlan(o *migrateOptions, p *migrate.Plan) error {
	if len(p.Changes) == 0 {
		_, err := fmt.Fprintln(s.Stderr, "nothing to move")
		return err
	}
	for i := range p.Changes {
		if _, err := io.WriteString(s.Stdout, p.Diff(&p.Changes[i])); err != nil {
			return err
		}
	}
	for _, st := range p.Stores {
		if err := ui.Printf(s.Stderr, "%s would move to %s\n", values(len(st.Values)), ui.Relative(s.Dir, st.Path)); err != nil {
			return err
		}
	}
	if err := s.printHolders(o, p, true); err != nil {
		return err
	}
	return s.printApply(o, p)
}

func values(n int) string { return count(n, "value", "values") }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// write applies the plan, all files or none, and says what to rotate.
func (s *session) write(ctx context.Context, o *migrateOptions, p *migrate.Plan) error {
	if err := s.printHolders(o, p, false); err != nil {
		return err
	}
	past, err := history.Of(ctx, s.Environ, p)
	if err != nil {
		return err
	}
	changes, err := deliver.Await(ctx, func() ([]migrate.Change, error) { // a key may have a program run that waits for a person
		changes, err := s.stores(o).Changes(p)
		if err == nil && !o.force {
			err = errors.Join(past.Refuse(), s.stores(o).CheckOpens(ctx, changes))
		}
		return changes, err
	})
	if err != nil {
		return err
	}
	if err := migrate.Write(ctx, append(changes, p.Changes...)); err != nil {
		return err
	}
	for _, st := range p.Stores {
		if err := ui.Printf(s.Stderr, "%s moved to %s\n", values(len(st.Values)), ui.Relative(s.Dir, st.Path)); err != nil {
			return err
		}
	}
	for _, line := range past.Rotate() {
		if err := ui.Printf(s.Stderr, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// printHolders says who can decrypt each store, before anything is added to it: who wrote the store, or a
// .sops.yaml, has chosen them. A dry run goes on without anybody for a new store, since --age may name somebody.
func (s *session) printHolders(o *migrateOptions, p *migrate.Plan, dryRun bool) error {
	if o.store == "files" {
		return nil
	}
	for _, st := range p.Stores {
		h, err := s.stores(o).Holders(st)
		if wrong := (*stores.RecipientsError)(nil); errors.As(err, &wrong) {
			return usageError{wrong.Text}
		}
		if err != nil {
			if dryRun && !st.Exists && len(o.age.Value()) == 0 {
				continue // printApply says why
			}
			return err
		}
		by := ""
		if h.Rules != "" {
			by = fmt.Sprintf(" (chosen by %s)", ui.Relative(s.Dir, h.Rules))
		}
		if err := ui.Printf(s.Stderr, "%s can be decrypted by: %s%s\n", ui.Relative(s.Dir, st.Path), h.String(), by); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) stores(o *migrateOptions) stores.Options {
	return stores.Options{Dir: s.Dir, Files: o.store == "files", Age: o.age.Value()}
}
