package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/boot"
	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/subprocess"
	"github.com/compose-secure/compose-secure/tmpfs"
	"github.com/compose-secure/compose-secure/transform"
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

// records is where this user's records are kept.
func (s *session) records() boot.Dir { return boot.Dir(filepath.Join(s.helperDir(), "projects")) }

// recorded are the variables that lead to keys and sources: paths, addresses
// and names. One that holds a key itself is never written down.
var recorded = []string{
	"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "SOPS_AGE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_FILE", "GNUPGHOME", "SOPS_GPG_EXEC",
	"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	"GOOGLE_APPLICATION_CREDENTIALS", "VAULT_ADDR", "SOPS_HC_VAULT_ALLOWLIST", "COMPOSE_SECURE_VAULT_MOUNTS", "VAULT_CACERT", "VAULT_NAMESPACE", "AZURE_TENANT_ID", "AZURE_CLIENT_ID",
}

// record writes down how to load the project again, and which files containers mount.
func (s *session) record(l *loaded, stored *tmpfs.Project, files []string) error {
	if slices.ContainsFunc(l.ConfigFiles, isDescriptor) {
		s.log.warn("the compose file came from standard input, so boot cannot put its secrets back after a reboot")
		return s.records().Remove(l.Name)
	}
	if slices.ContainsFunc(l.GivenEnvFiles(), isDescriptor) {
		s.log.warn("an env file was a pipe, so boot cannot put the project's secrets back after a reboot")
		return s.records().Remove(l.Name)
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	images, err := json.Marshal(l.images)
	if err != nil {
		return err
	}
	environment := map[string]string{}
	for _, name := range recorded {
		value := s.Getenv(name)
		if holdsPassword(value) {
			s.log.warn(name + " holds a password and is not recorded, so boot may not reach the source after a reboot")
			value = ""
		}
		if value != "" {
			environment[name] = value
		}
	}
	owners := map[string]boot.Owner{}
	for _, name := range files {
		uid, gid, err := stored.Owner(name)
		if err != nil {
			return err
		}
		if uid >= 0 || gid >= 0 {
			owners[name] = boot.Owner{UID: uid, GID: gid}
		}
	}
	r := boot.Record{
		Project: l.Name, WorkingDir: dir, Files: l.ConfigFiles, ProjectDir: l.WorkingDir, Reads: l.Files(),
		EnvFiles: absolutes(dir, l.GivenEnvFiles()), Profiles: slices.DeleteFunc(slices.Clone(l.Profiles), func(p string) bool { return p == "" }), Unknown: s.global.unknown,
		SecretFiles: files, Owners: owners, Images: images, Environment: environment,
	}
	if err := untrusted(slices.Concat(leadsTo(r), r.Reads)); err != nil {
		s.log.warn(err.Error() + "; its secrets are not put back after a reboot")
	}
	return s.records().Write(r)
}

// leadsTo returns what a record names to load its project from: files and directories.
func leadsTo(r boot.Record) []string {
	return slices.Concat(r.Files, r.EnvFiles, []string{r.ProjectDir, r.WorkingDir, filepath.Join(r.ProjectDir, ".env")})
}

// isDescriptor reports whether a path leads to what only this process has open, as <(...) of a shell does.
func isDescriptor(path string) bool {
	return path == "-" || path != os.DevNull && (strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/dev/"))
}

// holdsPassword reports whether a value that leads to a source carries a secret itself.
func holdsPassword(value string) bool {
	_, after, ok := strings.Cut(value, "://")
	authority, _, _ := strings.Cut(after, "/")
	return ok && strings.Contains(authority, "@") || secret.FindCredential(value).Found()
}

func absolutes(dir string, paths []string) []string {
	list := make([]string, len(paths))
	for i, p := range paths {
		list[i] = compose.Absolute(dir, p)
	}
	return list
}

// unitDir is where the unit is installed below root, a directory as the user writes it; "" is this machine.
func (s *session) unitDir(root string) (string, error) {
	if root == "" {
		root = or(s.Machine, "/")
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("find %q: %w", root, err)
	}
	if os.Geteuid() == 0 {
		return filepath.Join(root, "etc/systemd/system"), nil
	}
	config := s.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = filepath.Join("/", dockercli.HomeDir(s.Getenv), ".config")
	}
	return filepath.Join(root, config, "systemd/user"), nil
}

func runBootInstall(ctx context.Context, s *session, root string) error {
	user := os.Geteuid() != 0
	if root == "" && !s.systemdRuns() {
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
	dir, err := s.unitDir(root)
	if err != nil {
		return err
	}
	path, err := boot.Install(dir, self, user)
	if err != nil {
		return err
	}
	if root == "" {
		if err := s.systemctl(ctx, user, "daemon-reload"); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(s.Stdout, "installed %s\n", path)
	return err
}

func runBootRemove(ctx context.Context, s *session, root string) error {
	dir, err := s.unitDir(root)
	if err != nil {
		return err
	}
	if err := boot.Remove(dir); err != nil || root != "" || !s.systemdRuns() {
		return err
	}
	return s.systemctl(ctx, os.Geteuid() != 0, "daemon-reload")
}

// systemdRuns is sd_booted(3).
func (s *session) systemdRuns() bool {
	_, err := os.Stat(filepath.Join("/", s.Machine, "run/systemd/system"))
	return err == nil
}

func (s *session) systemctl(ctx context.Context, user bool, args ...string) error {
	if user {
		args = append([]string{"--user"}, args...)
	}
	cmd := subprocess.Command(ctx, subprocess.Program(s.Environ, "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"), "systemctl", args...) // where the user's systemd listens
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("systemctl %s: %s", strings.Join(args, " "), strings.TrimSpace(string(out)))
	}
	return nil
}

// runBoot restores all projects, or the named ones, each in a process of its
// own: keys are found through the environment that up had.
func runBoot(ctx context.Context, s *session, names []string, timeout time.Duration) error {
	records, failed := s.records().List()
	errs := []error{failed}
	for _, name := range names {
		if !slices.ContainsFunc(records, func(r boot.Record) bool { return r.Project == name }) {
			errs = append(errs, fmt.Errorf("project %q is not recorded as active; run compose-secure up once", name))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, r := range records {
		if len(names) > 0 && !slices.Contains(names, r.Project) {
			continue
		}
		wg.Go(func() {
			err := s.retry(ctx, r)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	told := false // by the process of the project
	errs = slices.DeleteFunc(errs, func(err error) bool {
		var exit exitError
		is := errors.As(err, &exit)
		told = told || is
		return is
	})
	if err := errors.Join(errs...); err != nil || !told {
		return err
	}
	return exitError(exitFailed)
}

// retry tries with growing pauses: a source behind a network may not answer yet.
func (s *session) retry(ctx context.Context, r boot.Record) error {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := s.restoreProcess(ctx, r)
		var exit *exec.ExitError
		if err == nil || !errors.As(err, &exit) {
			return err
		}
		if exit.ExitCode() == exitUsage { // no time will mend it
			return exitError(exitFailed)
		}
		s.log.warn(fmt.Sprintf("project %s: not restored yet; trying again in %s", r.Project, pause))
		select {
		case <-ctx.Done():
			return fmt.Errorf("project %s: not restored, its containers cannot start; see the messages above, then run compose-secure up", r.Project)
		case <-time.After(pause):
		}
	}
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
	return cmd.Run()
}

// runRestore puts the files of one project back. What no time will mend is a
// usage error, on which runBoot gives up and which says what to do.
func runRestore(ctx context.Context, s *session, name string) error {
	err := s.restore(ctx, name)
	var usage usageError
	if errors.As(err, &usage) {
		return usagef("%s; not restored, its containers cannot start: run compose-secure up, or down if it is no more", usage.text)
	}
	return err
}

func (s *session) restore(ctx context.Context, name string) error {
	records, err := s.records().List()
	i := slices.IndexFunc(records, func(r boot.Record) bool { return r.Project == name })
	if i < 0 {
		return errors.Join(err, usagef("project %q is not recorded as active", name))
	}
	r := records[i]
	s.log.about = "project " + name + ": "
	if err := os.Chdir(r.WorkingDir); err != nil {
		return usagef("its directory is gone: %v", err)
	}
	if err := untrusted(leadsTo(r)); err != nil {
		return err
	}
	l, err := s.loadProject(ctx, forValues, compose.Options{
		Files: r.Files, ProjectName: r.Project, ProjectDirectory: r.ProjectDir, Profiles: r.Profiles, EnvFiles: r.EnvFiles,
	})
	if err != nil {
		return permanent(err)
	}
	if err := untrusted(l.Files()); err != nil {
		return err
	}
	store, err := s.openStore()
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // a directory handle
	p, err := s.begin(store, name, nil)
	if err != nil {
		return err
	}
	defer p.unlock()
	o := s.planOptions(l, p.project.Dir())
	o.Unknown = transform.Unknown(r.Unknown)
	if err := json.Unmarshal(r.Images, &o.Images); err != nil {
		return usagef("its record is damaged; run compose-secure up")
	}
	plan, err := transform.New(l.Project, o)
	if err != nil {
		return permanent(err)
	}
	if err := s.writeHelpers(plan.Helpers); err != nil {
		return err
	}
	return s.restoreFiles(ctx, l, p, plan, r)
}

// untrusted returns the usage error of the first file that somebody else can replace: that user would choose
// what is read with the rights of this one.
func untrusted(files []string) error {
	for _, file := range files {
		if err := boot.CheckTrust(file, os.Geteuid()); err != nil {
			return usagef("others could have it read any file: %v", err)
		}
	}
	return nil
}

// permanent marks an error that lies in the project and not in a source.
func permanent(err error) error { return usageError{err.Error()} }

// restoreFiles stores what the record names and reports what the project no longer has.
func (s *session) restoreFiles(ctx context.Context, l *loaded, p *prepared, plan *transform.Plan, r boot.Record) error {
	var want []*transform.Secret
	missing := slices.Clone(r.SecretFiles)
	for _, sec := range plan.Secrets {
		for _, f := range sec.Files {
			if slices.Contains(r.SecretFiles, f.Name) {
				missing = slices.DeleteFunc(missing, func(name string) bool { return name == f.Name })
				if !slices.Contains(want, sec) {
					want = append(want, sec)
				}
			}
		}
	}
	values, err := l.resolve(ctx, want, nil)
	if err != nil {
		return err
	}
	for _, sec := range want {
		for _, f := range sec.Files {
			if !slices.Contains(r.SecretFiles, f.Name) {
				continue
			}
			owner, given := r.Owners[f.Name]
			if !given {
				owner = boot.Owner{UID: -1, GID: -1}
			}
			if _, err := p.project.Put(f.Name, values[sec.Name], owner.UID, owner.GID, modeOf(f)); err != nil {
				return err
			}
		}
	}
	if len(missing) > 0 {
		s.log.warn(fmt.Sprintf("cannot restore %s: the value came from the environment of the shell, or the project has changed; keep it in a SOPS file, then run compose-secure up",
			strings.Join(missing, ", ")))
	}
	return nil
}
