package sops_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getsops/sops/v3/keys"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/sops"
)

func mustRef(t *testing.T, text string) secret.Ref {
	t.Helper()
	ref, err := secret.ParseRef(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// writeCase encrypts plain as name and returns its folder.
func writeCase(t *testing.T, name, plain string, format sops.Format) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, name)
	data := recipe{format: format, keys: []keys.MasterKey{ageHome(t)}}.encrypt(t, plain)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, path
}

func TestWrite(t *testing.T) {
	cases := map[string]struct {
		file, plain, ref, value string
		format                  sops.Format
	}{
		// Each value has a character that base64 has not: no ciphertext holds it by chance.
		"yaml":   {"a.yaml", "# note\ndb:\n  password: old\n  other: same\n", "ref+sops://a.yaml#/db/password", "new\nvalue: \"x\"", sops.YAML},
		"list":   {"a.yaml", "l: [a, b]\nother: same\n", "ref+sops://a.yaml#/l/1", "new-value", sops.YAML},
		"json":   {"a.json", `{"password":"old","other":"same"}`, "ref+sops://a.json#/password", "new-value", sops.JSON},
		"dotenv": {"a.env", "PASSWORD=old\nOTHER=same\n", "ref+sops://a.env#/PASSWORD", "new$value", sops.Dotenv},
		"ini":    {"a.ini", "[db]\npassword = old\nother = same\n", "ref+sops://a.ini#/db/password", "new-value", sops.INI},
		"binary": {"a.bin", "old", "ref+sops://a.bin", "\x00\xff", sops.Binary},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir, path := writeCase(t, c.file, c.plain, c.format)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			ref := mustRef(t, c.ref)
			restore, err := sops.NewSource(sops.NewCache(dir)).Write(t.Context(),
				map[string]secret.Value{ref.ID(): secret.NewValue([]byte(c.value))}, []secret.Ref{ref})
			if err != nil {
				t.Fatal(err)
			}
			values, err := sops.NewSource(sops.NewCache(dir)).Resolve(t.Context(), []secret.Ref{ref})
			if err != nil {
				t.Fatal(err)
			}
			if string(values[0].Reveal()) != c.value {
				t.Error("the new value does not read back")
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(after), c.value) {
				t.Error("the value stands in the file in the clear")
			}
			if got := changedLines(string(before), string(after)); got > 4 { // the value, the MAC and the time
				t.Errorf("%d lines changed", got)
			}
			if err := restore(); err != nil {
				t.Fatal(err)
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != string(before) {
				t.Error("the file is not as it was")
			}
		})
	}
}

func changedLines(a, b string) int {
	have := map[string]bool{}
	for line := range strings.Lines(a) {
		have[line] = true
	}
	n := 0
	for line := range strings.Lines(b) {
		if !have[line] {
			n++
		}
	}
	return n
}

func TestWriteRefuses(t *testing.T) {
	cases := map[string]struct{ plain, ref, value, want string }{
		"in the clear":   {"a_unencrypted: x\nb: y\n", "ref+sops://a.yaml#/a_unencrypted", "v", "in the clear"},
		"no such key":    {"b: y\n", "ref+sops://a.yaml#/c", "v", "not encrypted"},
		"whole file":     {"b: y\n", "ref+sops://a.yaml", "v", "whole file"},
		"not utf-8":      {"b: y\n", "ref+sops://a.yaml#/b", "\xff", "not UTF-8"},
		"a map":          {"b: {c: y}\n", "ref+sops://a.yaml#/b", "v", "not encrypted"},
		"with parameter": {"b: y\n", "ref+sops://a.yaml?x=y#/b", "v", "no parameters"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir, path := writeCase(t, "a.yaml", c.plain, sops.YAML)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			ref := mustRef(t, c.ref)
			_, err = sops.NewSource(sops.NewCache(dir)).Write(t.Context(),
				map[string]secret.Value{ref.ID(): secret.NewValue([]byte(c.value))}, []secret.Ref{ref})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != string(before) {
				t.Error("the file changed")
			}
		})
	}
}

func TestRestoreLeavesForeignChanges(t *testing.T) {
	dir, path := writeCase(t, "a.yaml", "b: y\n", sops.YAML)
	ref := mustRef(t, "ref+sops://a.yaml#/b")
	restore, err := sops.NewSource(sops.NewCache(dir)).Write(t.Context(),
		map[string]secret.Value{ref.ID(): secret.NewValue([]byte("v"))}, []secret.Ref{ref})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("somebody else's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := restore(); err == nil {
		t.Error("no error")
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != "somebody else's" {
		t.Error("the other change was overwritten")
	}
}

// A file that no key here opens must not be written to: what it would hold, nobody here could check.
func TestWriteNeedsKey(t *testing.T) {
	dir, path := writeCase(t, "a.yaml", "password: old\n", sops.YAML)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	emptyHome(t)
	ref := mustRef(t, "ref+sops://a.yaml#/password")
	_, err = sops.NewSource(sops.NewCache(dir)).Write(t.Context(), map[string]secret.Value{ref.ID(): secret.NewValue([]byte("new"))}, []secret.Ref{ref})
	if !errors.Is(err, sops.ErrNoKey) {
		t.Errorf("want ErrNoKey, got %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}
