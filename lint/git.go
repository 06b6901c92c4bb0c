package lint

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/compose-secure/compose-secure/safefile"
)

// repo is a git work tree, read without running git. The zero value, and nil,
// is no work tree at all.
type repo struct {
	root    string
	tracked func() map[string]bool // paths in the index, slash-separated
	mu      sync.Mutex
	ignores map[string][]ignorePattern // by directory
}

// repo gives the work tree that dir lies in, or nil.
func (f *files) repo(dir string) *repo {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, ok := f.repos[dir]; ok {
		return r
	}
	var found *repo
	for d := dir; ; d = filepath.Dir(d) {
		if r, ok := f.repos[d]; ok {
			found = r
			break
		}
		if gitDir := gitDirOf(d); gitDir != "" {
			found = newRepo(d, gitDir)
			break
		}
		if filepath.Dir(d) == d {
			break
		}
	}
	f.repos[dir] = found
	return found
}

// WorkTree gives the root of the git work tree that a directory lies in, "" for none.
func WorkTree(dir string) string {
	if r := newFiles(dir).repo(dir); r != nil {
		return r.root
	}
	return ""
}

// gitDirOf gives the git directory of a work tree's root: .git, or what a
// .git file of a worktree or submodule names.
func gitDirOf(dir string) string {
	path := filepath.Join(dir, ".git")
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	if info.IsDir() {
		return path
	}
	data, err := safefile.Read(path)
	target, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "gitdir: ")
	if err != nil || !ok {
		return ""
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(dir, target)
	}
	return target
}

func newRepo(root, gitDir string) *repo {
	r := &repo{root: root, ignores: map[string][]ignorePattern{}}
	r.tracked = sync.OnceValue(func() map[string]bool {
		const maxIndex = 256 << 20 // a million files
		data, err := safefile.ReadLimit(filepath.Join(gitDir, "index"), maxIndex)
		if err != nil {
			return nil
		}
		return parseIndex(data)
	})
	if data, err := safefile.Read(filepath.Join(gitDir, "info", "exclude")); err == nil {
		r.ignores[""] = parseIgnore(data, root)
	}
	return r
}

func (r *repo) rel(path string) string {
	rel, err := filepath.Rel(r.root, path)
	if err != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}

// has reports whether git tracks path.
func (r *repo) has(path string) bool {
	return r != nil && r.tracked()[r.rel(path)]
}

// parseIndex lists the paths of a git index, versions 2 to 4, see
// https://git-scm.com/docs/index-format. A broken index gives what could be read.
func parseIndex(data []byte) map[string]bool {
	const header, fixed = 12, 62
	if len(data) < header || !bytes.HasPrefix(data, []byte("DIRC")) {
		return nil
	}
	version := binary.BigEndian.Uint32(data[4:])
	count := int(binary.BigEndian.Uint32(data[8:]))
	paths := make(map[string]bool, min(count, len(data)/fixed))
	previous := ""
	for at := header; len(paths) < count && at+fixed < len(data); {
		flags := binary.BigEndian.Uint16(data[at+60:])
		name := at + fixed
		if version >= 3 && flags&0x4000 != 0 {
			name += 2
		}
		keep := ""
		if version == 4 {
			strip, n := indexVarint(data[min(name, len(data)):])
			if n == 0 || strip > len(previous) {
				return paths
			}
			keep, name = previous[:len(previous)-strip], name+n
		}
		end := bytes.IndexByte(data[min(name, len(data)):], 0)
		if end < 0 {
			return paths
		}
		previous = keep + string(data[name:name+end])
		paths[previous] = true
		if version == 4 {
			at = name + end + 1
			continue
		}
		at += (name + end - at + 8) &^ 7
	}
	return paths
}

// indexVarint reads the offset encoding of pack files.
func indexVarint(data []byte) (value, n int) {
	for n < len(data) && n < 5 {
		b := data[n]
		n++
		value = value<<7 | int(b&0x7f)
		if b&0x80 == 0 {
			return value, n
		}
		value++
	}
	return 0, 0
}
