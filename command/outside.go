package command

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/transform"
)

// outside lists the files beyond the project's directory that the project, and not the user, takes
// secrets from.
func outside(l *loaded, plan *transform.Plan) []string {
	inputs := l.Inputs.All()
	for _, s := range plan.Secrets {
		for _, p := range s.Parts {
			if p.Input != nil {
				inputs = append(inputs, *p.Input)
			}
		}
	}
	var found []string
	for _, in := range inputs {
		if in.Ref == nil || in.Ref.Scheme != "sops" && in.Ref.Scheme != "file" {
			continue
		}
		path := compose.Absolute(l.WorkingDir, in.Ref.Path)
		if l.IsGiven(path) || isBelow(l.WorkingDir, path) {
			continue
		}
		text := fmt.Sprintf("%s lies outside of the project's directory, and the project takes secrets from it", compose.Display(path))
		if !slices.Contains(found, text) {
			found = append(found, text)
		}
	}
	slices.Sort(found)
	return found
}

// isBelow reports whether a file is below a directory once links are followed. One that
// is not there is judged by its path.
func isBelow(dir, path string) bool {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	relative, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(relative)
}

// trees are the directories whose files a command may write: the work trees of the compose files that the user
// named or that were found from the working directory up, and what else the user named. A compose file that the
// project's .env names is none of them, nor is a file that is included.
func (s *session) trees(l *loaded) (lint.Trees, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the working directory: %w", err)
	}
	var files []string
	for _, f := range s.composeFiles() {
		files = append(files, absolute(dir, f))
	}
	if files == nil {
		files = slices.DeleteFunc(slices.Clone(l.ConfigFiles), func(f string) bool { return !isBelow(filepath.Dir(f), dir) })
	}
	paths := s.envFiles()
	if s.global.dir != "" {
		paths = append(slices.Clone(paths), s.global.dir)
	}
	return lint.TreesOf(dir, files, paths, nil), nil
}
