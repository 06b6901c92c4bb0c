package migrate

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/compose-secure/compose-secure/document"
	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"
)

// ignoreEntry is a line that an ignore file has to have.
type ignoreEntry struct{ file, line string }

// builds gives the build contexts of a compose file, on disk.
func (c *file) builds() map[string]string {
	list := map[string]string{}
	for _, s := range c.services {
		if context, dockerfile := s.buildsIn(c.dir); context != "" {
			list[context] = dockerfile
		}
	}
	return list
}

// buildsIn gives context and Dockerfile of a service whose paths start at dir;
// "" without a build, or with one that is not on this disk.
func (s *service) buildsIn(dir string) (context, dockerfile string) {
	n := yamldoc.Follow(yamldoc.Get(s.merged, "build"))
	if context = yamldoc.Text(n); context == "" {
		if context = yamldoc.Text(yamldoc.Get(n, "context")); context == "" && n == nil {
			return "", ""
		}
		dockerfile = yamldoc.Text(yamldoc.Get(n, "dockerfile"))
	}
	if context == "" {
		context = "."
	}
	if strings.Contains(context, "://") || lint.Open(context, nil) {
		return "", ""
	}
	if !filepath.IsAbs(context) {
		context = filepath.Join(dir, context)
	}
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	if !filepath.IsAbs(dockerfile) {
		dockerfile = filepath.Join(context, dockerfile)
	}
	return context, dockerfile
}

// keepOut has git and builds leave a file of plaintext alone. A build context outside of
// the trees is not written to, so that it must not hold the file either.
func (c *file) keepOut(path string, dir bool) error {
	name := filepath.Base(path)
	suffix := ""
	if dir {
		suffix = "/"
	}
	if !lint.Ignored(path, dir) {
		c.ignore = append(c.ignore, ignoreEntry{filepath.Join(filepath.Dir(path), ".gitignore"), "/" + name + suffix})
	}
	for context, dockerfile := range c.builds() {
		rel, err := filepath.Rel(context, path)
		if err != nil || strings.HasPrefix(rel, "..") || lint.LeftOutOfBuild(context, dockerfile, path) {
			continue
		}
		if c.Trees.Outside(filepath.Join(context, ".dockerignore")) {
			return fmt.Errorf("its secrets would lie in the build context %q, which lies outside of the project and gets no .dockerignore; name that on the command line too", c.shown(context))
		}
		c.ignore = append(c.ignore, ignoreEntry{filepath.Join(context, ".dockerignore"), filepath.ToSlash(rel)})
	}
	return nil
}

// ignoreFiles appends what is missing to the ignore files.
func (p *planner) ignoreFiles() error {
	for _, i := range p.ignore {
		old, err := original(i.file)
		if err != nil {
			return err
		}
		data, ok := p.now[i.file]
		if !ok {
			data = old
		}
		t := document.New(data)
		if strings.Contains("\n"+strings.ReplaceAll(string(data), "\r", "")+"\n", "\n"+i.line+"\n") {
			continue
		}
		at, text := len(old), i.line+t.Newline()
		if len(data) > 0 && data[len(data)-1] != '\n' && len(p.edits[i.file]) == 0 {
			text = t.Newline() + text
		}
		if err := p.stage(i.file, old, append(p.edits[i.file], document.Edit{Range: document.Range{Start: at, End: at}, Text: text})); err != nil {
			return err
		}
	}
	return nil
}
