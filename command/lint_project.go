package command

import (
	"path/filepath"
	"strings"

	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/lint"
)

// lintProject returns the project that up would take with the same flags and variables, for lint and migrate; nil when
// those say no more than the places of the files. paths are those of the command line, and dir is the working directory.
func (s *session) lintProject(dir string, paths []string) *lint.Project {
	files, envFiles := s.composeFiles(), s.envFiles()
	if files == nil && envFiles == nil && s.global.dir == "" {
		return nil
	}
	if files == nil {
		for _, p := range paths {
			if !isDir(absolute(dir, p)) {
				files = append(files, p)
			}
		}
	}
	p := &lint.Project{Dir: absolute(dir, s.global.dir)}
	if files == nil {
		files, _ = dockercli.DefaultFiles(p.Dir) // nothing when there is none
		dir = p.Dir
	}
	for _, f := range files {
		p.Files = append(p.Files, absolute(dir, f))
	}
	if s.global.dir == "" && len(p.Files) > 0 {
		p.Dir = filepath.Dir(p.Files[0])
	}
	for _, f := range envFiles {
		p.EnvFiles = append(p.EnvFiles, absolute(dir, f))
	}
	return p
}

// composeFiles returns the compose files of -f or COMPOSE_FILE, nil when neither is there.
func (s *session) composeFiles() []string {
	if files := s.global.files.Value(); len(files) > 0 {
		return files
	}
	return dockercli.ComposeFiles(s.Getenv)
}

// envFiles returns the env files that take the place of .env, nil when none does.
func (s *session) envFiles() []string {
	if files := s.global.envFiles.Value(); len(files) > 0 {
		return files
	}
	return dockercli.EnvFiles(s.Getenv)
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// projectFlags returns the global flags that say which project is meant, as they were given.
func (s *session) projectFlags() []string {
	flags := fileFlags(s.global.files.Value())
	if s.global.dir != "" {
		flags = append(flags, "--project-directory", s.global.dir)
	}
	for _, p := range s.global.profiles.Value() {
		flags = append(flags, "--profile", p)
	}
	for _, f := range s.global.envFiles.Value() {
		flags = append(flags, "--env-file", f)
	}
	if s.global.name != "" {
		flags = append(flags, "-p", s.global.name)
	}
	return flags
}

// commandLine writes words for a shell.
func commandLine(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		if quoted[i] = w; w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,@+%") != "" {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
