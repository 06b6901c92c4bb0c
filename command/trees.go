package command

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/lint"
)

// trees are the directories whose files a command may write: the work trees of the compose files that the user
// named or that were found from the working directory up, and what else the user named. A compose file that the
// project's .env names is none of them, nor is a file that is included.
func (s *session) trees(configFiles []string) lint.Trees {
	var files []string
	for _, f := range s.composeFiles() {
		files = append(files, absolute(s.Dir, f))
	}
	if files == nil {
		files = slices.DeleteFunc(slices.Clone(configFiles), func(f string) bool { return !deliver.IsBelow(filepath.Dir(f), s.Dir) })
	}
	paths := s.envFiles()
	if s.global.dir != "" {
		paths = append(slices.Clone(paths), s.global.dir)
	}
	return lint.TreesOf(s.Dir, files, paths, nil)
}

// mayWrite refuses to write the value of a secret to a file outside of the trees.
func (s *session) mayWrite(p *deliver.Project, path, name string) error {
	if s.trees(p.ConfigFiles).Outside(path) {
		return fmt.Errorf("%q, the source of %s: %s, and rotate writes no such file; edit it with sops and run rotate without a value, or name it with --env-file",
			compose.Display(path), name, lint.Because(lint.OutsideProject))
	}
	return nil
}
