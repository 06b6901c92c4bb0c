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
	"go.yaml.in/yaml/v4"
	"golang.org/x/sync/errgroup"

	"github.com/compose-secure/compose-secure/encode"
	"github.com/compose-secure/compose-secure/secret"
)

// Encode writes a project as JSON that docker compose reads back as the same
// model: every $ in a value is doubled so that nothing is interpolated again.
// Keys are left alone, since Compose interpolates only values.
// JSON is YAML: https://yaml.org/spec/1.2.2/#13-relation-to-json.
func Encode(project *types.Project) ([]byte, error) {
	return encodeJSON(project, encode.Handover)
}

// JSON writes a project as docker compose config --format json prints it.
func JSON(project *types.Project) ([]byte, error) {
	return encodeJSON(project, encode.JSON)
}

func encodeJSON(project *types.Project, form encode.Form) ([]byte, error) {
	data, err := json.MarshalIndent(doubled(encode.Tree(project, form)), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the project: %w", err)
	}
	return escapeForYAML(data), nil
}

// YAML writes a project as docker compose config prints it.
func YAML(project *types.Project) ([]byte, error) {
	tree := encode.Tree(project, encode.YAML)
	doubled(tree)
	var out bytes.Buffer
	first := []string{"name", "services", "jobs", "networks", "volumes", "secrets", "configs", "models"}
	for _, key := range append(first, slices.DeleteFunc(sortedKeys(tree), func(key string) bool { return slices.Contains(first, key) })...) {
		if _, ok := tree[key]; !ok {
			continue
		}
		text, err := yamlKey(key, tree[key])
		if err != nil {
			return nil, fmt.Errorf("encode the project: %w", err)
		}
		out.Write(text)
	}
	return out.Bytes(), nil
}

// manyElements is from how many elements on a mapping is written by two goroutines.
const manyElements = 64

// yamlKey returns one key of the model with its value as YAML.
func yamlKey(key string, value any) ([]byte, error) {
	m, ok := value.(map[string]any)
	if !ok || len(m) < manyElements {
		return yamlText(map[string]any{key: value})
	}
	names, err := yamlOrder(m)
	if err != nil {
		return nil, err
	}
	var parts [2][]byte
	var group errgroup.Group
	for i, half := range [][]string{names[:len(names)/2], names[len(names)/2:]} {
		group.Go(func() (err error) {
			part := make(map[string]any, len(half))
			for _, name := range half {
				part[name] = m[name]
			}
			parts[i], err = yamlText(map[string]any{key: part})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	_, rest, _ := bytes.Cut(parts[1], []byte("\n")) // its first line is the key once more
	return append(parts[0], rest...), nil
}

// yamlOrder returns the keys of m as the encoder orders them.
func yamlOrder(m map[string]any) ([]string, error) {
	keys := make(map[string]any, len(m))
	for name := range m {
		keys[name] = nil
	}
	text, err := yamlText(keys)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	var names []string
	for pair := range slices.Chunk(doc.Content[0].Content, 2) {
		names = append(names, pair[0].Value)
	}
	return names, nil
}

func yamlText(m map[string]any) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out) // which sorts the keys of mappings
	encoder.SetIndent(2)
	err := encoder.Encode(m)
	return out.Bytes(), err
}

// doubled returns a tree with every $ of a value doubled, in place.
func doubled(node any) any {
	switch n := node.(type) {
	case string:
		return strings.ReplaceAll(n, "$", "$$")
	case []any:
		for i := range n {
			n[i] = doubled(n[i])
		}
	case map[string]any:
		for k := range n {
			n[k] = doubled(n[k])
		}
	}
	return node
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

// Found is a text in a model and the path that leads to it.
type Found struct {
	Path []string
	Text string
}

// FindText returns every string of the project, keys too, that holds one of parts.
func FindText(project *types.Project, parts ...string) []Found {
	return findText(encode.Tree(project, encode.Handover), parts...)
}

func findText(tree any, parts ...string) (found []Found) {
	holds := func(text string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
	}
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
	return found
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
