package sops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getsops/sops/v3"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

// FuzzRules takes recipients and indentation from a .sops.yaml.
func FuzzRules(f *testing.F) {
	for _, text := range []string{
		"creation_rules: [{path_regex: '\\.env$', age: 'age1x, age1y'}, {key_groups: [{age: [x], pgp: [y], merge: [{kms: [{arn: x}]}]}]}]\n",
		"creation_rules: [{azure_keyvault: 'https://v.vault.azure.net/keys/a/b,https://x'}]\nstores: {yaml: {indent: 2}, json: {indent: -1}}\n",
		"creation_rules: [{path_regex: '((a+)+)+$', hc_vault_transit_uri: 'http://x/v1/transit/keys/y', gcp_kms: 'projects/x'}]\n",
		"creation_rules: [{path_regex: '(((((x{10}){10}){10}){10}){10}){10}', shamir_threshold: -1, encrypted_regex: '['}]\n",
		"a: &a [*a, *a]\ncreation_rules: *a\n", "stores: {yaml: {indent: 99999999}}\n", "destination_rules: [{path_regex: x, s3_bucket: y}]\n",
		"x0: &x0 [a,a,a,a,a,a,a,a,a]\nx1: &x1 [*x0,*x0,*x0,*x0,*x0,*x0,*x0,*x0,*x0]\nx2: &x2 [*x1,*x1,*x1,*x1,*x1,*x1,*x1,*x1,*x1]\ncreation_rules: [{age: *x2}]\n",
	} {
		f.Add([]byte(text))
	}
	dir, err := filepath.EvalSymlinks(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // nothing is asked; if it were, it would fail at once
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, rulesName), data, 0o600); err != nil {
			t.Fatal(err)
		}
		cputime.Limit(t, len(data), func() {
			path := filepath.Join(dir, "a.env")
			_, err := creationRule(path, dir, &sops.Metadata{})
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			if c := storesConfig(path); max(c.YAML.Indent, c.JSON.Indent) > maxIndent {
				t.Errorf("an indentation of %d", max(c.YAML.Indent, c.JSON.Indent))
			}
		})
	})
}
