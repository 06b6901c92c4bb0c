package main

import (
	"slices"
	"testing"
)

func TestDifferences(t *testing.T) {
	const own = `{"services": {"a": {"image": "x", "environment": {"A": "1", "B": "2"}, "labels": {"l": "v"}}}, "networks": {"default": {"name": "n", "ipam": {}}}}`
	for _, c := range []struct {
		name, got string
		want      []string
	}{
		{"equal but for empty keys", `{"services": {"a": {"image": "x", "command": null, "environment": {"A": "1", "B": "2"}, "labels": {"l": "v"}}}, "networks": {"default": {"name": "n"}}}`, nil},
		{"moved", `{"services": {"a": {"image": "x", "entrypoint": ["w"], "environment": {"A": "1"}, "secrets": [{"source": "b"}], "labels": {"l": "v"}}}, "networks": {"default": {"name": "n"}}}`, nil},
		{"made by default", `{"services": {"a": {"image": "x", "environment": {"A": "1", "B": "2"}, "labels": {"l": "v", "create_host_path": true}}}, "networks": {"default": {"name": "n"}}}`, nil},
		{"not made", `{"services": {"a": {"image": "x", "environment": {"A": "1", "B": "2"}, "labels": {"l": "v", "create_host_path": false}}}, "networks": {"default": {"name": "n"}}}`, []string{`a.labels: {"l":"v"} -> {"create_host_path":false,"l":"v"}`}},
		{"redacted", `{"services": {"a": {"image": "x", "environment": {"A": "1", "B": "2"}, "labels": {"l": "[redacted]"}}}, "networks": {"default": {"name": "n"}}}`, nil},
		{"lost and changed", `{"services": {"a": {"image": "y", "environment": {"A": "2"}, "labels": {"l": "v"}}}, "networks": {"default": {"name": "n"}}}`,
			[]string{"a.environment.A differs", "a.environment.B is gone", `a.image: "x" -> "y"`}},
		{"no service", `{"networks": {"default": {"name": "n"}}}`, []string{"service a is gone"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := differences(parseModel(own), parseModel(c.got), true); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestHasValue(t *testing.T) {
	after := parseModel(`{"secrets": {"db": {"environment": "DB"}}}`)
	stored := map[string]string{"DB": "v"}
	old := map[string]any{"X": "v"}
	for _, c := range []struct {
		name string
		now  map[string]any
		want bool
	}{
		{"in place", map[string]any{"X": "v"}, true},
		{"from a file", map[string]any{"X_FILE": "/run/secrets/db"}, true},
		{"from another secret", map[string]any{"X_FILE": "/run/secrets/other"}, false},
		{"changed", map[string]any{"X": "w"}, false},
		{"gone", map[string]any{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := hasValue(after, old, c.now, stored, "X", "v"); got != c.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
