package secret

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// catalogColumns is the first line of the data. Lists inside a cell are
// separated by spaces, sources by "; ".
var catalogColumns = [...]string{
	"images", "tags", "form", "variables", "except", "commands", "both_set", "newline",
	"file_owner", "runs_as", "verified", "sources", "note",
}

// parseCatalog reads the data. The error names the line.
func parseCatalog(r io.Reader) (*Catalog, error) {
	cr := csv.NewReader(r)
	cr.FieldsPerRecord = len(catalogColumns)
	head, err := cr.Read()
	if err != nil {
		return nil, err
	}
	if !slices.Equal(head, catalogColumns[:]) {
		return nil, fmt.Errorf("the columns must be %s", strings.Join(catalogColumns[:], ","))
	}
	c := &Catalog{byName: map[string][]*Image{}}
	for {
		row, err := cr.Read()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		i, err := parseRow(row)
		if err != nil {
			line, _ := cr.FieldPos(0)
			return nil, fmt.Errorf("line %d: %s: %w", line, row[0], err)
		}
		c.add(i)
	}
}

func (c *Catalog) add(i *Image) {
	c.images = append(c.images, i)
	for _, n := range i.names {
		if strings.ContainsAny(n, "*?[") {
			c.globs = append(c.globs, globRow{glob: n, image: i})
		} else {
			c.byName[n] = append(c.byName[n], i)
		}
	}
}

func parseRow(row []string) (*Image, error) {
	cell := make(map[string]string, len(row))
	for n, name := range catalogColumns {
		cell[name] = row[n]
	}
	i := &Image{
		row:     row,
		names:   strings.Fields(cell["images"]),
		except:  strings.Fields(cell["except"]),
		runs:    strings.Fields(cell["commands"]),
		Note:    cell["note"],
		BothSet: BothSet(cell["both_set"]),
		Newline: Newline(cell["newline"]),
	}
	if len(i.names) == 0 {
		return nil, fmt.Errorf("no image is named")
	}
	i.Name = i.names[0]
	for _, n := range i.names {
		if got, tag := splitImage(n); got != n || tag != "" {
			return nil, fmt.Errorf("%q is not a normalised name, use %q", n, got)
		}
	}
	for _, g := range slices.Concat(i.names, i.except, i.runs) {
		if _, err := path.Match(g, ""); err != nil {
			return nil, fmt.Errorf("%q is no pattern", g)
		}
	}
	for _, s := range strings.Split(cell["sources"], ";") {
		s = strings.TrimSpace(s)
		if !strings.Contains(s, ":") {
			return nil, fmt.Errorf("source %q is neither REPOSITORY:PATH nor an URL", s)
		}
		i.Sources = append(i.Sources, s)
	}
	if cell["verified"] != "yes" && cell["verified"] != "no" {
		return nil, fmt.Errorf("verified is yes or no")
	}
	i.Verified = cell["verified"] == "yes"
	return i, i.parseBehaviour(cell)
}

func (i *Image) parseBehaviour(cell map[string]string) error {
	var err error
	if i.tags, err = parseRange(cell["tags"]); err != nil {
		return err
	}
	if i.form, err = parseForm(cell["form"]); err != nil {
		return err
	}
	i.Unsupported = i.form.kind == formNone
	for _, s := range strings.Fields(cell["variables"]) {
		v, err := parseVariable(s, i.form.kind)
		if err != nil {
			return err
		}
		i.vars = append(i.vars, v)
	}
	if i.Unsupported != (len(i.vars) == 0) {
		return fmt.Errorf("variables are given if and only if the form is not none")
	}
	if i.Unsupported && len(i.runs) > 0 {
		return fmt.Errorf("commands are given only with a form other than none")
	}
	if i.Unsupported != (i.BothSet == "") || i.Unsupported != (i.Newline == "") {
		return fmt.Errorf("both_set and newline are given if and only if the form is not none")
	}
	if !i.Unsupported && (!i.BothSet.valid() || !i.Newline.valid()) {
		return fmt.Errorf("both_set %q or newline %q is not one of the documented words", i.BothSet, i.Newline)
	}
	return i.parseOwner(cell["file_owner"], cell["runs_as"])
}

func (i *Image) parseOwner(owner, runsAs string) error {
	if runsAs == "0" || runsAs == "root" || strings.ContainsAny(runsAs, " :") {
		return fmt.Errorf("runs_as %q is not a user other than root", runsAs)
	}
	i.RunsAs = runsAs
	if owner == "" {
		return nil
	}
	var o Owner
	if n, err := fmt.Sscanf(owner, "%d:%d %o", &o.UID, &o.GID, &o.Mode); err != nil || n != 3 {
		return fmt.Errorf("file_owner %q is not of the form UID:GID MODE", owner)
	}
	i.Owner = &o
	return nil
}

func (b BothSet) valid() bool {
	return slices.Contains([]BothSet{
		BothError, BothFile, BothReadable, BothVariable, BothLast, BothSame, BothUnknown,
	}, b)
}

func (n Newline) valid() bool {
	return slices.Contains([]Newline{
		NewlineTrimmed, NewlineOneTrimmed, NewlineFirstLine, NewlineAllRemoved, NewlineKept, NewlineUnknown,
	}, n)
}
