package sops_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	lib "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/keys"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/sops"
)

func added(pairs ...string) []sops.Added {
	var list []sops.Added
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, sops.Added{Name: pairs[i], Value: secret.NewValue([]byte(pairs[i+1]))})
	}
	return list
}

func TestExtend(t *testing.T) {
	key := ageHome(t)
	path := filepath.Join(t.TempDir(), "secrets.enc.env")
	first, err := sops.Extend(path, nil, added("A", "one", "B", "two\nlines $x \"q\""), sops.For{Age: []string{key.Recipient}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := sops.Extend(path, first, added("C", "three"), sops.For{})
	if err != nil {
		t.Fatal(err)
	}
	line := func(data []byte, name string) string {
		_, rest, _ := strings.Cut("\n"+string(data), "\n"+name+"=")
		l, _, _ := strings.Cut(rest, "\n")
		return l
	}
	if a := line(first, "A"); a == "" || a != line(second, "A") {
		t.Error("the ciphertext of a value that was there changed")
	}
	f, err := sops.Inspect(path, second)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := f.Decrypt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range added("A", "one", "B", "two\nlines $x \"q\"", "C", "three") {
		if got, ok := plain.Lookup([]string{want.Name}); !ok || !got.Equal(want.Value) {
			t.Errorf("%s is not what was stored", want.Name)
		}
	}
}

func TestExtendForOthers(t *testing.T) {
	_, other := ageKey(t)
	emptyHome(t)
	dir := t.TempDir()
	rules := "creation_rules:\n  - path_regex: \\.enc\\.env$\n    age: " + other.Recipient + "\n"
	if err := os.WriteFile(filepath.Join(dir, ".sops.yaml"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := sops.Extend(filepath.Join(dir, "a.enc.env"), nil, added("A", "one"), sops.For{Tree: dir})
	if err != nil {
		t.Fatalf("who encrypts by .sops.yaml need not be able to decrypt: %v", err)
	}
	if strings.Contains(string(data), "one") || !strings.Contains(string(data), other.Recipient) {
		t.Error("not encrypted for the recipient of .sops.yaml")
	}
}

// A value that a dotenv file cannot hold goes byte for byte into the others.
func TestExtendFormats(t *testing.T) {
	key := ageHome(t)
	const value = "\"a: b\"\n# c\r\n \t'"
	for name, start := range map[string]string{"a.yaml": "# note\nX: one\nY:\n  Z: two\n", "a.json": "{\"X\": \"one\"}"} {
		format := sops.YAML
		if name == "a.json" {
			format = sops.JSON
		}
		old := recipe{format: format, keys: []keys.MasterKey{key}}.encrypt(t, start)
		data, err := sops.Extend(name, old, added("A", value), sops.For{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before, _, _ := strings.Cut(string(old), "sops")
		if kept, _, _ := strings.Cut(strings.TrimRight(before, " \t\n\"}"), "\n"); !strings.Contains(string(data), kept) {
			t.Errorf("%s: the ciphertext of another value has changed", name)
		}
		f, err := sops.Inspect(name, data)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := f.Decrypt(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, _ := plain.Lookup([]string{"A"})
		if string(got.Reveal()) != value {
			t.Errorf("%s: the value comes back another", name)
		}
	}
}

func TestExtendRefuses(t *testing.T) {
	key := ageHome(t)
	dir := t.TempDir()
	file := recipe{format: sops.Dotenv, keys: []keys.MasterKey{key}}.encrypt(t, "A=one\n")
	clear := recipe{format: sops.Dotenv, keys: []keys.MasterKey{key}, meta: func(m *lib.Metadata) {
		m.UnencryptedSuffix, m.EncryptedRegex = "", "^SECRET"
	}}.encrypt(t, "SECRET=one\n")
	ini := recipe{format: sops.INI, keys: []keys.MasterKey{key}}.encrypt(t, "[a]\nb = one\n")
	tests := []struct {
		name, file string
		data       []byte
		recipients []string
		want       string
	}{
		{"name taken", "a.env", file, nil, "it has A already"},
		{"left in the clear", "a.env", clear, nil, "would leave A unencrypted"},
		{"another format", "a.ini", ini, nil, "only yaml, json and dotenv files can be extended"},
		{"not encrypted", "a.env", []byte("B=hunter2\n"), nil, "not a SOPS file"},
		{"no format", "a.enc", nil, nil, "name a new SOPS file *.yaml"},
		{"no recipients", "a.env", nil, nil, "there is no .sops.yaml"},
		{"bad recipient", "a.env", nil, []string{"hunter2"}, "an age recipient looks like"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := sops.Extend(filepath.Join(dir, tt.file), tt.data, added("A", "hunter3"), sops.For{Age: tt.recipients, Tree: dir})
			if err == nil || !strings.Contains(err.Error(), tt.want) || out != nil {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q holds content or several lines", err)
			}
		})
	}
}
