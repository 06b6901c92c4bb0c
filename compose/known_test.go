package compose

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKnown(t *testing.T) {
	for name, c := range map[string]struct {
		text, env string
		profiles  []string
		want      *Known // nil: not told
	}{
		"plain":            {text: "services: {a: {image: b, environment: {X: $TOKEN_X}}}", want: &Known{Name: "dir", SecretNames: []string{"TOKEN_X"}}},
		"a name":           {text: "name: shop\nservices: {a: {image: b}}", want: &Known{Name: "shop", SecretNames: []string{"TOKEN_X"}}},
		"profiles":         {text: "services: {a: {image: b}}", env: "COMPOSE_PROFILES=x,y", want: &Known{Name: "dir", Profiles: []string{"x", "y"}, SecretNames: []string{"TOKEN_X"}}},
		"an include":       {text: "include: [other.yaml]\nservices: {a: {image: b}}"},
		"an extension":     {text: "services: {a: {extends: {file: other.yaml, service: a}}}"},
		"an escape":        {text: "services: {a: {image: b, environment: {X: \"${TOKEN_\\x58}\"}}}"},
		"a fold":           {text: "services: {a: {image: b, environment: {X: \"${TOKEN\\\n_X}\"}}}"},
		"a percent sign":   {text: "services: {a: {image: b, environment: {X: ref+env://M%59V}}}"},
		"a made name":      {text: "services: {a: {image: b}}\nsecrets: {s: {environment: \"M${Y}V\"}}"},
		"a made reference": {text: "services: {a: {image: b, environment: {X: \"ref+env://M${Y}V\"}}}"},
		"a percent sign in a reference of the process": {text: "services: {a: {image: b}}", env: "X=ref+env://M%59V"},
		"an env file": {text: "services: {a: {image: b, env_file: a.env}}"},
	} {
		dir := filepath.Join(t.TempDir(), "dir")
		for file, text := range map[string]string{"compose.yaml": c.text, "other.yaml": "services: {a: {image: c}}", "a.env": "A=1"} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var got *Known
		_, err := Load(context.Background(), Options{
			ProjectDirectory: dir, Files: []string{filepath.Join(dir, "compose.yaml")},
			Environ: []string{"TOKEN_X=hunter2", c.env}, Known: func(k Known) { got = &k },
		})
		if err != nil && name != "an include" { // which defines a service twice
			t.Errorf("%s: %v", name, err)
		}
		if c.want != nil {
			c.want.WorkingDir, c.want.DotEnv = dir, map[string]string{}
		}
		if got != nil {
			got.texts = nil
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(Known{})); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestKnownUses(t *testing.T) {
	k := Known{texts: [][]byte{[]byte("image: a\n"), []byte("X: ${DOMAIN:-x} POSTGRES_USER PASS=hunter2,FOO\n")}}
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"DOMAIN", "", true},
		{"FOO", "", true},
		{"X", "", true},
		{"OTHER", "hunter2", true},
		{"USER", "root", false},
		{"DOM", "", false},
		{"POSTGRES", "", false},
		{"OTHER", "x", false},
		{"", "", false},
		{":", ":", false},
	} {
		if got := k.Uses(c.name, c.value); got != c.want {
			t.Errorf("Uses(%q, %q) = %v", c.name, c.value, got)
		}
	}
}
