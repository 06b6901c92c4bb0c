package lint

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document"
	"github.com/compose-secure/compose-secure/secret"
)

// copied is an instruction of a Dockerfile that puts files of the build context into an image.
type copied struct {
	service string
	context string   // on disk
	sources []string // slash-separated below the context, with wildcards; "." is all of it
	left    []*dockerignore
	shown   string // the Dockerfile
	line    int
}

// copies lists what builds of services put into images.
func (c *composeFile) copies() []copied {
	var list []copied
	for _, s := range c.services {
		b := c.buildOf(s)
		if b == nil || b.context == "" {
			continue
		}
		text, shown, first := "", c.src.path, 0
		if b.inline != nil {
			text, first = b.inline.Value, b.inline.Line
		} else if data, err := c.files.read(b.dockerfile); err == nil {
			text, shown = string(data), c.files.shown(b.dockerfile)
		}
		d, err := parseDockerfile(newSource("", nil), text, nil, secret.Policy{})
		if err != nil {
			continue // nothing is known of it, and docker cannot build it
		}
		lines := document.New([]byte(text))
		for i := range d.steps {
			step := &d.steps[i]
			if step.name != "copy" && step.name != "add" || len(step.words) < 2 || fromStage(step) {
				continue
			}
			list = append(list, copied{
				service: s.name, context: b.context, sources: step.words[:len(step.words)-1],
				left: []*dockerignore{dockerignoreOf(c.files, b), excluded(step, b.context)}, shown: shown, line: first + lines.Line(step.start),
			})
		}
	}
	return list
}

// excluded are the patterns of COPY --exclude, which are those of .dockerignore.
func excluded(s *step, context string) *dockerignore {
	var patterns strings.Builder
	for _, f := range s.flags {
		if pattern, ok := strings.CutPrefix(f, "--exclude="); ok {
			patterns.WriteString(pattern + "\n")
		}
	}
	return parseDockerignore([]byte(patterns.String()), context)
}

// holds reports whether the file at path is copied.
func (i *copied) holds(file string) bool {
	rel, err := filepath.Rel(i.context, file)
	if err != nil || !filepath.IsLocal(rel) || slices.ContainsFunc(i.left, func(d *dockerignore) bool { return d.leavesOut(file) }) {
		return false
	}
	names := strings.Split(filepath.ToSlash(rel), "/")
	return slices.ContainsFunc(i.sources, func(source string) bool {
		if strings.Contains(source, "://") || strings.HasPrefix(source, "<<") {
			return false
		}
		source = strings.TrimPrefix(path.Clean("/"+source), "/")
		return source == "" || matchParts(strings.Split(source, "/"), names, len(names))
	})
}
