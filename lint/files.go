package lint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/compose-secure/compose-secure/safefile"
)

// kind is how a file is read.
type kind int

const (
	kindCompose kind = iota
	kindEnv
	kindDockerfile
)

// files is the disk as the rules see it.
type files struct {
	cwd   string
	trees Trees // that migrate may edit, once it is known what was named
	mu    sync.Mutex
	repos map[string]*repo // by directory asked for
}

func newFiles(cwd string) *files { return &files{cwd: cwd, repos: map[string]*repo{}} }

// shown gives a path as it is printed: relative to the working directory when
// it lies below.
func (f *files) shown(path string) string {
	if rel, err := filepath.Rel(f.cwd, path); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(path)
}

// read reads a file whose path may be printed.
func (f *files) read(path string) ([]byte, error) {
	data, err := safefile.Read(path)
	if other := (*fs.PathError)(nil); errors.As(err, &other) && other.Op == "read" {
		return nil, fmt.Errorf("%s: %w", f.shown(path), other.Err)
	}
	return data, err
}

// kindOf tells a file's kind by its name.
func kindOf(path string) kind {
	base := strings.ToLower(filepath.Base(path))
	switch {
	case isDockerfileName(base):
		return kindDockerfile
	case isEnvName(base), isEnvDirEntry(path, base):
		return kindEnv
	}
	return kindCompose
}

// isEnvDirEntry tells .envs/.local/.postgres, as the projects lay it out that are
// made from https://github.com/cookiecutter/cookiecutter-django.
func isEnvDirEntry(path, base string) bool {
	return base[0] == '.' && strings.LastIndexByte(base, '.') == 0 && !strings.HasPrefix(base, ".git") && base != ".dockerignore" &&
		strings.Contains("/"+filepath.ToSlash(path), "/.envs/")
}

func isDockerfileName(base string) bool {
	switch strings.TrimPrefix(filepath.Ext(base), ".") {
	case "dockerignore", "md", "png", "jpg", "jpeg", "gif", "svg", "pdf", "yml", "yaml", "json", "sh", "py", "go", "js", "ts", "html", "zip", "gz":
		return false
	}
	return base == "dockerfile" || base == "containerfile" || strings.HasSuffix(base, ".dockerfile") ||
		strings.HasPrefix(base, "dockerfile.") || strings.HasPrefix(base, "dockerfile-") || strings.HasPrefix(base, "containerfile.")
}

// isEnvName tells .env, .env.local, .env-prod, db.env, and the forms to fill in
// that are called after them: env.example, db.env.dist.
func isEnvName(base string) bool {
	rest, dotted := strings.CutPrefix(base, ".env")
	if dotted && (rest == "" || strings.IndexByte(".-_", rest[0]) >= 0) {
		return true
	}
	if i := strings.LastIndexAny(base, ".-_"); i > 0 && isSampleName(base[i:]) {
		base = base[:i]
	}
	return base == "env" || strings.HasSuffix(base, ".env")
}

// isSampleName tells files that are a form to fill in.
func isSampleName(base string) bool {
	for _, w := range [...]string{"example", "sample", "template", "dist", "tmpl"} {
		if strings.Contains(base, w) {
			return true
		}
	}
	return false
}

// walk lists the files below dir that are worth reading: compose files by name
// or by their first keys, env files and Dockerfiles; what git ignores is left
// out, as are the directories of package managers.
func (f *files) walk(ctx context.Context, dir string) ([]fileRef, error) {
	return f.walkUntil(ctx, dir, func() bool { return false })
}

// walkUntil is walk that ends when enough says so, which is asked for each entry.
// isForeign tells folders that hold nothing of the project's own.
func isForeign(name string) bool {
	return slices.Contains([]string{".git", "node_modules", ".venv", ".terraform"}, name)
}

func (f *files) walkUntil(ctx context.Context, dir string, enough func() bool) ([]fileRef, error) {
	var list []fileRef
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		if enough() {
			return fs.SkipAll
		}
		if err != nil {
			if d != nil && d.IsDir() && path != dir {
				return fs.SkipDir
			}
			return err
		}
		if path != dir && f.repo(filepath.Dir(path)).ignored(path, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			if isForeign(d.Name()) && path != dir {
				return fs.SkipDir
			}
			return nil
		}
		base := strings.ToLower(d.Name())
		if !d.Type().IsRegular() {
			return nil
		}
		switch k := kindOf(path); {
		case k != kindCompose:
			list = append(list, fileRef{path: path, kind: k})
		case f.isCompose(path, base):
			list = append(list, fileRef{path: path, kind: k})
		}
		return nil
	})
	return list, err
}

func (f *files) isCompose(path, base string) bool {
	if !strings.HasSuffix(base, ".yml") && !strings.HasSuffix(base, ".yaml") || base == ConfigName {
		return false
	}
	if strings.Contains(base, "compose") || strings.Contains(base, "docker-stack") {
		return true
	}
	data, err := f.read(path)
	if err != nil {
		return false
	}
	return (bytes.HasPrefix(data, []byte("services:")) || bytes.Contains(data, []byte("\nservices:"))) &&
		(bytes.Contains(data, []byte("image:")) || bytes.Contains(data, []byte("build:")))
}
