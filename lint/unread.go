package lint

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"go.yaml.in/yaml/v4"
)

// Note is something that a report could not look at, and the place that names
// it. It is no finding: the file may well be made later.
type Note struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
}

// String gives file:line:col: text.
func (n Note) String() string { return fmt.Sprintf("%s:%d:%d: %s", n.File, n.Line, n.Column, n.Text) }

func compareNotes(a, b Note) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// unread notes the env files that c names and needs, and that cannot be read.
func (p *pass) unread(c *composeFile) {
	var named []*yaml.Node
	for _, i := range yamldoc.Items(yamldoc.Get(c.root, "include")) {
		named = append(named, neededEnvFiles(yamldoc.Get(i, "env_file"))...)
	}
	for _, s := range c.services {
		named = append(named, neededEnvFiles(s.fields["env_file"])...)
	}
	for _, n := range named {
		path := c.path(yamldoc.Text(n))
		if path == "" || p.linter.excluded(c.files.shown(path)) {
			continue
		}
		why := whyUnread(path)
		if why == "" {
			continue
		}
		note := Note{File: p.src.path, Line: n.Line, Column: n.Column, Text: expand(yamldoc.Text(n), false).text + " " + why + " and was not checked"}
		if !slices.ContainsFunc(p.result.notes, func(n Note) bool { return n.Text == note.Text }) { // once, however many services share it
			p.result.notes = append(p.result.notes, note)
		}
	}
}

// neededEnvFiles gives the scalars of env_file without those that Compose may
// do without.
func neededEnvFiles(n *yaml.Node) []*yaml.Node {
	var list []*yaml.Node
	for _, i := range yamldoc.Items(n) {
		if i.Kind == yaml.MappingNode {
			if strings.EqualFold(yamldoc.Text(yamldoc.Get(i, "required")), "false") {
				continue
			}
			i = yamldoc.Follow(yamldoc.Get(i, "path"))
		}
		if yamldoc.Text(i) != "" {
			list = append(list, i)
		}
	}
	return list
}

func whyUnread(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "is not here"
	case err != nil, !info.Mode().IsRegular():
		return "cannot be read"
	}
	file, err := os.Open(path)
	if err != nil {
		return "cannot be read"
	}
	_ = file.Close() // nothing was written
	return ""
}
