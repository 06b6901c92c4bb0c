package migrate

import "github.com/compose-secure/compose-secure/lint"

// outsideOf gives the entry of a file that stays since no PATH leads to it, as a tree.
func outsideOf(file string) Uneditable {
	return Uneditable{File: file, Line: 1, Column: 1, Why: lint.Because(lint.OutsideProject).String(), Todo: nameIt}
}

const nameIt = "name it, or its folder, on the command line if its secrets may move"
