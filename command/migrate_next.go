package command

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/migrate"
	"github.com/compose-secure/compose-secure/ui"
)

// printApply says what to type after a dry run, and which word of it is still
// the user's to know.
func (s *session) printApply(o *migrateOptions, p *migrate.Plan) error {
	words := append(s.projectFlags(), "migrate")
	words = append(words, o.paths...)
	if o.store != "sops" {
		words = append(words, "--store", o.store)
	}
	for _, r := range o.age.Value() {
		words = append(words, "--age", r)
	}
	reason := ""
	if missing := s.stores(o).NoRecipient(p); missing != "" {
		words, reason = append(words, "--age", "age1..."), " ("+missing+")"
	}
	if o.config != "" {
		words = append(words, "--config", o.config)
	}
	if o.force {
		words = append(words, "--force")
	}
	err := ui.Printf(s.Stderr, "apply with: compose-secure %s --write%s\n", commandLine(words), reason)
	return err
}

// printUp says what comes after the files are written, when that is one project.
// What up would refuse is said instead of a command that fails.
func (s *session) printUp(ctx context.Context, paths []string) error {
	flags := s.projectFlags()
	here, _ := dockercli.DefaultFiles(".") // nothing when there is none
	o := compose.Options{
		Files: s.composeFiles(), ProjectName: s.global.name, ProjectDirectory: s.global.dir,
		Profiles: s.global.profiles.Value(), EnvFiles: s.global.envFiles.Value(),
	}
	switch {
	case len(s.global.files.Value()) > 0 || s.global.dir != "" || s.Getenv("COMPOSE_FILE") != "":
	case !slices.ContainsFunc(paths, func(p string) bool { return !slices.Contains(here, filepath.Clean(p)) }):
	case len(paths) == 1 && isDir(paths[0]):
		if _, err := dockercli.DefaultFiles(paths[0]); err != nil {
			return nil
		}
		if filepath.Clean(paths[0]) != "." {
			flags, o.ProjectDirectory = append(flags, "--project-directory", paths[0]), paths[0]
		}
	case slices.ContainsFunc(paths, isDir):
		return nil
	default:
		flags, o.Files = append(fileFlags(paths), flags...), paths
	}
	if refused := s.refused(ctx, o); refused != nil {
		return ui.Printf(s.Stderr, "up cannot run yet: %v\n", refused)
	}
	err := ui.Printf(s.Stderr, "now: compose-secure %s\n", commandLine(append(flags, "up", "-d")))
	return err
}

// refused returns why up would not take a project, as far as that can be told without an engine and a value.
func (s *session) refused(ctx context.Context, o compose.Options) error {
	p, err := s.env().Load(ctx, deliver.ForModel, o)
	if err != nil {
		return err
	}
	return p.Refused()
}

func fileFlags(paths []string) []string {
	var flags []string
	for _, p := range paths {
		flags = append(flags, "-f", p)
	}
	return flags
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
