package source_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/source"
	"github.com/compose-secure/compose-secure/source/sourcetest"
)

func TestFileConforms(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Place {
		dir := t.TempDir()
		write(t, dir, "doc.yaml", "a: {b: sentinel-b7e1c9}\n")
		n := 0
		return sourcetest.Place{
			Source: source.NewFile(dir),
			Put: func(t *testing.T, value string) secret.Ref {
				n++
				name := fmt.Sprint("value", n)
				write(t, dir, name, value)
				return secret.Ref{Scheme: "file", Path: name}
			},
			Missing:   secret.Ref{Scheme: "file", Path: "absent"},
			AbsentKey: secret.Ref{Scheme: "file", Path: "doc.yaml", Key: []string{"a", "c"}},
		}
	})
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFileKeys(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", "db:\n  password: &p hunter2\n  port: 0x10\n  none: ~\n  pem: |\n    line\nlist: [a, *p, true]\n1: one\n")
	write(t, dir, "a.json", `{"db": {"password": "\ud834\udd1e\n", "port": 12345678901234567890, "none": null, "on": true}, "list": ["a", 1.50]}`)
	write(t, dir, "a.env", "# c\nexport A='single $x'\nB=\"two\\nlines\"\nC=pa$word\nD=plain\r\n")
	write(t, dir, ".env.prod", "A=prod\n")
	write(t, dir, "sops.yaml", "a: ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]\n")
	write(t, dir, "bad.yaml", "a: sentinel: [\n")
	write(t, dir, "bad.json", `{"a": sentinel}`)
	write(t, dir, "bad.env", "A=\"sentinel\n")
	write(t, dir, "a.txt", "sentinel")
	write(t, dir, "empty.yaml", "")
	for _, tt := range []struct{ ref, want, err string }{
		{ref: "a.yaml#/db/password", want: "hunter2"},
		{ref: "a.yaml#/db/port", want: "0x10"},
		{ref: "a.yaml#/db/none", want: ""},
		{ref: "a.yaml#/db/pem", want: "line\n"},
		{ref: "a.yaml#/list/1", want: "hunter2"},
		{ref: "a.yaml#/list/2", want: "true"},
		{ref: "a.yaml#/1", want: "one"},
		{ref: "a.yaml#/list/3", err: `no key "3"`},
		{ref: "a.yaml#/list/01", err: `no key "01"`},
		{ref: "a.yaml#/list/-1", err: `no key "-1"`},
		{ref: "a.yaml#/db", err: "a map or a list"},
		{ref: "a.yaml#/db/password/x", err: `no key "x"`},
		{ref: "a.json#/db/password", want: "𝄞\n"},
		{ref: "a.json#/db/port", want: "12345678901234567890"},
		{ref: "a.json#/db/none", want: ""},
		{ref: "a.json#/db/on", want: "true"},
		{ref: "a.json#/list/1", want: "1.50"},
		{ref: "a.json#/list", err: "a map or a list"},
		{ref: "a.json#/list/2", err: `no key "2"`},
		{ref: "a.env#/A", want: "single $x"},
		{ref: "a.env#/B", want: "two\nlines"},
		{ref: "a.env#/C", want: "pa"},
		{ref: "a.env#/D", want: "plain"},
		{ref: "a.env#/E", err: `no key "E"`},
		{ref: "a.env#/A/b", err: `no key "b"`},
		{ref: ".env.prod#/A", want: "prod"},
		{ref: "sops.yaml#/a", err: "use ref+sops://"},
		{ref: "bad.yaml#/a", err: "not valid YAML"},
		{ref: "bad.json#/a", err: "not valid JSON"},
		{ref: "bad.env#/A", err: "not valid dotenv"},
		{ref: "empty.yaml#/a", err: `no key "a"`},
		{ref: "a.txt#/a", err: "needs a file named"},
		{ref: "a.txt?x=y", err: "no parameters"},
	} {
		t.Run(tt.ref, func(t *testing.T) {
			ref, err := secret.ParseRef("ref+file://" + tt.ref)
			if err != nil {
				t.Fatal(err)
			}
			got, err := source.NewFile(dir).Resolve(context.Background(), []secret.Ref{ref})
			switch {
			case tt.err != "":
				if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "sentinel") {
					t.Errorf("want an error with %q, got %v", tt.err, err)
				}
			case err != nil:
				t.Error(err)
			case string(got[0].Reveal()) != tt.want:
				t.Errorf("got another value than %q", tt.want)
			}
		})
	}
}
