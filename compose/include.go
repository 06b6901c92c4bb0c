package compose

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"go.yaml.in/yaml/v4"
)

// maxIncludes bounds how many files are followed, cycles included.
const maxIncludes = 1000

// include is one entry of a compose file's include list, in either form.
type include struct {
	Path             stringList `yaml:"path"`
	ProjectDirectory string     `yaml:"project_directory"`
	EnvFile          stringList `yaml:"env_file"`
}

type stringList []string

// UnmarshalYAML takes a string for a list of one.
func (l *stringList) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = stringList{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}

// UnmarshalYAML takes a path for an include of that path.
func (i *include) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		i.Path = stringList{n.Value}
		return nil
	}
	type plain include
	return n.Decode((*plain)(i))
}

// includesOf lists the includes of a compose file; none when it is not YAML,
// which the loader reports.
func includesOf(data []byte) []include {
	if !bytes.Contains(data, []byte("include")) {
		return nil
	}
	var all []include
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc struct {
			Include []include `yaml:"include"`
		}
		if decoder.Decode(&doc) != nil { // the end, too
			return all
		}
		all = append(all, doc.Include...)
	}
}

// level is what the compose files of one include have in common, the main files
// being the first.
type level struct {
	workingDir string   // env_file and project_directory start here; as in compose-go it may be relative
	dir        string   // paths start here
	base       string   // references in values start here; absolute
	files      []string // ancestors and own, against cycles
	raw        map[string]string
	hidden     map[string]string // raw with placeholders
}

func (l *level) lookup(name string) (string, bool) { v, ok := l.raw[name]; return v, ok }

// includeJob is a compose file whose includes are to be followed.
type includeJob struct {
	data []byte
	*level
}

