package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"go.yaml.in/yaml/v3"

	"github.com/compose-secure/compose-secure/secret"
)

// lookup finds the text of one value in the content of a YAML, JSON or dotenv
// file; the name of the file tells which. Strings are given as they are, null
// as nothing, numbers and booleans as they are written. Errors of the parsers
// quote the content, so none of them is passed on.
func lookup(path string, data []byte, key []string) (string, error) {
	var v string
	var err error
	switch base := strings.ToLower(filepath.Base(path)); {
	case strings.HasSuffix(base, ".json"):
		v, err = lookupJSON(data, key)
	case strings.HasSuffix(base, ".yaml"), strings.HasSuffix(base, ".yml"):
		v, err = lookupYAML(data, key)
	case strings.HasSuffix(base, ".env"), strings.HasPrefix(base, ".env"), strings.Contains(base, ".env."):
		v, err = lookupDotenv(data, key)
	default:
		return "", fmt.Errorf("%q: a #/KEY needs a file named .yaml, .yml, .json or .env; leave it out for the whole content", path)
	}
	if err == nil && strings.HasPrefix(v, secret.SOPSMark) {
		err = errors.New("the value is encrypted by SOPS; use ref+sops:// for this file")
	}
	if err != nil {
		return "", fmt.Errorf("%q: %w", path, err)
	}
	return v, nil
}

func noKey(k string) error {
	return fmt.Errorf("it has no key %q; keys are separated by / and list elements numbered from 0", k)
}

var errNotLeaf = errors.New("the key names a map or a list; name one value in it")

func lookupDotenv(data []byte, key []string) (string, error) {
	// Read as Compose reads an env file, every variable from outside it empty.
	// It must look set: for an unset one the parser logs its name, which may be
	// what follows a $ in the secret.
	vars, err := dotenv.ParseWithLookup(bytes.NewReader(data), func(string) (string, bool) { return "", true })
	if err != nil {
		return "", errors.New("it is not valid dotenv")
	}
	v, ok := vars[key[0]]
	if !ok {
		return "", noKey(key[0])
	}
	if len(key) > 1 {
		return "", noKey(key[1])
	}
	return v, nil
}

func lookupJSON(data []byte, key []string) (string, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // keeps the digits as written
	var at any
	if d.Decode(&at) != nil {
		return "", errors.New("it is not valid JSON")
	}
	if _, err := d.Token(); err != io.EOF {
		return "", errors.New("it has more than one JSON document")
	}
	for _, k := range key {
		var ok bool
		switch in := at.(type) {
		case map[string]any:
			at, ok = in[k]
		case []any:
			var i int
			if i, ok = index(k, len(in)); ok {
				at = in[i]
			}
		}
		if !ok {
			return "", noKey(k)
		}
	}
	switch v := at.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", errNotLeaf
}

func lookupYAML(data []byte, key []string) (string, error) {
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) != nil {
		return "", errors.New("it is not valid YAML")
	}
	at := &doc
	if doc.Kind == yaml.DocumentNode {
		at = doc.Content[0]
	}
	for _, k := range key {
		if at = childYAML(at, k); at == nil {
			return "", noKey(k)
		}
	}
	at = target(at)
	switch {
	case at.Kind != yaml.ScalarNode:
		return "", errNotLeaf
	case at.ShortTag() == "!!null":
		return "", nil
	}
	return at.Value, nil
}

func childYAML(n *yaml.Node, key string) *yaml.Node {
	n = target(n)
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if target(n.Content[i]).Value == key {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, ok := index(key, len(n.Content)); ok {
			return n.Content[i]
		}
	}
	return nil
}

// target follows an alias to its anchor, which is never an alias itself.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// index reads the number of a list element.
func index(key string, n int) (int, bool) {
	i, err := strconv.Atoi(key)
	return i, err == nil && i >= 0 && i < n && strconv.Itoa(i) == key
}
