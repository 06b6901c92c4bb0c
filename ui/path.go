package ui

import "path/filepath"

// Relative is a path as it is shown: from dir where it lies below it.
func Relative(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