// findIncluded follows includes and notes the secrets of their env files on
// the way. compose-go reads those files on its own, as plain dotenv files, so what it
// interpolates is a value or a ciphertext; the note leads from there to the
// placeholder. To that end the steps of compose-go's ApplyInclude are taken twice: once as
// it takes them, once with the secrets hidden. environment is that of the main file, secrets hidden.
func (e *envFiles) findIncluded(data []byte, dir string, environment map[string]string) error {
	declared := declarations{}
	top := &level{workingDir: dir, dir: dir, base: dir, raw: environment, hidden: environment}
	for queue, seen := []includeJob{{data, top}}, 0; len(queue) > 0; seen++ {
		if seen > maxIncludes {
			return reportf("more than %d files are included; include fewer", maxIncludes)
		}
		next := queue[0]
		queue = queue[1:]
		for _, inc := range includesOf(next.data) {
			below, paths, err := e.enter(next.level, inc)
			if err != nil {
				return err
			}
			if below == nil {
				continue
			}
			unit := declarations{} // later files of one include override earlier ones
			for _, file := range paths {
				if data, err := readFile(file); err == nil {
					if err := checkAliases(file, data); err != nil {
						return err
					}
					if err := e.project.addIncluded(file, data); err != nil {
						return err
					}
					queue = append(queue, includeJob{data, below})
					e.unchecked = append(e.unchecked, uncheckedFile{file, data, below.lookup})
					unit.read(file, data, below.dir)
					e.files = append(e.files, file)
					e.bases[Display(file)] = below.base
					e.sourceAlone = e.sourceAlone || sourceAlone(data)
				}
			}
			if err := declared.join(unit); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter returns the level that an include makes and the compose files in it, or nil for
// an include that the loader refuses.
func (e *envFiles) enter(up *level, inc include) (*level, []string, error) {
	texts := []*string{&inc.ProjectDirectory}
	for i := range inc.Path {
		texts = append(texts, &inc.Path[i])
	}
	for i := range inc.EnvFile {
		texts = append(texts, &inc.EnvFile[i])
	}
	for _, text := range texts {
		resolved, err := e.project.substitute(*text, up.lookup)
		if err != nil {
			return nil, nil, nil //nolint:nilerr // the loader reports it, with its place
		}
		*text = resolved
	}
	if len(inc.Path) == 0 {
		return nil, nil, nil
	}
	for i, file := range inc.Path {
		inc.Path[i] = Absolute(up.dir, file)
	}
	main := inc.Path[0]
	if slices.Contains(up.files, main) {
		return nil, nil, nil // a cycle
	}
	below := &level{files: append(slices.Clone(up.files), main)}
	below.place(up, filepath.Dir(main), inc.ProjectDirectory)
	below.base = Absolute(up.base, below.workingDir)
	return below, inc.Path, e.noteIncluded(up, below, includedFiles(up, below, inc.EnvFile))
}

// place sets the directories of a level as compose-go does.
func (l *level) place(up *level, beside, projectDir string) {
	start := beside
	switch {
	case projectDir == "":
		l.dir = beside
	case filepath.IsAbs(projectDir):
		l.dir, l.workingDir = projectDir, projectDir
		return
	default:
		l.dir = filepath.Join(up.workingDir, projectDir)
		start = Absolute(up.dir, projectDir)
		if info, err := os.Stat(start); err != nil || !info.IsDir() {
			start = filepath.Dir(start)
		}
	}
	l.workingDir = start
	if relative, err := filepath.Rel(up.dir, start); err == nil {
		l.workingDir = relative
	}
}

// includedFiles are the env files of an include.
func includedFiles(up, below *level, named []string) []string {
	if len(named) == 0 {
		own := filepath.Join(below.dir, ".env")
		if info, err := os.Stat(own); err != nil || info.IsDir() {
			return nil
		}
		return []string{own}
	}
	var files []string
	for _, file := range named {
		if file != os.DevNull {
			files = append(files, Absolute(up.workingDir, file))
		}
	}
	return files
}

// noteIncluded completes the environments of a level and remembers what stands for the
// secrets of its env files, and for the values that are made of them.
func (e *envFiles) noteIncluded(up, below *level, files []string) error {
	e.others = append(e.others, files...)
	texts := map[string][]byte{}
	for _, path := range files {
		data, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the loader reports it
		}
		if err != nil {
			return err
		}
		texts[path] = data
		e.references.note(path, data)
	}
	raw, err := dotenv.GetEnvFromFile(up.raw, files)
	if err != nil {
		return envFileFault(err) // nil for a missing file, which the loader reports
	}
	for _, path := range files {
		if err := namelessFault(path, texts[path], raw); err != nil {
			return err
		}
	}
	e.base = func() string { return below.base }
	hidden, err := e.readHidden(up.hidden, files)
	e.base = nil
	if err != nil {
		return err
	}
	for name, text := range raw {
		token, ok := hidden[name]
		switch id := (variable{name, text}); {
		case !ok:
		case token == text:
			e.clean[id] = true
		default:
			e.included[id] = token
		}
	}
	below.raw, below.hidden = inherit(raw, up.raw), inherit(hidden, up.hidden)
	return nil
}

// inherit is the environment of an include: what is set further up stays.
func inherit(own, up map[string]string) map[string]string {
	merged := maps.Clone(own)
	maps.Copy(merged, up)
	return merged
}

// readHidden is dotenv.GetEnvFromFile with every secret hidden. Files in a row are read
// as one, so that each sees what those before it set.
func (e *envFiles) readHidden(set map[string]string, files []string) (map[string]string, error) {
	values := map[string]string{}
	lookup := func(name string) (string, bool) {
		if v, ok := set[name]; ok {
			return v, true
		}
		v, ok := values[name]
		return v, ok
	}
	var text []byte
	last := ""
	parse := func() error {
		own, err := e.parseHidden(last, text, lookup)
		maps.Copy(values, own)
		text = nil
		return err
	}
	for _, path := range files {
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		opened, ok, err := e.inspect(path, data)
		if err != nil {
			return nil, err
		}
		if !ok {
			text = append(append(text, bytes.TrimPrefix(data, []byte("\uFEFF"))...), '\n')
			last = path
			continue
		}
		if err := parse(); err != nil {
			return nil, err
		}
		maps.Copy(values, opened)
	}
	return values, parse()
}

// cover hides, in a value of an included env file, each secret of one. It is there for
// what findIncluded did not foresee.
func (e *envFiles) cover(name, value string) string {
	if value == e.top[name] || e.clean[variable{name, value}] {
		return value
	}
	known := slices.SortedFunc(maps.Keys(e.included), func(a, b variable) int {
		return cmp.Or(len(b.value)-len(a.value), strings.Compare(a.name, b.name))
	})
	for _, v := range known {
		if token := e.included[v]; len(v.value) >= minCovered && e.project.Inputs.Has(token) {
			value = strings.ReplaceAll(value, v.value, token)
		}
	}
	return value
}

// minCovered is how many bytes of a secret make it likely that another value which
// holds them is made of it.
const minCovered = 4

// Absolute joins dir and a path that is relative to it.
func Absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// declaration is where an included file declares a secret or a config, and what
// it says of it.
type declaration struct {
	at   Position
	text string
}

// declarations are by section and name.
type declarations map[[2]string]declaration

// read notes what a file declares. Paths in it start at dir.
func (d declarations) read(file string, data []byte, dir string) {
	eachDeclared(data, func(section, name string, node *yaml.Node) {
		var says map[string]any
		if node.Decode(&says) != nil {
			return // the loader reports it
		}
		if path, ok := says["file"].(string); ok {
			says["file"] = Absolute(dir, path)
		}
		d[[2]string{section, name}] = declaration{
			at: Position{File: Display(file), Line: node.Line, Column: node.Column}, text: fmt.Sprint(says), // maps print sorted
		}
	})
}

// join refuses a secret or config that another include declares differently: compose-go
// would let one of the two win without a word.
func (d declarations) join(unit declarations) error {
	for id, own := range unit {
		other, found := d[id]
		if found && other.text != own.text {
			return reportf("%s: %s.%s is declared with another value at %s; rename one of the two", own.at, id[0], id[1], other.at)
		}
		d[id] = own
	}
	return nil
}
