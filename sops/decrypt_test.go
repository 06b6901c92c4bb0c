package sops_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	lib "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/decrypt"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/logging"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/compose-secure/compose-secure/sops"
)

func TestDecrypt(t *testing.T) {
	key := ageHome(t)
	for _, tt := range []struct {
		name, plain string
		format      sops.Format
		meta        func(*lib.Metadata)
		want        map[string]string
		absent      []string
	}{
		{
			name: "yaml", format: sops.YAML, plain: plainYAML,
			want: map[string]string{
				"db/password": "hunter2", "db/port": "5432", "db/none": "", "db/empty": "",
				"db/host_unencrypted": "db.local", "list/0": "first", "list/1/key": "second",
			},
			absent: []string{"db", "list", "list/2", "list/00", "list/-1", "DB/password", "db/password/x", ""},
		},
		{
			name: "yaml scalars", format: sops.YAML,
			plain: "i: 0x10\nf: 1e3\nt: true\nd: 2024-01-02\ns: \"0123\"\nb: |\n    a\n    b\nc: \"x\\r\\n\"\n",
			want:  map[string]string{"i": "16", "f": "1000", "t": "true", "d": "2024-01-02T00:00:00Z", "s": "0123", "b": "a\nb\n", "c": "x\r\n"},
		},
		{
			name: "json", format: sops.JSON, plain: plainJSON,
			want:   map[string]string{"db/password": "hunter2", "db/ratio": "0.5", "db/on": "true", "list/0": "first"},
			absent: []string{"db", "list"},
		},
		{
			name: "dotenv", format: sops.Dotenv, plain: plainEnv,
			want: map[string]string{
				"DB_PASSWORD": "hunter2", "EMPTY": "", "QUOTED": "a b", "HOST_unencrypted": "db.local", "PEM": "line1\nline2\n",
			},
			absent: []string{"sops_mac", "# comment"},
		},
		{
			name: "ini", format: sops.INI, plain: plainINI,
			want:   map[string]string{"db/password": "hunter2", "db/port": "5432", "web/token": "hunter3"},
			absent: []string{"db", "sops/mac"},
		},
		{name: "binary", format: sops.Binary, plain: "\x00\xff\r\nno newline at end", absent: []string{"data", ""}},
		{name: "two documents", format: sops.YAML, plain: "a: 1\n---\nb: 2\n", want: map[string]string{"a": "1"}, absent: []string{"b"}},
		{
			name: "mac over encrypted values only", format: sops.YAML, plain: "a_unencrypted: 1\nb: 2\n",
			meta: func(m *lib.Metadata) { m.MACOnlyEncrypted = true },
			want: map[string]string{"a_unencrypted": "1", "b": "2"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			enc := recipe{format: tt.format, keys: []keys.MasterKey{key}, meta: tt.meta}.encrypt(t, tt.plain)
			plain, err := inspect(t, "x", enc).Decrypt(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			want, err := decrypt.Data(enc, string(tt.format))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), whole(t, plain)); diff != "" {
				t.Error(diff)
			}
			for k, want := range tt.want {
				v, ok := plain.Lookup(strings.Split(k, "/"))
				if !ok || string(v.Reveal()) != want {
					t.Errorf("%s: found=%v, want %q", k, ok, want)
				}
			}
			for _, k := range append(tt.absent, "absent") {
				if v, ok := plain.Lookup(strings.Split(k, "/")); ok || !v.IsZero() {
					t.Errorf("%q is found", k)
				}
			}
			if _, ok := plain.Lookup(nil); ok {
				t.Error("no key at all finds something")
			}
		})
	}
}

func whole(t *testing.T, p *sops.Plain) string {
	t.Helper()
	v, err := p.Whole()
	if err != nil {
		t.Fatal(err)
	}
	return string(v.Reveal())
}

