package command

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/compose-secure/compose-secure/migrate"
	"github.com/compose-secure/compose-secure/sops"
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
	if missing := noRecipient(o, p); missing != "" {
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

// noRecipient says why --write would not know for whom to encrypt, or "".
func noRecipient(o *migrateOptions, p *migrate.Plan) string {
	if o.store != "sops" || len(o.age.Value()) > 0 {
		return ""
	}
	for _, st := range p.Stores {
		if _, err := os.Stat(st.Path); err == nil {
			continue // it has its recipients
		}
		if missing := sops.NoRecipient(st.Path, st.Tree); missing != "" {
			return missing
		}
	}
	return ""
}

// printUp says what comes after the files are written, when that is one project.
func (s *session) printUp(paths []string) error {
	flags := s.projectFlags()
	here, _ := defaultFile(".") // nothing when there is none
	switch {
	case len(s.global.files.Value()) > 0 || s.global.dir != "" || s.Getenv("COMPOSE_FILE") != "":
	case !slices.ContainsFunc(paths, func(p string) bool { return !slices.Contains(here, filepath.Clean(p)) }):
	case len(paths) == 1 && isDir(paths[0]):
		if _, err := defaultFile(paths[0]); err != nil {
			return nil
		}
		if filepath.Clean(paths[0]) != "." {
			flags = append(flags, "--project-directory", paths[0])
		}
	case slices.ContainsFunc(paths, isDir):
		return nil
	default:
		flags = append(fileFlags(paths), flags...)
	}
	err := ui.Printf(s.Stderr, "now: compose-secure %s\n", commandLine(append(flags, "up", "-d")))
	return err
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
