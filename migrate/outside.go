package migrate

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/lint"
)

// whyOutside is why a file stays that no PATH leads to, as a tree. A compose
// file that somebody else wrote may name any file of this machine.
const (
	whyOutside = "it lies outside of the project"
	nameIt     = "name it, or its folder, on the command line if its secrets may move"
)

// roots gives the trees whose files may be edited: the work tree of each compose file that was
// named, the folder of one without git, and every PATH itself. Symlinks are resolved.
func roots(dir string, files, paths []string) []string {
	var list []string
	for _, path := range files {
		folder := real(filepath.Dir(path))
		list = append(list, cmp.Or(lint.WorkTree(folder), folder))
	}
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		list = append(list, real(path))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// real resolves the symlinks of a path, or of as much of it as exists.
func real(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(real(parent), filepath.Base(path))
	}
	return path
}

// outside reports whether a file lies in none of the trees.
func (p *planner) outside(path string) bool {
	path = real(path)
	return !slices.ContainsFunc(p.roots, func(root string) bool {
		rel, err := filepath.Rel(root, path)
		return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
	})
}

// outsideOf gives the entry of a file that stays since it lies outside.
func outsideOf(file string) Out {
	return Out{File: file, Line: 1, Column: 1, Why: whyOutside, Todo: nameIt}
}
