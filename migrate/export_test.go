package migrate

import (
	"cmp"
	"slices"
)

// Edit is an edit as the tests see it.
type Edit struct {
	Start, End int
	Text       string
}

// Edits lists the edits in the order of the file.
func (c *Change) Edits() []Edit {
	edits := slices.Clone(c.edits)
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), cmp.Compare(a.order, b.order))
	})
	var list []Edit
	for _, e := range edits {
		list = append(list, Edit{e.start, e.end, e.text})
	}
	return list
}
