package lint

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/secret"
)

func TestKeysThatComposeDoesNotKnow(t *testing.T) {
	tests := []struct {
		name, service string
		want          []string
	}{
		{"a mapping", "environmen: {A_PASSWORD: hunter2}", []string{"CS001 <stdin> 3:30"}},
		{"a list", "environments: [A_PASSWORD=hunter2, B=plain]", []string{"CS005 <stdin> 3:31"}},
		{"deeper", "settings: {db: {password: hunter2}, host: db}", []string{"CS001 <stdin> 3:31"}},
		{"a default", "environmen: {A_PASSWORD: \"${A_PASSWORD:-hunter2}\"}", []string{"CS002 <stdin> 3:45"}},
		{"a URL", "environmen: {A: \"redis://:hunter2@redis\"}", []string{"CS005 <stdin> 3:31"}},
		{"by its form", "environmen: {A: ghp_" + strings.Repeat("a1", 18) + "}", []string{"CS005 <stdin> 3:21"}},
		{"by reference", "environmen: {A_PASSWORD: \"${A_PASSWORD}\", B_PASSWORD: , C_PASSWORD_FILE: /run/secrets/c}", nil},
		{"grants", "secret: [db_password, {source: db_password, target: password}]", nil},
		{"mounts", "volums: [./password:/run/password]", nil},
		{"an extension", "x-other: {A_PASSWORD: hunter2}", nil},
		{"a known key", "extra_hosts: {A_PASSWORD: hunter2}", nil},
		{"of the first format", "net: {A_PASSWORD: hunter2}", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := "services:\n  a:\n    " + tt.service + "\nsecrets: {db_password: {file: x}}\n"
			r, err := Run(t.Context(), Options{Plan: planner, Dir: t.TempDir(), Stdin: strings.NewReader(data), Severity: Error}, []string{"-"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, places(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, f := range r.Findings {
				if f.Service != "a" || f.Fix.By != ByHand {
					t.Errorf("service %q, fix %q", f.Service, f.Fix)
				}
			}
		})
	}
}

func TestKeysThatComposeDoesNotKnowAreNotMoved(t *testing.T) {
	root, err := ReadYAML([]byte("services: {a: {environmen: {A_PASSWORD: hunter2}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	list := NewFile([]byte("services: {a: {environmen: {A_PASSWORD: hunter2}}}\n"), "", root, secret.Policy{}).Literals()
	if !slices.ContainsFunc(list, func(l EnvLiteral) bool { return strings.Contains(l.Why.String(), `"environmen"`) }) {
		t.Errorf("%+v", list)
	}
}