func TestDecryptConvertedToCRLF(t *testing.T) {
	key := ageHome(t)
	enc := recipe{format: sops.Dotenv, keys: []keys.MasterKey{key}}.encrypt(t, plainEnv)
	plain, err := inspect(t, "x", bytes.ReplaceAll(enc, []byte("\n"), []byte("\r\n"))).Decrypt(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := whole(t, plain); got != plainEnv {
		t.Error("a conversion to CRLF changes the content")
	}
	// A CR that was there before encryption is part of the value.
	enc = recipe{format: sops.Dotenv, keys: []keys.MasterKey{key}}.encrypt(t, "A=1\r\nB=2\r\n")
	plain, err = inspect(t, "x", enc).Decrypt(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := whole(t, plain); got != "A=1\r\nB=2\r\n" {
		t.Error("the line ends before encryption are not kept")
	}
}

func TestDecryptIndentsAsConfigured(t *testing.T) {
	key := ageHome(t)
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	enc := recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, plainYAML)
	if err := os.WriteFile(filepath.Join(dir, "..", ".sops.yaml"), []byte("stores:\n  yaml:\n    indent: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain, err := inspect(t, filepath.Join(dir, "x.yaml"), enc).Decrypt(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(whole(t, plain), "\n  port: 5432\n") {
		t.Error("the indentation of .sops.yaml is ignored")
	}
}

func TestDecryptTampered(t *testing.T) {
	key := ageHome(t)
	base := "a: hunter2\nb: hunter3\nhost_unencrypted: db.local\n"
	enc := string(recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, base))
	other := string(recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, base))
	line := func(s, key string) string {
		s = s[strings.Index(s, key+": "):]
		return s[:strings.Index(s, "\n")+1]
	}
	lastmod := line(enc, "lastmodified")
	for _, tt := range []struct {
		name, data string
		want       error
	}{
		{"plain value changed", strings.Replace(enc, "db.local", "evil.local", 1), sops.ErrMAC},
		{"value removed", strings.Replace(enc, line(enc, "b"), "", 1), sops.ErrMAC},
		{"plain value added", "new_unencrypted: x\n" + enc, sops.ErrMAC},
		{"date changed", strings.Replace(enc, lastmod, "lastmodified: \"2020-01-01T00:00:00Z\"\n", 1), sops.ErrMAC},
		{"mac of another file", strings.Replace(enc, line(enc, "mac"), line(other, "mac"), 1), sops.ErrMAC},
		{"mac of a value", strings.Replace(enc, line(enc, "mac"), "mac: "+cipher(enc)+"\n", 1), sops.ErrMAC},
		{"value replaced by plain text", strings.Replace(enc, line(enc, "a"), "a: sentinel\n", 1), sops.ErrDamaged},
		{"value replaced by a number", strings.Replace(enc, line(enc, "a"), "a: 12345\n", 1), sops.ErrDamaged},
		{"value moved", strings.Replace(enc, line(enc, "b"), strings.Replace(line(enc, "a"), "a:", "b:", 1), 1), sops.ErrDamaged},
		{"value of another file", strings.Replace(enc, line(enc, "a"), line(other, "a"), 1), sops.ErrDamaged},
		{"type changed", strings.Replace(enc, "type:str", "type:int", 1), sops.ErrDamaged},
		{"initialisation vector gone", strings.Replace(enc, "iv:", "iv:!", 1), sops.ErrDamaged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.data == enc {
				t.Fatal("the case changes nothing")
			}
			plain, err := inspect(t, "x.yaml", []byte(tt.data)).Decrypt(context.Background())
			if plain != nil || !errors.Is(err, tt.want) {
				t.Fatalf("want %v, got %v", tt.want, err)
			}
			checkError(t, err, "x.yaml", "hunter2", "hunter3", "sentinel", "12345", "ENC[", "evil")
		})
	}
}

func TestDecryptOnce(t *testing.T) {
	emptyHome(t)
	identity, key := ageKey(t)
	enc := recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, plainYAML)
	count := filepath.Join(t.TempDir(), "count")
	keyCommand(t, fmt.Sprintf("echo x >>%s; echo %s", count, identity))
	f := inspect(t, "x", enc)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := f.Decrypt(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if calls, err := os.ReadFile(count); err != nil || string(calls) != "x\n" {
		t.Errorf("the key command ran %d times (%v), want once", bytes.Count(calls, []byte("x")), err)
	}
}

// keyCommand makes script the source of age identities.
func keyCommand(t *testing.T, script string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOPS_AGE_KEY_CMD", file)
}

func TestDecryptCanceled(t *testing.T) {
	emptyHome(t)
	identity, key := ageKey(t)
	enc := recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, plainYAML)
	release := filepath.Join(t.TempDir(), "release")
	keyCommand(t, fmt.Sprintf("while ! test -e %s; do sleep 0.05; done; echo %s", release, identity))
	f := inspect(t, "x.yaml", enc)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	plain, err := f.Decrypt(ctx)
	if plain != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("want the deadline, got %v", err)
	}
	checkError(t, err, "x.yaml")
	// The next caller still gets the content.
	if err := os.WriteFile(release, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Decrypt(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestDecryptPrintsNothing(t *testing.T) {
	key := ageHome(t)
	enc := string(recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, plainYAML))
	// A comment in plain text makes the library log it.
	enc = strings.Replace(enc, "db:", "# sentinel\ndb:", 1)
	var out bytes.Buffer
	for _, l := range logging.Loggers {
		was := l.Out
		l.SetOutput(&out)
		l.SetLevel(logrus.WarnLevel)
		t.Cleanup(func() { l.SetOutput(was) })
	}
	f := inspect(t, "x", []byte(enc))
	plain, err := f.Decrypt(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		t.Errorf("logged %q", out.String())
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{f, plain, *plain, []any{f, plain}} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "hunter2") {
				t.Errorf("%s of a %T prints a value", verb, v)
			}
		}
	}
}
