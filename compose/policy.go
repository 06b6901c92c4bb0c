package compose

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/secret"
)

// Extension is the key of the project's and the services' own settings.
const Extension = "x-compose-secure"

// SourceExtension is the key of a secret that names where its value comes from.
const SourceExtension = "x-source"

// Policy is the top-level x-compose-secure of a compose file.
type Policy struct {
	SOPS   []string // files whose keys are variables
	Secret []string // globs of names that are always secret
	Plain  []string // globs of names that are never secret
}

// ServicePolicy is the x-compose-secure of a service.
type ServicePolicy struct {
	File []string // variables that the image reads from NAME_FILE
	Env  []string // variables left in the environment
}

func (p *Policy) add(o Policy) {
	p.SOPS = append(p.SOPS, o.SOPS...)
	p.Secret = append(p.Secret, o.Secret...)
	p.Plain = append(p.Plain, o.Plain...)
}

// parsePolicy reads only x-compose-secure out of the documents of a compose file. Of a file that
// is not YAML the rest is left out without an error: the loader reports it better.
func parsePolicy(path string, data []byte) (Policy, error) {
	var policy Policy
	err := eachPolicy(data, func(extension *yaml.Node) error {
		var one Policy
		err := decodeStrict(path, extension, setting{"sops", &one.SOPS}, setting{"secret", &one.Secret}, setting{"plain", &one.Plain})
		policy.add(one)
		return err
	})
	return policy, err
}

// parseIncludedPolicy does the same for an included file, which may call more variables
// secret. What makes fewer so, or brings in variables, is up to the project's own files.
func parseIncludedPolicy(path string, data []byte) (Policy, error) {
	policy, err := parsePolicy(path, data)
	if err != nil || len(policy.Plain)+len(policy.SOPS) == 0 {
		return policy, err
	}
	err = eachPolicy(data, func(extension *yaml.Node) error {
		for _, name := range []string{"plain", "sops"} {
			if key := keyOf(extension, name); key != nil {
				return reportf("%s:%d:%d: %s.%s has no effect in an included file; move it to the compose file that includes it",
					Display(path), key.Line, key.Column, Extension, name)
			}
		}
		return nil
	})
	return policy, err
}

// eachPolicy visits the x-compose-secure of each document.
func eachPolicy(data []byte, visit func(extension *yaml.Node) error) error {
	if !bytes.Contains(data, []byte(Extension)) {
		return nil
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc struct {
			Extension yaml.Node `yaml:"x-compose-secure"`
		}
		if decoder.Decode(&doc) != nil { // the end, too
			return nil
		}
		if doc.Extension.IsZero() {
			continue
		}
		if err := visit(&doc.Extension); err != nil {
			return err
		}
	}
}

// addIncluded takes over what an included file calls secret.
func (p *Project) addIncluded(path string, data []byte) error {
	policy, err := parseIncludedPolicy(path, data)
	if err != nil {
		return err
	}
	if err := (secret.Policy{Secret: policy.Secret}).Validate(); err != nil {
		return reportf("%s: %v", Display(path), err)
	}
	for _, glob := range policy.Secret {
		if !slices.Contains(p.Detect.Secret, glob) {
			p.Detect.Secret = append(slices.Clone(p.Detect.Secret), glob)
			p.Policy.Secret = append(slices.Clone(p.Policy.Secret), glob)
		}
	}
	return nil
}

// ServicePolicyOf reads a service's x-compose-secure extension as compose-go
// holds it. The error does not name the service.
func ServicePolicyOf(extension any) (ServicePolicy, error) {
	var policy ServicePolicy
	if extension == nil {
		return policy, nil
	}
	data, err := yaml.Marshal(extension)
	if err != nil {
		return policy, fmt.Errorf("%s must be a mapping", Extension)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil || len(node.Content) == 0 {
		return policy, fmt.Errorf("%s must be a mapping", Extension)
	}
	return policy, decodeStrict("", node.Content[0], setting{"file", &policy.File}, setting{"env", &policy.Env})
}

// setting is one key of x-compose-secure: a list of strings, or a string for a list of one.
type setting struct {
	key  string
	into *[]string
}

// decodeStrict decodes a mapping of settings and refuses keys that are not known:
// a typing mistake in a security setting must not pass in silence.
func decodeStrict(path string, node *yaml.Node, settings ...setting) error {
	where := func(n *yaml.Node) string {
		if path == "" {
			return Extension
		}
		return fmt.Sprintf("%s:%d:%d: %s", Display(path), n.Line, n.Column, Extension)
	}
	keys := make([]string, len(settings))
	for i, s := range settings {
		keys[i] = s.key
	}
	if node.Kind != yaml.MappingNode {
		return reportf("%s must be a mapping with the keys %s", where(node), strings.Join(keys, ", "))
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		known := slices.Index(keys, key.Value)
		if known < 0 {
			return reportf("%s has the unknown key %q; known are %s", where(key), key.Value, strings.Join(keys, ", "))
		}
		if err := value.Decode((*stringList)(settings[known].into)); err != nil {
			return reportf("%s.%s takes a string or a list of strings", where(value), key.Value) // the cause may quote the file
		}
	}
	return nil
}
