package compose

import (
	"bytes"
	"encoding/json"

	"go.yaml.in/yaml/v4"
)

// NoFile stands for the file of a secret or config whose value x-source names:
// compose-go wants one of its own keys in each.
const NoFile = "/" + SourceExtension

// hasOwnSource reports whether a secret or config has a key that compose-go takes for a source.
func hasOwnSource(node *yaml.Node) bool {
	for _, key := range []string{"file", "environment", "content", "external", "driver"} {
		if child(node, key) != nil {
			return true
		}
	}
	return false
}

// addSources appends a compose file that gives NoFile to everything that has
// x-source alone. Position and policy are read from the user's files only.
func (p *Project) addSources(paths []string) ([]string, error) {
	missing := map[string]map[string]any{}
	complete := map[[2]string]bool{}
	for _, path := range paths {
		data, err := readFile(path)
		if err != nil || !bytes.Contains(data, []byte(SourceExtension)) && len(missing) == 0 {
			continue // the loader reports what cannot be read
		}
		eachDeclared(data, func(section, name string, node *yaml.Node) {
			if hasOwnSource(node) {
				complete[[2]string{section, name}] = true
			}
			if child(node, SourceExtension) != nil {
				if missing[section] == nil {
					missing[section] = map[string]any{}
				}
				missing[section][name] = map[string]string{"file": NoFile}
			}
		})
	}
	for id := range complete {
		delete(missing[id[0]], id[1])
	}
	if len(missing["secrets"])+len(missing["configs"]) == 0 {
		return paths, nil
	}
	data, err := json.Marshal(missing)
	if err != nil {
		return nil, err
	}
	memory, err := memoryFile("x-source.json", data)
	if err != nil {
		return nil, err
	}
	return append(append([]string{}, paths...), memory), nil
}

// eachDeclared visits the secrets and configs of a compose file that is valid YAML.
func eachDeclared(data []byte, visit func(section, name string, node *yaml.Node)) {
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) != nil || len(doc.Content) == 0 {
		return
	}
	for _, section := range []string{"secrets", "configs"} {
		node := child(doc.Content[0], section)
		if node == nil || node.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			visit(section, node.Content[i].Value, node.Content[i+1])
		}
	}
}

// sourceAlone reports whether an included file has a secret or config with
// x-source alone. Nothing can be merged into those, so compose-go's check of the schema is left out.
func sourceAlone(data []byte) bool {
	if !bytes.Contains(data, []byte(SourceExtension)) {
		return false
	}
	found := false
	eachDeclared(data, func(_, _ string, node *yaml.Node) {
		found = found || child(node, SourceExtension) != nil && !hasOwnSource(node)
	})
	return found
}
