package lint

import (
	"path/filepath"
	"slices"

	"github.com/compose-secure/compose-secure/secret"
)

// Project says which files docker compose would take as one project, where flags or variables tell more than the
// places of the files do. A nil Project leaves each compose file to itself: its paths start in its folder, and its
// variables come from the .env there.
type Project struct {
	Files    []string // compose files, on disk
	Dir      string   // where their paths start
	EnvFiles []string // whose variables they take in place of Dir/.env; later ones win
}

// has reports whether a compose file is one of the project's own, not one that they include or extend.
func (p *Project) has(path string) bool { return p != nil && slices.Contains(p.Files, path) }

// DirOf returns where the paths of a compose file start that was asked for.
func (p *Project) DirOf(path string) string {
	if p.has(path) {
		return p.Dir
	}
	return filepath.Dir(path)
}

// EnvFilesOf returns the env files that a compose file takes its variables from, dir being where its paths start.
func (p *Project) EnvFilesOf(path, dir string) []string {
	if p.has(path) && len(p.EnvFiles) > 0 {
		return p.EnvFiles
	}
	return []string{filepath.Join(dir, ".env")}
}

// named are the files and folders of the project that flags or variables name, so that they are the user's own choice.
func (p *Project) named() []string {
	if p == nil {
		return nil
	}
	return append([]string{p.Dir}, p.EnvFiles...)
}

// vars reads the variables of env files as they are written; those of later files win.
func (f *files) vars(paths []string) map[string]string {
	vars := map[string]string{}
	for _, path := range paths {
		data, err := f.read(path)
		if err != nil || secret.IsSOPS(data) {
			continue
		}
		for _, v := range parseEnv(newSource("", data), false) {
			vars[v.name] = v.value
		}
	}
	return vars
}
