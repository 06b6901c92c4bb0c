package sops_test

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getsops/sops/v3/keys"
	"go.yaml.in/yaml/v3"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/sops"
	"github.com/compose-secure/compose-secure/source"
	"github.com/compose-secure/compose-secure/source/sourcetest"
)

var _ source.Source = (*sops.Source)(nil)

func TestSourceConforms(t *testing.T) {
	marshal := func(f func(any) ([]byte, error)) func(string) string {
		return func(value string) string {
			b, err := f(map[string]any{"a": map[string]string{"v": value}})
			if err != nil {
				panic(err)
			}
			return string(b)
		}
	}
	for _, tt := range []struct {
		format sops.Format
		key    []string
		doc    func(value string) string
	}{
		{sops.Binary, nil, func(v string) string { return v }},
		{sops.JSON, []string{"a", "v"}, marshal(stdjson.Marshal)},
		{sops.YAML, []string{"a", "v"}, marshal(yaml.Marshal)},
	} {
		t.Run(string(tt.format), func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Place {
				r := recipe{format: tt.format, keys: []keys.MasterKey{ageHome(t)}}
				dir := t.TempDir()
				n := 0
				put := func(t *testing.T, value string) secret.Ref {
					n++
					name := fmt.Sprintf("value%d.%s", n, tt.format)
					write(t, filepath.Join(dir, name), r.encrypt(t, tt.doc(value)))
					return secret.Ref{Scheme: "sops", Path: name, Key: tt.key}
				}
				absent := put(t, "sentinel-b7e1c9")
				absent.Key = []string{"absent"}
				if tt.key == nil {
					absent = secret.Ref{} // binary files have no keys
				}
				return sourcetest.Place{
					Source:    sops.NewSource(sops.NewCache(dir)),
					Put:       put,
					Missing:   secret.Ref{Scheme: "sops", Path: "nowhere.yaml", Key: tt.key},
					AbsentKey: absent,
				}
			})
		})
	}
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSourceErrors(t *testing.T) {
	r := recipe{format: sops.YAML, keys: []keys.MasterKey{ageHome(t)}}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.yaml"), r.encrypt(t, plainYAML))
	write(t, filepath.Join(dir, "x.bin"), recipe{format: sops.Binary, keys: r.keys}.encrypt(t, "hunter2"))
	write(t, filepath.Join(dir, "plain.yaml"), []byte("a: hunter2\n"))
	s := sops.NewSource(sops.NewCache(dir))
	for ref, want := range map[string]string{
		"ref+sops://x.yaml#/db/user":  `"x.yaml": it has no key "user"`,
		"ref+sops://x.yaml#/db":       `a map or a list`,
		"ref+sops://x.bin#/data":      `binary and has no keys`,
		"ref+sops://plain.yaml#/a":    `"plain.yaml": not a SOPS file; encrypt it`,
		"ref+sops://.":                `not a SOPS file`,
		"ref+sops://x.yaml?a=b#/list": `no parameters`,
	} {
		parsed, err := secret.ParseRef(ref)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Resolve(context.Background(), []secret.Ref{parsed})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", ref, want, err)
			continue
		}
		checkError(t, err, parsed.Path, "hunter2")
	}
}

func TestCacheOpensOnce(t *testing.T) {
	r := recipe{format: sops.YAML, keys: []keys.MasterKey{ageHome(t)}}
	dir := t.TempDir()
	path := filepath.Join(dir, "x.yaml")
	write(t, path, r.encrypt(t, plainYAML))
	c := sops.NewCache(dir)
	first, err := c.Open("x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for _, again := range []string{"x.yaml", "./x.yaml", path} {
		f, err := c.Open(again)
		if err != nil || f != first {
			t.Errorf("%s is opened again: %v", again, err)
		}
	}
	if f, err := c.Add(path, []byte("A=b\n")); err != nil || f != first {
		t.Errorf("a file that is known is added again: %v", err)
	}
	added, err := c.Add("y.yaml", r.encrypt(t, plainYAML))
	if err != nil || added == nil {
		t.Fatalf("a file read by the caller is not recognised: %v", err)
	}
	if f, err := c.Open("y.yaml"); err != nil || f != added {
		t.Errorf("a file that was added is opened: %v", err)
	}
	if err := c.DecryptAll(context.Background(), first, first, added); err != nil {
		t.Error(err)
	}
	got, err := sops.NewSource(c).Resolve(context.Background(), []secret.Ref{{Scheme: "sops", Path: "x.yaml", Key: []string{"db", "password"}}})
	if err != nil || string(got[0].Reveal()) != "hunter2" {
		t.Errorf("the source does not share the file: %v", err)
	}
}

func TestDecryptAllReportsEveryFile(t *testing.T) {
	emptyHome(t)
	_, key := ageKey(t)
	r := recipe{format: sops.YAML, keys: []keys.MasterKey{key}}
	a, b := inspect(t, "a.yaml", r.encrypt(t, plainYAML)), inspect(t, "b.yaml", r.encrypt(t, plainYAML))
	err := sops.NewCache("").DecryptAll(context.Background(), a, b)
	if !errors.Is(err, sops.ErrNoKey) {
		t.Fatalf("want ErrNoKey, got %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "a.yaml") || !strings.Contains(lines[1], "b.yaml") {
		t.Errorf("want one line per file, in order, got:\n%v", err)
	}
}
