package lint

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// Trees are the directories whose files migrate may edit. A compose file that
// somebody else wrote may name any file of this machine.
type Trees []string

// TreesOf gives the work tree of each compose file that was named, the folder of
// one without git, and every path itself, relative to dir, with what flags name of the project, which may be nil.
// Symlinks are resolved.
func TreesOf(dir string, files, paths []string, project *Project) Trees {
	var list Trees
	paths = slices.Concat(paths, project.named())
	for _, path := range files {
		folder := resolved(filepath.Dir(path))
		list = append(list, cmp.Or(WorkTree(folder), folder))
	}
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		list = append(list, resolved(path))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// resolved follows the symlinks of a path, or of as much of it as exists.
func resolved(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(resolved(parent), filepath.Base(path))
	}
	return path
}

// Outside reports whether a file lies in none of the trees.
func (t Trees) Outside(path string) bool {
	path = resolved(path)
	return !slices.ContainsFunc(t, func(root string) bool { return isBelow(root, path) })
}

// isBelow reports whether a path is root or lies below it, by their names.
func isBelow(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// Around returns the work tree that a file lies in; without git, the widest of the trees
// that has it, or its folder.
func (t Trees) Around(path string) string {
	folder := resolved(filepath.Dir(path))
	if tree := WorkTree(folder); tree != "" {
		return tree
	}
	for _, tree := range t { // sorted: the widest comes first
		if !(Trees{tree}).Outside(folder) {
			return tree
		}
	}
	return folder
}

// outside is Outside where it is known what was named.
func (f *files) outside(path string) bool { return f != nil && f.trees != nil && f.trees.Outside(path) }
