package lint

import (
	"os"
	"path"
	"path/filepath"
	"strings"
)

// ignorePattern is one line of a .gitignore or .dockerignore.
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

// match reports whether the pattern names rel, slash-separated below base.
func (p *ignorePattern) match(rel string, dir bool) bool {
	if p.dirOnly && !dir {
		return false
	}
	if !p.anchored {
		ok, _ := path.Match(p.parts[0], path.Base(rel))
		return ok
	}
	return matchParts(p.parts, strings.Split(rel, "/"))
}

func matchParts(pattern, name []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for i := range len(name) + 1 {
				if matchParts(pattern[1:], name[i:]) {
					return len(pattern) > 1 || len(name) > 0
				}
			}
			return false
		}
		if len(name) == 0 {
			return false
		}
		if ok, _ := path.Match(pattern[0], name[0]); !ok {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return len(name) == 0
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
		hit := p.match(rel, dir)
		for parent := path.Dir(rel); !hit && parent != "."; parent = path.Dir(parent) {
			hit = p.match(parent, true)
		}
		if hit {
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
			if data, err := os.ReadFile(filepath.Join(d, ".gitignore")); err == nil {
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
