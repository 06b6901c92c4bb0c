package lint

import (
	"bytes"
	"errors"
	"iter"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/document"
	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// Uneditable says where and why a compose file cannot be edited as a whole.
type Uneditable struct {
	Line, Column int
	Why, Todo    string
}

// Error gives the reason without the place.
func (u *Uneditable) Error() string { return u.Why + "; " + u.Todo }

// ReadYAML gives the mapping of a file that is one YAML document. Its error is
// an *Uneditable.
func ReadYAML(data []byte) (*yaml.Node, error) {
	if at := oddBreak(data); at >= 0 {
		at := document.New(data).Pos(at)
		return nil, &Uneditable{at.Line, at.Column, "it has line breaks other than LF and CRLF", "replace them first"}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	err := dec.Decode(&doc)
	var load *yaml.LoadError
	switch {
	case errors.As(err, &load): // its words may repeat a part of the file
		return nil, &Uneditable{max(load.Mark.Line, 1), max(load.Mark.Column, 1), "it is not valid YAML", "docker compose config says why"}
	case err != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode:
		return nil, &Uneditable{1, 1, "it is not a compose file", "docker compose config says why"}
	case dec.Decode(&more) == nil:
		return nil, &Uneditable{max(more.Line, 1), max(more.Column, 1), "it holds several YAML documents", "split it into files"}
	case compose.CheckAliases(&doc) != nil:
		return nil, &Uneditable{doc.Content[0].Line, doc.Content[0].Column, "its aliases and merges stand for too many values, or for themselves", "write out what they repeat"}
	}
	return doc.Content[0], nil
}

// Documents gives every mapping of a file, as far as it is valid YAML.
func Documents(data []byte) []*yaml.Node {
	var list []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc yaml.Node
		if dec.Decode(&doc) != nil {
			return list
		}
		if len(doc.Content) > 0 && doc.Content[0].Kind == yaml.MappingNode && compose.CheckAliases(&doc) == nil {
			list = append(list, doc.Content[0])
		}
	}
}

// oddBreak gives the place of the first line break that YAML counts and editors
// do not, behind which positions would be those of other lines; -1 without one.
func oddBreak(data []byte) int {
	if i := bytes.IndexAny(data, "\u0085\u2028\u2029"); i >= 0 {
		return i
	}
	for i, c := range data {
		if c == '\r' && (i+1 == len(data) || data[i+1] != '\n') {
			return i
		}
	}
	return -1
}

// BareVariables gives the variables that a mapping takes by their names alone,
// without a $: in an environment, in build.args, as the source of a secret or config.
func BareVariables(n *yaml.Node) []string {
	var names []string
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; key != "environment" && key != "args" {
			continue
		}
		if name := yamldoc.Text(n.Content[i+1]); name != "" {
			names = append(names, name)
		}
		for _, v := range yamldoc.Pairs(n.Content[i+1]) {
			if v.None {
				names = append(names, v.Name)
			}
		}
	}
	return names
}

// NamedByVariable gives the service that reads an env file under a name with
// variables in it, of which vars are known; "" if there is none. dir is where
// paths of the compose file start.
func NamedByVariable(root *yaml.Node, dir, path string, vars map[string]string) string {
	for service, raw := range namesWithVariables(root) {
		plain, known := onDiskAs(dir, evaluate(raw, nil)), onDiskAs(dir, evaluate(raw, vars))
		if ok, _ := filepath.Match(known, path); ok && plain != path {
			return service
		}
	}
	return ""
}

// NamesFilesByVariable reports whether a service reads any env file under such a name.
func NamesFilesByVariable(root *yaml.Node) bool {
	for range namesWithVariables(root) {
		return true
	}
	return false
}

// namesWithVariables visits the services that name an env file with variables, and that name.
func namesWithVariables(root *yaml.Node) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, e := range serviceEntries(root) {
			for _, n := range yamldoc.Items(yamldoc.Get(e.Value, "env_file")) {
				if n.Kind == yaml.MappingNode {
					n = yamldoc.Get(n, "path")
				}
				if raw := yamldoc.Text(n); len(Variables(raw)) > 0 && !yield(e.Key.Value, raw) {
					return
				}
			}
		}
	}
}

// onDiskAs makes a pattern of a path in which variables stand as holes.
func onDiskAs(dir, name string) string {
	parts := strings.Split(name, secret.Hole) // text, variable, text, ...
	var b strings.Builder
	for i, p := range parts {
		if i%2 == 0 {
			b.WriteString(p)
		} else {
			b.WriteByte('*')
		}
	}
	if filepath.IsAbs(b.String()) {
		return filepath.Clean(b.String())
	}
	return filepath.Join(dir, b.String())
}

// Unedited is a compose file that stays as it is. It may not even be valid, so
// what it needs is what its text names.
type Unedited struct {
	Dir  string // where its paths start
	Data []byte
}

// Needs reports whether the file may read an env file, or, of the .env files in
// dotenv, take the variable.
func (u *Unedited) Needs(path, name string, dotenv []string) bool {
	for _, d := range dotenv {
		if d == path && u.Mentions(name) {
			return true
		}
	}
	return u.reads(path)
}

// Mentions reports whether the text of the file has a name as a word.
func (u *Unedited) Mentions(name string) bool { return hasWord(string(u.Data), name) }

// reads reports whether the text names a file by its path.
func (u *Unedited) reads(path string) bool {
	base := filepath.Base(path)
	for at := 0; ; {
		i := bytes.Index(u.Data[at:], []byte(base))
		if i < 0 {
			return false
		}
		from := at + i
		at = from + len(base)
		if at < len(u.Data) && isPathByte(u.Data[at]) {
			continue
		}
		for from > 0 && isPathByte(u.Data[from-1]) {
			from--
		}
		if from > 0 && (u.Data[from-1] == '}' || u.Data[from-1] == '$') {
			return true // only Compose knows
		}
		named := strings.TrimLeft(string(u.Data[from:at]), "-") // ${FILE:-app.env}
		if !filepath.IsAbs(named) {
			named = filepath.Join(u.Dir, named)
		}
		if filepath.Clean(named) == path {
			return true
		}
	}
}

func isPathByte(c byte) bool { return isNameByte(c) || c == '.' || c == '/' || c == '-' }

// unedited is a compose file that migrate leaves as it is, as lint meets it.
type unedited struct {
	Unedited
	shown  string
	dotenv []string // the .env files whose variables it takes
}
