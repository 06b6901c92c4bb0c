// Package command is the command line: it reads flags, loads and plans a project, resolves and stores
// its values, runs docker compose and prints. It wires the other packages together.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/subprocess"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/ui"
)

// Exit codes of the contract. A command that docker compose ran returns
// docker's own.
const (
	exitOK         = 0
	exitFindings   = 1
	exitUsage      = 2
	exitFailed     = 3
	exitRolledBack = 4
)

// Env is all that a command may touch of the process.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string // NAME=VALUE
	Dir            string   // the working directory, absolute; "" is that of the process
	// Machine is the directory that has the place of / where systemd and the users of
	// the machine are looked for; "" is the machine's own.
	Machine string
}

// Getenv returns the last value of name, or "".
func (e Env) Getenv(name string) string {
	v, _ := e.lookup(name)
	return v
}

func (e Env) lookup(name string) (string, bool) {
	for _, kv := range slices.Backward(e.Environ) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// Main runs the tool and returns its exit code. args[0] is the program's name;
// "docker-secure" makes it a plugin of the docker command.
func Main(args []string, env Env) int {
	unprotected := protectMemory() // before anything is read
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	subprocess.Reduce() // what libraries start gets nothing of the project; env has it all
	s := newSession(env)
	s.unprotected = unprotected
	s.saveTime()
	s.showLibraryWarnings()
	ended, code := make(chan int, 1), make(chan int, 1)
	go s.watch(signals, cancel, ended)
	go func() { code <- s.execute(ctx, args) }()
	select {
	case n := <-code:
		return n
	case n := <-ended:
		return n
	}
}

// execute is Main without its signals.
func (s *session) execute(ctx context.Context, args []string) int {
	env := s.Env
	if dockercli.IsPlugin(args) {
		if len(args) > 1 && args[1] == dockercli.MetadataCommand {
			_, err := io.WriteString(env.Stdout, dockercli.Metadata(version()))
			return s.finish(ctx, err)
		}
		var err error
		if args, s.Environ, err = dockercli.PluginArgs(args, env.Environ); err != nil {
			return s.finish(ctx, usageError{err.Error()})
		}
	}
	if completesNothing(args) {
		return exitOK
	}
	err := newApp(s).RunContext(ctx, args)
	return s.finish(ctx, err)
}

// session is what the commands of one run share. Its Stdout and Stderr escape what could command a terminal.
type session struct {
	Env
	// direct are the streams as they are: for docker compose and other programs, which write for themselves, and
	// for our own colours and movements of the cursor. Text of a file, an engine or a registry never goes there as it is.
	direct  streams
	global  globalOptions
	signals chan os.Signal // to the docker compose that runs
	log     ui.Logger
	// unprotected is why other programs can read the memory of this process; nil when they cannot.
	unprotected error
	// showLiterals says that a model that is printed may hold the literals of its file.
	showLiterals bool
}

type streams struct{ Stdout, Stderr io.Writer }

func newSession(env Env) *session {
	s := &session{Env: env, direct: streams{env.Stdout, env.Stderr}, signals: make(chan os.Signal, 4)}
	s.Stdout, s.Stderr = ui.NewWriter(env.Stdout), ui.NewWriter(env.Stderr)
	s.log = ui.Logger{Out: s.Stderr}
	if s.Dir == "" {
		s.Dir, _ = os.Getwd() // a command that needs it says that it is gone
	}
	return s
}

// env is what a delivery may touch, with what the global flags say.
func (s *session) env() *deliver.Env {
	return &deliver.Env{
		Environ: s.Environ, Dir: s.Dir, Unknown: transform.Unknown(s.global.unknown), ComposeFlags: s.global.composeFlags(),
		Report: s.log, Size: s.expectFiles, Stdin: s.Stdin, Stdout: s.direct.Stdout, Stderr: s.direct.Stderr, Signals: s.signals, Helpers: s.Stderr,
	}
}

// workingDir is the working directory, or the error that it is gone.
func (s *session) workingDir() (string, error) {
	if s.Dir == "" {
		return "", deliver.ErrNoDir
	}
	return s.Dir, nil
}

// projectOptions say which project the global flags name; services are those named on the command line.
func (s *session) projectOptions(services ...string) compose.Options {
	return compose.Options{
		Files: s.global.files.Value(), ProjectName: s.global.name, ProjectDirectory: s.global.dir,
		Profiles: s.global.profiles.Value(), EnvFiles: s.global.envFiles.Value(), Services: services,
	}
}

// watch cancels the work at the first signal, or passes it on to docker
// compose when that runs. The second one ends the process at once, with the code of the signal; while
// docker compose takes them, which ends by itself at the second, that is the third.
func (s *session) watch(signals <-chan os.Signal, cancel context.CancelCauseFunc, ended chan<- int) {
	count := 0
	for sig := range signals {
		count++
		select {
		case s.signals <- sig:
		default:
		}
		cancel(interrupted{sig})
		if nobodyTakes := len(s.signals) > 1; count > 2 || count == 2 && nobodyTakes {
			s.log.Error("ended by a second signal; run the command again, or compose-secure down, to clean up")
			ended <- interrupted{sig}.code()
			return
		}
	}
}

// interrupted is the cause of a context that a signal cancelled.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return "interrupted" }

func (i interrupted) code() int {
	if n, ok := i.signal.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return exitFailed
}

// usageError is a mistake on the command line.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// exitError carries an exit code whose reason is told already.
type exitError = deliver.ExitError

// finish prints err and maps it to an exit code, the only place that does.
func (s *session) finish(ctx context.Context, err error) int {
	var exit exitError
	var usage usageError
	var call *deliver.UsageError
	var cause interrupted
	var left *deliver.CleanupError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(context.Cause(ctx), &cause) && errors.As(err, &left):
		s.log.Error("interrupted")
		s.log.Error(left.Error() + "; run compose-secure -p " + left.Project + " down")
		return cause.code()
	case errors.As(context.Cause(ctx), &cause):
		s.log.Error("interrupted; nothing was left behind")
		return cause.code()
	case errors.As(err, &call):
		s.log.Error(call.Text)
		return exitUsage
	case errors.As(err, &usage):
		for line := range strings.SplitSeq(usage.text, "\n") {
			s.log.Error(line)
		}
		return exitUsage
	case errors.Is(err, compose.ErrNoFile):
		s.log.Error(s.noFile())
		return exitUsage
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		s.log.Error(line)
	}
	return exitFailed
}

