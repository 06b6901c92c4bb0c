package lint

import (
	"reflect"
	"strings"
	"testing"
)

func TestConfigMistakes(t *testing.T) {
	tests := map[string]struct{ data, want string }{
		"unknown key":      {"severty: error\n", `c.yaml:1: unknown key "severty"; known are severity, rules, exclude, baseline, secret, plain`},
		"unknown key late": {"severity: error\nrule: {}\n", `c.yaml:2: unknown key "rule"; known are severity, rules, exclude, baseline, secret, plain`},
		"no YAML":          {"severity: error\n\trules: {}\n", `c.yaml:2: invalid YAML: found a tab character that violates indentation`},
		"key twice":        {"severity: error\nseverity: info\n", `c.yaml:1: invalid YAML: a key of a mapping is given twice`},
		"no mapping":       {"- severity\n", `c.yaml:1: the configuration is a mapping of severity, rules, exclude, baseline, secret, plain`},
		"a list for text":  {"\nseverity: [error]\n", `c.yaml:2: severity is one word`},
		"a map for text":   {"baseline: {a: b}\n", `c.yaml:1: baseline is one word`},
		"text for a list":  {"exclude: test\n", `c.yaml:1: exclude is a list, such as ["test/*"]`},
		"globs":            {"secret: {A: b}\n", `c.yaml:1: secret is a list, such as ["ACME_*"]`},
		"rules":            {"rules: [CS001]\n", `c.yaml:1: rules is a mapping, such as {CS001: off}`},
		"a rule's level":   {"rules:\n  CS001: off\n  CS002: of\n", `c.yaml:3: severity is off, info, warning or error, not "of"`},
		"a rule's list":    {"rules: {CS001: [off]}\n", `c.yaml:1: rules is a mapping, such as {CS001: off}`},
		"unknown rule":     {"rules:\n  CS001: off\n  CS999: off\n", `c.yaml:3: there is no rule "CS999"; compose-secure lint --explain all lists them`},
		"severity":         {"\nseverity: high\n", `c.yaml:2: severity is off, info, warning or error, not "high"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseConfig("c.yaml", []byte(tt.data))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	for name, data := range map[string]string{"empty": "", "comment": "# nothing\n", "null": "rules:\nexclude:\n", "off": "rules: {CS001: off}\nseverity: info\n", "no document": "---\n"} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseConfig("c.yaml", []byte(data)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestConfigKeys(t *testing.T) {
	var tags []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		tags = append(tags, f.Tag.Get("yaml"))
	}
	if got := strings.Join(tags, ", "); got != configNames() {
		t.Errorf("Config has %s, configKeys %s", got, configNames())
	}
}
