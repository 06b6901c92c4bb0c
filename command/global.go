package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/ui"
)

// globalOptions are the flags of docker compose itself and our own.
type globalOptions struct {
	files, profiles, envFiles cli.StringSlice
	insecure                  cli.StringSlice
	name, dir                 string
	ansi, progress            string
	parallel                  int
	compatibility, dryRun     bool
	allResources              bool
	unknown                   string
	logFormat                 string
	verbose, version          bool
}

func globalFlags(g *globalOptions) []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "file", Aliases: []string{"f"}, Usage: "compose `FILE`, repeatable", Destination: &g.files},
		&cli.StringFlag{Name: "project-name", Aliases: []string{"p"}, Usage: "project `NAME`", Destination: &g.name},
		&cli.StringFlag{Name: "project-directory", Usage: "`DIR` that relative paths start from", Destination: &g.dir},
		&cli.StringFlag{Name: "workdir", Hidden: true, Destination: &g.dir},
		&cli.StringSliceFlag{Name: "profile", Usage: "`PROFILE` to enable, repeatable", Destination: &g.profiles},
		&cli.StringSliceFlag{Name: "env-file", Usage: "environment `FILE`, plain or SOPS-encrypted, repeatable", Destination: &g.envFiles},
		&cli.StringFlag{Name: "ansi", Usage: "control characters: `never|always|auto`", Destination: &g.ansi},
		&cli.StringFlag{Name: "progress", Usage: "progress output: `auto|tty|plain|json|quiet`", EnvVars: []string{"COMPOSE_PROGRESS"}, Destination: &g.progress},
		&cli.IntFlag{Name: "parallel", Usage: "most calls to the engine at once, `N`; -1 for no limit", Value: -1, Destination: &g.parallel},
		&cli.StringSliceFlag{Name: "insecure-registry", Hidden: true, Destination: &g.insecure},
		&cli.BoolFlag{Name: "compatibility", Usage: "run docker compose in its compatibility mode", Destination: &g.compatibility},
		&cli.BoolFlag{Name: "all-resources", Usage: "include resources that no service uses", Destination: &g.allResources},
		&cli.BoolFlag{Name: "dry-run", Usage: "show what docker compose would do; no secret is read", Destination: &g.dryRun},
		&cli.StringFlag{Name: "unknown-images", Value: string(transform.UnknownWrap), Usage: "images that the catalogue does not know: `wrap|file|fail`", EnvVars: []string{"COMPOSE_SECURE_UNKNOWN_IMAGES"}, Destination: &g.unknown},
		&cli.StringFlag{Name: "log-format", Value: "text", Usage: "messages as `text|json`", Destination: &g.logFormat},
		&cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print the version", Destination: &g.version},
		&cli.BoolFlag{Name: "verbose", Usage: "say what is done, never a value", Destination: &g.verbose},
	}
}

// setUp checks the global flags once they are read.
func (s *session) setUp(*cli.Context) error {
	g := &s.global
	s.log = ui.Logger{Out: s.Stderr, JSON: g.logFormat == "json", Verbose: g.verbose}
	if s.unprotected != nil {
		s.log.Warn(s.unprotected.Error())
	}
	if g.logFormat != "text" && g.logFormat != "json" {
		return usagef("--log-format is text or json, not %q", g.logFormat)
	}
	known := []string{string(transform.UnknownWrap), string(transform.UnknownFile), string(transform.UnknownFail)}
	if !slices.Contains(known, g.unknown) {
		return usagef("--unknown-images is one of %s, not %q", strings.Join(known, ", "), g.unknown)
	}
	return nil
}

// composeFlags are the global flags that docker compose gets again. Files, project,
// profiles and env files are not among them: the model is complete.
func (g *globalOptions) composeFlags() []string {
	var flags []string
	add := func(name, value string) {
		if value != "" {
			flags = append(flags, name, value)
		}
	}
	add("--ansi", g.ansi)
	add("--progress", g.progress)
	if g.parallel != -1 {
		add("--parallel", fmt.Sprint(g.parallel))
	}
	for _, registry := range g.insecure.Value() {
		add("--insecure-registry", registry)
	}
	toggle := func(name string, set bool) {
		if set {
			flags = append(flags, name)
		}
	}
	toggle("--compatibility", g.compatibility)
	toggle("--dry-run", g.dryRun)
	toggle("--all-resources", g.allResources)
	return flags
}
