package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/boot"
	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/subprocess"
)

func newBoot(s *session) *cli.Command {
	var root string
	var timeout time.Duration
	rootFlag := &cli.StringFlag{Name: "root", Usage: "install below `DIR`, for an image of a machine", Destination: &root}
	return group(&cli.Command{
		Name: "boot", Usage: "put the secrets of active projects back into RAM when the machine starts",
		Description: `A reboot empties the RAM store. "boot install" writes a systemd unit that fills it
   again, from the same sources, before the engine starts its containers.

   Example:
     sudo compose-secure boot install`,
		Subcommands: []*cli.Command{
			alone(&cli.Command{
				Name: "install", Usage: "write and enable the systemd unit", Flags: []cli.Flag{rootFlag},
				Description: `A program that other users can replace is refused: root would run theirs at boot.`,
			}, func(c *cli.Context) error { return runBootInstall(c.Context, s, root) }),
			alone(&cli.Command{
				Name: "remove", Usage: "disable and remove the systemd unit", Flags: []cli.Flag{rootFlag},
			}, func(c *cli.Context) error { return runBootRemove(c.Context, s, root) }),
			interspersed(&cli.Command{
				Name: "run", Usage: "put the files back now; what the unit calls", ArgsUsage: "[PROJECT...]",
				Description: `A project with a file or directory that other users can replace is left out and named:
   they would choose what is read with the rights of this user.`,
				Flags: []cli.Flag{&cli.DurationFlag{
					Name: "timeout", Value: 2 * time.Minute, Usage: "how long to try again when a source does not answer", Destination: &timeout,
				}},
			}, func(c *cli.Context, projects []string) error { return runBoot(c.Context, s, projects, timeout) }),
			{
				Name: "restore", Hidden: true, // one project, in an environment of its own
				Action: func(c *cli.Context) error { return runRestore(c.Context, s, c.Args().First()) },
			},
		},
	}, "")
}

func (s *session) machine() boot.Machine { return boot.Machine{Root: s.Machine, Getenv: s.Getenv} }

func runBootInstall(ctx context.Context, s *session, root string) error {
	user := os.Geteuid() != 0
	if root == "" && !s.machine().SystemdRuns() {
		return errors.New("systemd does not run here; call \"compose-secure boot run\" before the engine starts, or use --root to prepare an image of a machine")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if self, err = filepath.EvalSymlinks(self); err != nil { // what the unit names is what was looked at
		return fmt.Errorf("find this program: %w", err)
	}
	if err := boot.CheckTrust(self, os.Geteuid()); err != nil {
		return fmt.Errorf("others can replace the program that the unit would run: %w, or install a copy where only root writes, such as /usr/local/bin, and call that", err)
	}
	dir, err := s.machine().UnitDir(root)
	if err != nil {
		return err
	}
	path, err := boot.Install(dir, self, user)
	if err != nil {
		return err
	}
	if root == "" {
		if err := boot.Reload(ctx, s.Environ); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(s.Stdout, "installed %s\n", path)
	return err
}

func runBootRemove(ctx context.Context, s *session, root string) error {
	dir, err := s.machine().UnitDir(root)
	if err != nil {
		return err
	}
	if err := boot.Remove(dir); err != nil || root != "" || !s.machine().SystemdRuns() {
		return err
	}
	return boot.Reload(ctx, s.Environ)
}

// runBoot restores all projects, or the named ones, each in a process of its
// own: keys are found through the environment that up had.
func runBoot(ctx context.Context, s *session, names []string, timeout time.Duration) error {
	records, failed := s.env().Records().List()
	err := boot.RestoreAll(ctx, records, names, timeout, s.log.Warn, s.restoreProcess)
	if err = errors.Join(failed, err); failed == nil && errors.Is(err, boot.ErrGivenUp) {
		return exitError(exitFailed)
	}
	return err
}

func (s *session) restoreProcess(ctx context.Context, r boot.Record) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	env := subprocess.Select(s.Environ, func(name, _ string) bool { return subprocess.Classify(name) != subprocess.Other })
	for name, value := range r.Environment {
		env = append(env, name+"="+value)
	}
	cmd := subprocess.Command(ctx, env, self, "--log-format", s.global.logFormat, "boot", "restore", r.Project)
	cmd.Stdout, cmd.Stderr = s.direct.Stdout, s.direct.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit):
		return err
	case exit.ExitCode() == exitUsage: // no time will mend it
		return boot.ErrGivenUp
	}
	return boot.ErrAgain
}

// runRestore puts the files of one project back. What no time will mend is a
// usage error, on which runBoot gives up and which says what to do.
func runRestore(ctx context.Context, s *session, name string) error {
	records, err := s.env().Records().List()
	i := slices.IndexFunc(records, func(r boot.Record) bool { return r.Project == name })
	switch {
	case i < 0:
		err = errors.Join(err, &deliver.PermanentError{Err: fmt.Errorf("project %q is not recorded as active", name)})
	default:
		err = s.restore(ctx, records[i])
	}
	if permanent := (*deliver.PermanentError)(nil); errors.As(err, &permanent) {
		return usagef("%v; not restored, its containers cannot start: run compose-secure up, or down if it is no more", permanent)
	}
	return err
}

func (s *session) restore(ctx context.Context, r boot.Record) error {
	s.log.About = "project " + r.Project + ": "
	if err := os.Chdir(r.WorkingDir); err != nil {
		return &deliver.PermanentError{Err: fmt.Errorf("its directory is gone: %w", err)}
	}
	s.Dir = r.WorkingDir
	return s.env().Restore(ctx, r)
}
