package secret

import (
	_ "embed"
	"path"
	"strings"
	"sync"
)

// Catalog knows which images read a variable from a file. It is immutable.
type Catalog struct {
	images []*Image
	// byName holds the rows of every name without a wildcard, globs the rest;
	// both in the order of the data, since the first row that fits wins.
	byName map[string][]*Image
	globs  []globRow
}

type globRow struct {
	glob  string
	image *Image
}

// Image is one row of the catalogue: what one image, in one range of versions,
// does with variables that are given as files.
type Image struct {
	Name        string   // the first name of the row
	Sources     []string // what was read: repository[@commit]:path, or an URL
	Note        string   // traps, in one line; may be empty
	Verified    bool     // false: known from documentation or an old version only
	Unsupported bool     // known to read no file for any variable
	BothSet     BothSet  // what happens when the variable stands beside its file form
	Newline     Newline  // what happens to a newline at the end of the file
	Owner       *Owner   // the owner and mode the image insists on; nil: any it can read
	RunsAs      string   // the user that reads the file, a uid or a name in the image, where it is known not to be root

	names  []string
	tags   versionRange
	form   form
	vars   []variable
	except []string
	runs   []string // globs of the commands whose start reads files; empty: any
	row    []string
}

// Owner is what an image demands of the file itself.
type Owner struct {
	UID, GID int
	Mode     uint32
}

// BothSet is what an image does when a variable and its file form are both set.
type BothSet string

// The known behaviours; "" stands for an image without a file form.
const (
	BothError    BothSet = "error" // it does not start
	BothFile     BothSet = "file"  // the file wins
	BothReadable BothSet = "file if readable"
	BothVariable BothSet = "variable" // the variable wins
	BothLast     BothSet = "last in environment order"
	BothSame     BothSet = "same variable" // the two cannot stand side by side
	BothUnknown  BothSet = "unknown"
)

// Newline is what an image does with a newline that ends the file.
type Newline string

// The known behaviours; "" stands for an image without a file form.
const (
	NewlineTrimmed    Newline = "trimmed"
	NewlineOneTrimmed Newline = "one trimmed"
	NewlineFirstLine  Newline = "first line"  // the rest of the file is ignored
	NewlineAllRemoved Newline = "all removed" // also those inside the value
	NewlineKept       Newline = "kept"        // it becomes part of the value
	NewlineUnknown    Newline = "unknown"
)

// FileForm says how one variable is given as a file.
type FileForm struct {
	// Variable takes the place of the original in the environment. It may be
	// the same name; it is "" when the image looks for Target by itself and the
	// original has to go.
	Variable string
	// ValueFormat has one %s for the absolute path inside the container.
	ValueFormat string
	// Target is the absolute path that the image insists on, "" when any will do.
	Target string
}

//go:embed catalog.csv
var catalogCSV string

// Default is the catalogue that is built in, parsed on first use. A test
// proves that it parses, so a panic here cannot reach a user.
func Default() *Catalog { return defaultCatalog() }

var defaultCatalog = sync.OnceValue(func() *Catalog {
	c, err := parseCatalog(strings.NewReader(catalogCSV))
	if err != nil {
		panic("catalog.csv: " + err.Error())
	}
	return c
})

// Lookup finds the row for an image reference as it stands in a compose file.
// Registry mirrors, docker.io/library/, case, tag and digest are seen through;
// a reference without a version in its tag counts as the newest version.
func (c *Catalog) Lookup(image string) (*Image, bool) {
	name, tag := splitImage(image)
	if name == "" {
		return nil, false
	}
	v := parseVersion(tag)
	for _, i := range c.byName[name] {
		if i.tags.contains(v) {
			return i, true
		}
	}
	for _, g := range c.globs {
		if ok, _ := path.Match(g.glob, name); ok && g.image.tags.contains(v) {
			return g.image, true
		}
	}
	return nil, false
}

// Images lists every row in the order of the data.
func (c *Catalog) Images() []*Image { return c.images }

// File reports how the image reads variable from a file; false means that it
// does not, and that the variable has to be delivered in another way.
func (i *Image) File(variable string) (FileForm, bool) {
	if i == nil || i.Unsupported || matches(i.except, variable) {
		return FileForm{}, false
	}
	for _, v := range i.vars {
		if v.matches(variable) && !i.form.isFileForm(variable) {
			return i.form.of(variable, v.target), true
		}
	}
	return FileForm{}, false
}

// Original is the reverse of File for images whose file form has a name of its
// own: the variable that fileVariable stands for.
func (i *Image) Original(fileVariable string) (string, bool) {
	if i == nil || i.Unsupported {
		return "", false
	}
	for _, v := range i.vars {
		o, ok := i.form.original(fileVariable, v)
		if !ok {
			continue
		}
		if f, ok := i.File(o); ok && f.Variable == fileVariable {
			return o, true
		}
	}
	return "", false
}

func matches(globs []string, name string) bool {
	for _, g := range globs {
		if ok, _ := path.Match(g, name); ok {
			return true
		}
	}
	return false
}

// Targets lists the absolute paths that the image looks for without a variable.
func (i *Image) Targets() []string {
	var list []string
	if i != nil && i.form.kind == formFixed {
		for _, v := range i.vars {
			list = append(list, v.target)
		}
	}
	return list
}