// noFile says where no compose file was found.
func (s *session) noFile() string {
	dir := s.global.dir
	if dir == "" {
		return "no compose file found here or above; name one with -f, or change to the project's directory"
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Sprintf("--project-directory %q: no such directory", dir)
	}
	return fmt.Sprintf("no compose file found in %q or above; name one with -f", dir)
}

func newApp(s *session) *cli.App {
	app := &cli.App{
		Name:                      "compose-secure",
		Usage:                     "docker compose without leaking secrets",
		UsageText:                 "compose-secure [GLOBAL FLAGS] COMMAND [ARGS]",
		Description:               strings.ReplaceAll(appDescription, "\n   ", "\n"),
		Flags:                     globalFlags(&s.global),
		Commands:                  commands(s),
		HideVersion:               true,
		EnableBashCompletion:      true,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		Writer:                    s.Stdout,
		ErrWriter:                 s.Stderr,
		ExitErrHandler:            func(*cli.Context, error) {}, // Main maps errors; cli's handler would skip defers
		OnUsageError:              onUsageError,
		Before:                    func(c *cli.Context) error { return s.setUp(c) },
		Action:                    func(c *cli.Context) error { return s.other(c) },
	}
	for _, c := range app.Commands {
		c.OnUsageError, c.HideHelpCommand = onUsageError, true
	}
	return app
}

func onUsageError(_ *cli.Context, err error, _ bool) error {
	return usagef("%s; see compose-secure --help", strings.ReplaceAll(err.Error(), "\n", " "))
}

// other runs a command that this tool does not know but docker compose may.
func (s *session) other(c *cli.Context) error {
	name := c.Args().First()
	switch {
	case s.global.version:
		return runVersion(s.Env, false, "pretty")
	case name == "":
		return cli.ShowAppHelp(c)
	case name == "help" && c.Args().Len() == 1:
		return cli.ShowAppHelp(c)
	case name == "help":
		return c.App.RunContext(c.Context, []string{c.App.Name, c.Args().Get(1), "--help"})
	}
	known, err := s.composeKnows(c.Context, name)
	if err != nil {
		return err
	}
	if !known {
		meant := ""
		if near := ui.Nearest(visibleNames(c.App.Commands), name); near != "" {
			meant = fmt.Sprintf("did you mean %q?; ", near)
		}
		return usagef("unknown command %q; %ssee compose-secure --help", name, meant)
	}
	return runPass(c.Context, s, c.Args().First(), c.Args().Tail())
}

const appDescription = `Reads the compose file, takes every secret out of it, keeps the values in RAM
   and hands a model without values to docker compose. Commands that are not
   listed here are docker compose's own and run on the same project.

   Example:
     compose-secure --env-file secrets.enc.env up -d --wait`
