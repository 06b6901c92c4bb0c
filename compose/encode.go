package compose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/secret"
)

// Encode writes a project as JSON that docker compose reads back as the same
// model: every $ in a value is doubled so that nothing is interpolated again.
// Keys are left alone, since Compose interpolates only values.
// JSON is YAML: https://yaml.org/spec/1.2.2/#13-relation-to-json.
func Encode(project *types.Project) ([]byte, error) {
	data, err := marshal(withBinds(project, func(b *types.ServiceVolumeBind) { b.SELinux = hostPathMark + b.SELinux }))
	if err != nil {
		return nil, err
	}
	data = hostPathAlone().ReplaceAll(data, []byte(`"create_host_path": true`))
	data = hostPathMarked().ReplaceAll(data, []byte(`"create_host_path": true, "selinux": "$1`))
	data = escapeForYAML(data)
	if !bytes.ContainsRune(data, '$') {
		return data, nil
	}
	out := make([]byte, 0, len(data)+256)
	for s := newStrings(data); s.next(); {
		out = append(out, s.before()...)
		if s.isKey() {
			out = append(out, s.text()...)
			continue
		}
		out = append(out, bytes.ReplaceAll(s.text(), []byte("$"), []byte("$$"))...)
	}
	return append(out, tailOf(data)...), nil
}

// escapeForYAML escapes what JSON holds as it is and YAML does not: DEL, the C1
// controls, NEL, which YAML folds to a space, the byte order mark and two
// characters that are none. https://yaml.org/spec/1.2.2/#51-character-set.
func escapeForYAML(data []byte) []byte {
	if !bytes.ContainsFunc(data, notInYAML) {
		return data
	}
	out := make([]byte, 0, len(data)+64)
	for _, r := range string(data) {
		if notInYAML(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

func notInYAML(r rune) bool {
	return r >= 0x7f && (r <= 0x9f || r == 0xfeff || r == 0xfffe || r == 0xffff || r == 0x2028 || r == 0x2029)
}

// marshal is Project.MarshalJSON with the models, which compose-go leaves out.
func marshal(project *types.Project) ([]byte, error) {
	if len(project.Models) > 0 {
		withModels := *project
		withModels.Extensions = maps.Clone(project.Extensions)
		if withModels.Extensions == nil {
			withModels.Extensions = types.Extensions{}
		}
		withModels.Extensions["models"] = project.Models
		project = &withModels
	}
	data, err := project.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode the project: %w", err)
	}
	return data, nil
}

// Fill puts the values that stay in the environment into an encoded model. The
// result holds them: it goes to RAM and to docker compose, nowhere else.
func Fill(model []byte, inputs *secret.Inputs, value func(*secret.Input) secret.Value) ([]byte, error) {
	if !inputs.Has(string(model)) {
		return model, nil
	}
	var failed error
	filled := inputs.Expand(string(model), func(in *secret.Input) string {
		raw := value(in).Reveal()
		if !utf8.Valid(raw) {
			failed = fmt.Errorf("the value of %s is not UTF-8 and cannot stay in the environment", in)
		}
		quoted, err := json.Marshal(strings.ReplaceAll(string(raw), "$", "$$"))
		if err != nil {
			failed = fmt.Errorf("encode the value of %s", in) // the cause may quote it
			return ""
		}
		return string(escapeForYAML(quoted[1 : len(quoted)-1]))
	})
	return []byte(filled), failed
}

// Blank puts a word in place of every value that stays in the environment.
func Blank(model []byte, inputs *secret.Inputs) []byte {
	return []byte(inputs.Expand(string(model), func(*secret.Input) string { return secret.Redacted }))
}

// YAML writes a project as docker compose config prints it.
func YAML(project *types.Project) ([]byte, error) {
	data, err := withBinds(project, func(b *types.ServiceVolumeBind) {
		b.Extensions = maps.Clone(b.Extensions)
		if b.Extensions == nil {
			b.Extensions = types.Extensions{}
		}
		b.Extensions["create_host_path"] = true
	}).MarshalYAML()
	if err != nil {
		return nil, fmt.Errorf("encode the project: %w", err)
	}
	return bytes.ReplaceAll(data, []byte("$"), []byte("$$")), nil
}

// stringScan walks the strings of valid JSON, quotes included.
type stringScan struct {
	data             []byte
	from, start, end int // data[from:start] is before the string data[start:end]
}

func newStrings(data []byte) *stringScan { return &stringScan{data: data} }

func (s *stringScan) next() bool {
	s.from = s.end
	i := bytes.IndexByte(s.data[s.from:], '"')
	if i < 0 {
		return false
	}
	s.start = s.from + i
	s.end = s.start + 1
	for s.data[s.end] != '"' {
		if s.data[s.end] == '\\' {
			s.end++
		}
		s.end++
	}
	s.end++
	return true
}

func (s *stringScan) before() []byte { return s.data[s.from:s.start] }
func (s *stringScan) text() []byte   { return s.data[s.start:s.end] }

func (s *stringScan) isKey() bool {
	for i := s.end; i < len(s.data); i++ {
		switch s.data[i] {
		case ' ', '\n', '\t', '\r':
		default:
			return s.data[i] == ':'
		}
	}
	return false
}

// tailOf is what follows the last string of JSON.
func tailOf(data []byte) []byte {
	return data[bytes.LastIndexByte(data, '"')+1:]
}

// Found is a text in a model and the path that leads to it.
type Found struct {
	Path []string
	Text string
}

// FindText returns every string of the project, keys too, that holds one of parts.
// Only then is the model walked: a project without any costs a search each.
func FindText(project *types.Project, parts ...string) ([]Found, error) {
	data, err := marshal(project)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(parts, func(part string) bool { return bytes.Contains(data, []byte(part)) }) {
		return nil, nil
	}
	holds := func(text string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
	}
	var tree any
	if err := decodeJSON(data, &tree); err != nil {
		return nil, err
	}
	var found []Found
	var walk func(node any, path []string)
	walk = func(node any, path []string) {
		switch n := node.(type) {
		case string:
			if holds(n) {
				found = append(found, Found{Path: slices.Clone(path), Text: n})
			}
		case []any:
			for i, e := range n {
				walk(e, append(path, strconv.Itoa(i)))
			}
		case map[string]any:
			for _, k := range sortedKeys(n) {
				if holds(k) {
					found = append(found, Found{Path: slices.Clone(path), Text: k})
				}
				walk(n[k], append(path, k))
			}
		}
	}
	walk(tree, nil)
	return found, nil
}
func decodeJSON(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("decode the project: %w", err)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
