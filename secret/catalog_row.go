package secret

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// CatalogHeader is the first line of the catalogue.
func CatalogHeader() string { return csvLine(catalogColumns[:]) }

// Row is the image's line of the catalogue, without a line break.
func (i *Image) Row() string { return csvLine(i.row) }

// Cells are the cells of the image's row that are not empty, by column.
func (i *Image) Cells() map[string]string {
	cells := map[string]string{}
	for n, name := range catalogColumns {
		if i.row[n] != "" {
			cells[name] = i.row[n]
		}
	}
	return cells
}

// ParseRow reads one line of a catalogue.
func ParseRow(line string) (*Image, error) {
	cr := csv.NewReader(strings.NewReader(line))
	cr.FieldsPerRecord = len(catalogColumns)
	row, err := cr.Read()
	if err != nil {
		return nil, fmt.Errorf("row of a catalogue: %w", err)
	}
	if _, err := cr.Read(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("row of a catalogue: it is more than one line")
	}
	return parseRow(row)
}

// ScriptRow makes the row of an image from what its entrypoint, script, was
// found to read: variables in a form of the catalogue, for commands.
func ScriptRow(image, form string, variables, commands []string, script string) (*Image, error) {
	name, _ := splitImage(image)
	cells := map[string]string{
		"images": name, "form": form, "variables": strings.Join(variables, " "), "commands": strings.Join(commands, " "),
		"both_set": string(BothUnknown), "newline": string(NewlineTrimmed), "verified": "no",
		"sources": "image:" + script, "note": "read in the image's entrypoint",
	}
	row := make([]string, len(catalogColumns))
	for n, column := range catalogColumns {
		row[n] = cells[column]
	}
	return parseRow(row)
}

// For returns the row under the name that the catalogue would have for an image.
func (i *Image) For(image string) (*Image, error) {
	row := slices.Clone(i.row)
	row[0], _ = splitImage(image)
	return parseRow(row)
}

// Of returns the program with cmd, what the image itself runs, where no command
// is given. A row that was made from a script asks for it: a company's image may run anything.
func (p Program) Of(cmd []string) Program {
	if !p.Entrypoint && len(p.Command) == 0 {
		if p.Command = slices.Clone(cmd); len(p.Command) == 0 {
			p.Command = []string{Hole}
		}
	}
	return p
}

func csvLine(row []string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(row) // a Builder takes everything
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}
