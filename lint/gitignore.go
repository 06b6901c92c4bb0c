package lint

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/safefile"
)

// ignorePattern is one line of a .gitignore.
type ignorePattern struct {
	base     string // directory that the pattern is relative to
	parts    []string
	negate   bool
	dirOnly  bool
	anchored bool
}

// parseIgnore reads the format of https://git-scm.com/docs/gitignore.
func parseIgnore(data []byte, base string) []ignorePattern {
	var list []ignorePattern
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		p := ignorePattern{base: base}
		if line[0] == '!' {
			p.negate, line = true, line[1:]
		}
		line = strings.TrimPrefix(line, `\`)
		if strings.HasSuffix(line, "/") {
			p.dirOnly, line = true, strings.TrimSuffix(line, "/")
		}
		p.anchored = strings.Contains(line, "/")
		p.parts = strings.Split(strings.TrimPrefix(line, "/"), "/")
		list = append(list, p)
	}
	return list
}

// match reports whether the pattern names rel, slash-separated below base, or a
// directory on the way to it.
func (p *ignorePattern) match(rel string, dir bool) bool {
	names := strings.Split(rel, "/")
	end := len(names) // of what the pattern may name
	if p.dirOnly && !dir {
		end--
	}
	if p.anchored {
		return matchParts(p.parts, names, end)
	}
	return slices.ContainsFunc(names[:end], func(name string) bool {
		ok, _ := path.Match(p.parts[0], name)
		return ok
	})
}

// matchParts reports whether the pattern is all of names[:n], for an n from 1 to
// end. It goes through the pattern once, with every n that its start can be, so
// that no pattern costs more than its length times that of the path.
func matchParts(pattern, names []string, end int) bool {
	if !slices.Contains(pattern, "**") && len(pattern) > end {
		return false
	}
	ends, next := make([]bool, end+1), make([]bool, end+1)
	ends[0] = true
	for i, part := range pattern {
		clear(next)
		from := slices.Index(ends, true)
		switch {
		case from < 0:
			return false
		case part == "**" && i == len(pattern)-1: // what is inside, not the directory itself
			return from < end
		case part == "**":
			for n := from; n <= end; n++ {
				next[n] = true
			}
		default:
			for n := from; n < end; n++ {
				if ends[n] {
					next[n+1], _ = path.Match(part, names[n])
				}
			}
		}
		ends, next = next, ends
	}
	return slices.Contains(ends[1:], true)
}

// matchIgnore decides by the last pattern that matches, for path itself and
// for every directory on the way to it.
func matchIgnore(patterns []ignorePattern, target string, dir bool) bool {
	ignored := false
	for i := range patterns {
		p := &patterns[i]
		rel, err := filepath.Rel(p.base, target)
		if err != nil || rel == "." || strings.HasPrefix(rel, "..") {
			continue
		}
		rel = filepath.ToSlash(rel)
		if p.match(rel, dir) {
			ignored = !p.negate
		}
	}
	return ignored
}

// ignored reports whether git would not add path.
func (r *repo) ignored(target string, dir bool) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	patterns := append([]ignorePattern(nil), r.ignores[""]...)
	for _, d := range dirsTo(r.root, filepath.Dir(target)) {
		list, ok := r.ignores[d]
		if !ok {
			if data, err := safefile.Read(filepath.Join(d, ".gitignore")); err == nil {
				list = parseIgnore(data, d)
			}
			r.ignores[d] = list
		}
		patterns = append(patterns, list...)
	}
	r.mu.Unlock()
	return matchIgnore(patterns, target, dir)
}

// dirsTo lists the directories from root to dir.
func dirsTo(root, dir string) []string {
	rel, err := filepath.Rel(root, dir)
	if err != nil || strings.HasPrefix(rel, "..") {
		return nil
	}
	list := []string{root}
	if rel == "." {
		return list
	}
	for _, part := range strings.Split(rel, string(filepath.Separator)) {
		root = filepath.Join(root, part)
		list = append(list, root)
	}
	return list
}
