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

// ParseConfig reads a configuration file. A key or rule that does not exist is
// an error: a typing mistake must not switch a check off in silence.
func ParseConfig(name string, data []byte) (Config, error) {
	var c Config
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("%s: %s", name, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	for id := range c.Rules {
		if _, ok := RuleByID(id); !ok {
			return c, fmt.Errorf("%s: there is no rule %q; compose-secure lint --explain all lists them", name, id)
		}
	}
	if c.Severity != "" {
		if _, err := ParseSeverity(c.Severity); err != nil {
			return c, fmt.Errorf("%s: %w", name, err)
		}
	}
	return c, secret.Policy{Secret: c.Secret, Plain: c.Plain}.Validate()
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
