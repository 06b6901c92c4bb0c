package migrate

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// TextRef is a variable that holds a reference now: docker compose alone knows
// no form in which a file gives a variable, and passes the text on.
type TextRef struct {
	File         string
	Line, Column int
	Variable     string
}

// textRefs lists the variables that this plan has made references.
func (p *planner) textRefs() []TextRef {
	var list []TextRef
	for _, n := range p.all {
		names := p.stores[filepath.Join(n.root.dir, FilesName)]
		if !p.o.Files || n.result == nil || names == nil {
			continue
		}
		for _, s := range services(n.result) {
			for _, v := range s.environment() {
				if !slices.ContainsFunc(names.values, func(val *value) bool { return v.Value == n.fileRef(names, val) }) {
					continue
				}
				at := [2]int{v.Key.Line, v.Key.Column}
				if at[0] == 0 { // a line that is new
					at = serviceKey(n, s.name)
				}
				list = append(list, TextRef{p.shown(n.path), at[0], at[1], v.Name})
			}
		}
	}
	slices.SortFunc(list, func(a, b TextRef) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column, strings.Compare(a.Variable, b.Variable))
	})
	return slices.Compact(list)
}

// fileRef gives the reference by which a part takes a value of a store of files.
func (n *part) fileRef(s *names, v *value) string {
	path := filepath.Join(s.path, v.file)
	if rel, err := filepath.Rel(n.base(), path); err == nil {
		path = filepath.ToSlash(rel)
	}
	return "ref+file://" + path
}
