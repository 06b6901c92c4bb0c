package migrate

import (
	"slices"

	"github.com/compose-secure/compose-secure/document"
)

// Edit is an edit as the tests see it.
type Edit struct {
	Start, End int
	Text       string
}

// Edits lists the edits in the order of the file.
func (c *Change) Edits() []Edit {
	edits := slices.Clone(c.edits)
	document.Sort(edits)
	var list []Edit
	for _, e := range edits {
		list = append(list, Edit{e.Start, e.End, e.Text})
	}
	return list
}
