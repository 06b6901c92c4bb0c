package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// ConfigName is the configuration file that is read where lint is started.
const ConfigName = ".compose-secure.yaml"

// Config is the configuration file.
type Config struct {
	Severity string              `yaml:"severity"` // as --severity
	Rules    map[string]Severity `yaml:"rules"`    // CS001: off
	Exclude  []string            `yaml:"exclude"`  // globs of files, as in .gitignore
	Baseline string              `yaml:"baseline"` // as --baseline
	Secret   []string            `yaml:"secret"`   // as in x-compose-secure
	Plain    []string            `yaml:"plain"`
}

type configKey struct {
	name string
	kind yaml.Kind
	form string
}

// configKeys are the keys of Config, each with what stands behind it.
var configKeys = []configKey{
	{"severity", yaml.ScalarNode, "one word"},
	{"rules", yaml.MappingNode, "a mapping, such as {CS001: off}"},
	{"exclude", yaml.SequenceNode, `a list, such as ["test/*"]`},
	{"baseline", yaml.ScalarNode, "one word"},
	{"secret", yaml.SequenceNode, `a list, such as ["ACME_*"]`},
	{"plain", yaml.SequenceNode, `a list, such as ["*_PUBLIC_*"]`},
}

func configNames() string {
	names := make([]string, 0, len(configKeys))
	for _, k := range configKeys {
		names = append(names, k.name)
	}
	return strings.Join(names, ", ")
}

// ParseConfig reads a configuration file. A key or rule that does not exist is
// an error: a typing mistake must not switch a check off in silence.
func ParseConfig(name string, data []byte) (Config, error) {
	var c Config
	var doc yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return c, nil
	case err != nil:
		return c, compose.ExplainYAML(name, err)
	case len(doc.Content) == 0 || yamldoc.IsNull(doc.Content[0]):
		return c, nil
	}
	if at, fault := configFault(doc.Content[0]); fault != "" {
		return c, fmt.Errorf("%s:%d: %s", name, at.Line, fault)
	}
	if err := doc.Content[0].Decode(&c); err != nil {
		return c, compose.ExplainYAML(name, err)
	}
	return c, secret.Policy{Secret: c.Secret, Plain: c.Plain}.Validate()
}

// configFault finds what is wrong with a configuration, and where.
func configFault(root *yaml.Node) (*yaml.Node, string) {
	if root.Kind != yaml.MappingNode {
		return root, "the configuration is a mapping of " + configNames()
	}
	for _, e := range yamldoc.Entries(root) {
		i := slices.IndexFunc(configKeys, func(k configKey) bool { return k.name == e.Key.Value })
		if i < 0 {
			return e.Key, fmt.Sprintf("unknown key %q; known are %s", e.Key.Value, configNames())
		}
		k := configKeys[i]
		if e.Value == nil || yamldoc.IsNull(e.Value) {
			continue
		}
		if e.Value.Kind != k.kind {
			return e.Value, k.name + " is " + k.form
		}
		if at, fault := k.fault(e.Value); fault != "" {
			return at, fault
		}
	}
	return nil, ""
}

// fault checks the words behind a key.
func (k *configKey) fault(n *yaml.Node) (*yaml.Node, string) {
	switch k.name {
	case "severity":
		if _, err := ParseSeverity(n.Value); err != nil {
			return n, err.Error()
		}
	case "rules":
		for _, e := range yamldoc.Entries(n) {
			if _, ok := RuleByID(e.Key.Value); !ok {
				return e.Key, fmt.Sprintf("there is no rule %q; compose-secure lint --explain all lists them", e.Key.Value)
			}
			if e.Value == nil || e.Value.Kind != yaml.ScalarNode {
				return e.Key, k.name + " is " + k.form
			}
			if _, err := ParseSeverity(e.Value.Value); err != nil {
				return e.Value, err.Error()
			}
		}
	}
	return nil, ""
}

// selection gives the rules to run.
func (o *Options) selection() ([]Rule, error) {
	for _, id := range append(slices.Clone(o.Rules), o.Exclude...) {
		if _, ok := RuleByID(id); !ok && (isRuleID(id) || slices.Contains(o.Rules, id)) {
			return nil, fmt.Errorf("there is no rule %q; compose-secure lint --explain all lists them", id)
		}
	}
	var list []Rule
	for _, r := range Rules() {
		if (o.Rules == nil || slices.Contains(o.Rules, r.ID)) && !slices.Contains(o.Exclude, r.ID) && o.wanted(&r) {
			list = append(list, r)
		}
	}
	return list, nil
}

func (o *Options) wanted(r *Rule) bool {
	set, ok := o.Config.Rules[r.ID]
	return !ok || set != Off
}

// Baseline is the findings a team has chosen to live with for now, counted by
// Fingerprint. It holds no value and nothing made from one.
type Baseline map[string]int

type baselineFile struct {
	Version  int      `json:"version"`
	Findings Baseline `json:"findings"`
}

// ParseBaseline reads what Baseline.Write wrote.
func ParseBaseline(data []byte) (Baseline, error) {
	var f baselineFile
	if err := json.Unmarshal(data, &f); err != nil || f.Version != 1 {
		return nil, errors.New("not a baseline of this tool; write one with --update-baseline")
	}
	return f.Findings, nil
}

// NewBaseline makes a baseline of findings.
func NewBaseline(findings []Finding) Baseline {
	b := Baseline{}
	for i := range findings {
		b[findings[i].Fingerprint()]++
	}
	return b
}

// Write writes the baseline so that the same findings give the same bytes.
func (b Baseline) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(baselineFile{Version: 1, Findings: b})
}

// baselineCounter uses a baseline up, so that a second finding with the same
// fingerprint is new.
type baselineCounter map[string]int

func (b Baseline) counter() baselineCounter {
	c := baselineCounter{}
	for k, n := range b {
		c[k] = n
	}
	return c
}

func (c baselineCounter) take(f *Finding) bool {
	k := f.Fingerprint()
	if c[k] == 0 {
		return false
	}
	c[k]--
	return true
}
