package lint

import (
	"bytes"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// dockerignore is the ignore file of a build, as the builder reads it. nil leaves nothing out.
type dockerignore struct {
	context string // on disk
	matcher *patternmatcher.PatternMatcher
}

// dockerignoreOf reads Dockerfile.dockerignore or .dockerignore,
// https://docs.docker.com/build/concepts/context/#dockerignore-files. One that the builder refuses leaves nothing out.
func dockerignoreOf(f *files, b *build) *dockerignore {
	for _, path := range []string{b.dockerfile + ".dockerignore", filepath.Join(b.context, ".dockerignore")} {
		data, err := f.read(path)
		if err != nil {
			continue
		}
		return parseDockerignore(data, b.context)
	}
	return nil
}

func parseDockerignore(data []byte, context string) *dockerignore {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil
	}
	return &dockerignore{context, matcher}
}

// leavesOut reports whether the builder does not get the file at path, which lies in the context.
func (d *dockerignore) leavesOut(path string) bool {
	if d == nil {
		return false
	}
	rel, err := filepath.Rel(d.context, path)
	if err != nil || rel == "." || strings.HasPrefix(rel, "..") {
		return false
	}
	out, err := d.matcher.MatchesOrParentMatches(filepath.ToSlash(rel))
	return err == nil && out
}
