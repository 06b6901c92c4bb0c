package secret_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/secret"
)

func TestParseRef(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want secret.Ref
	}{
		{"ref+env://NAME", secret.Ref{Scheme: "env", Path: "NAME"}},
		{"ref+sops://secrets.enc.yaml#/db/password", secret.Ref{Scheme: "sops", Path: "secrets.enc.yaml", Key: []string{"db", "password"}}},
		{"ref+file:///run/x y", secret.Ref{Scheme: "file", Path: "/run/x y"}},
		{"ref+file://../a%23b%3Fc%25#/k", secret.Ref{Scheme: "file", Path: "../a#b?c%", Key: []string{"k"}}},
		{"ref+file://a+b", secret.Ref{Scheme: "file", Path: "a+b"}},
		{"ref+sops://x#/a%2Fb/c", secret.Ref{Scheme: "sops", Path: "x", Key: []string{"a/b", "c"}}},
		{"ref+sops://x#/a#b", secret.Ref{Scheme: "sops", Path: "x", Key: []string{"a#b"}}},
		{"ref+gcpsecrets://p/s?version=latest&a=b+c", secret.Ref{Scheme: "gcpsecrets", Path: "p/s", Params: url.Values{"version": {"latest"}, "a": {"b c"}}}},
		{"ref+a://b?", secret.Ref{Scheme: "a", Path: "b"}},
		{"ref+a://b?&", secret.Ref{Scheme: "a", Path: "b"}},
		{"ref+a-1://b", secret.Ref{Scheme: "a-1", Path: "b"}},
	} {
		t.Run(tt.in, func(t *testing.T) {
			got, err := secret.ParseRef(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if !secret.IsRef(tt.in) {
				t.Error("IsRef says no")
			}
		})
	}
}

func TestParseRefErrors(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"no reference", "hunter2", `starts with "ref+"`},
		{"empty", "", `starts with "ref+"`},
		{"no scheme", "ref+://x", "ref+SCHEME://PATH"},
		{"no separator", "ref+env:NAME", "ref+SCHEME://PATH"},
		{"upper case scheme", "ref+ENV://NAME", "a-z, 0-9 and -"},
		{"blank in scheme", "ref+e nv://NAME", "a-z, 0-9 and -"},
		{"no path", "ref+env://", "has no path"},
		{"no path before key", "ref+sops://#/a", "has no path"},
		{"bad escape in path", "ref+file://a%zz", "bad %-escape"},
		{"bad parameter", "ref+a://b?x=hunter2%zz", "form ?a=b"},
		{"key without slash", "ref+sops://x#a", "#/KEY"},
		{"empty fragment", "ref+sops://x#", "#/KEY"},
		{"empty key", "ref+sops://x#/", "#/KEY"},
		{"empty element", "ref+sops://x#/a//b", "empty or badly escaped"},
		{"slash at end", "ref+sops://x#/a/", "empty or badly escaped"},
		{"bad escape in key", "ref+sops://x#/a%", "empty or badly escaped"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := secret.ParseRef(tt.in)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("want an error with %q, got %v", tt.want, err)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error repeats the text: %v", err)
			}
		})
	}
}

func TestRefString(t *testing.T) {
	for _, tt := range []struct{ name, a, b string }{
		{"escapes", "ref+file://%61", "ref+file://a"},
		{"escapes in key", "ref+sops://x#/%61", "ref+sops://x#/a"},
		{"order of parameters", "ref+a://b?y=1&x=2", "ref+a://b?x=2&y=1"},
		{"empty parameters", "ref+a://b?", "ref+a://b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, errA := secret.ParseRef(tt.a)
			b, errB := secret.ParseRef(tt.b)
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			if a.ID() != b.ID() || a.String() != b.String() {
				t.Errorf("the same place gives %q and %q", a, b)
			}
		})
	}
	a, b := secret.Ref{Scheme: "sops", Path: "x", Key: []string{"a/b"}}, secret.Ref{Scheme: "sops", Path: "x", Key: []string{"a", "b"}}
	if a.ID() == b.ID() || a.String() == b.String() {
		t.Errorf("different keys give the same %q", a)
	}
}

// A parameter may be a token: it tells references apart and is not shown.
func TestRefParametersAreNotShown(t *testing.T) {
	a := secret.Ref{Scheme: "a", Path: "b", Params: url.Values{"token": {"hunter2"}, "role": {"x y"}}}
	b := secret.Ref{Scheme: "a", Path: "b", Params: url.Values{"token": {"hunter3"}, "role": {"x y"}}}
	if got, want := fmt.Sprint(a), "ref+a://b?role&token"; got != want {
		t.Errorf("prints as %q, want %q", got, want)
	}
	if a.ID() == b.ID() {
		t.Error("two tokens are one reference")
	}
}

// FuzzParseRef: what parses, prints as something that parses to the same, on
// one line.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{
		"ref+env://NAME", "ref+sops://a.yaml#/a/b", "ref+a://b?x=1&y=2#/k", "ref+file://%23%3F%25#/%2F%25%23", "ref+a://b?x", "ref+a://b\n#/c\r",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := secret.ParseRef(s)
		if err != nil {
			return
		}
		again, err := secret.ParseRef(ref.ID())
		if err != nil {
			t.Fatalf("%q prints as %q: %v", s, ref, err)
		}
		if diff := cmp.Diff(ref, again); diff != "" {
			t.Errorf("%q prints as %q: %s", s, ref, diff)
		}
		if strings.ContainsAny(ref.ID()+ref.String(), "\r\n") {
			t.Errorf("%q prints on more than one line", s)
		}
	})
}

// What stands before the @ of a server is shown nowhere, whatever is wrong with the reference.
func TestRefHidesUser(t *testing.T) {
	for text, want := range map[string]string{
		"ref+vault://u:SENTINEL@h/p#/k":              "ref+vault://[redacted]@h/p#/k",
		"ref+vault://SENTINEL@h/p":                   "ref+vault://[redacted]@h/p",
		"ref+vault://u:SEN/TINEL@h/p":                "ref+vault://[redacted]@h/p",
		"ref+vault://u:SENTINEL%40x@h/p?token=ab#/k": "ref+vault://[redacted]@h/p?token#/k",
		"ref+file://u:SENTINEL%40h/p":                "ref+file://[redacted]@h/p",
		"ref+file://me@work.txt":                     "ref+file://me@work.txt",
		"ref+sops://a@b/c.yaml#/k":                   "ref+sops://a@b/c.yaml#/k",
	} {
		r, err := secret.ParseRef(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if r.String() != want {
			t.Errorf("got %s, want %s", r, want)
		}
		if e := (&secret.RefError{r, errors.New("x")}).Error(); strings.Contains(e, "TINEL") {
			t.Error(e)
		}
	}
	for _, text := range []string{
		"ref+vault:SENTINEL@x://h", "ref+va ult-SENTINEL://h", "ref+vault://u:SENTINEL%zz@h/p", "ref+vault://u:SENTINEL@h#k",
		"ref+vault://u:SENTINEL@h?%zz#/k", "ref+vault://u:SENTINEL@h#/SENTINEL%zz", "ref+SENTINEL", "ref+://SENTINEL",
		"ref+file://u:SENTINEL@h/p", "ref+sops://u:SEN/TINEL@h#/k", "ref+env://u:SENTINEL@h",
	} {
		if _, err := secret.ParseRef(text); err == nil || strings.Contains(err.Error(), "SENTINEL") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
