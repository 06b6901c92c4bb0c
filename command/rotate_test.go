package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadValues(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a=b")
	if err := os.WriteFile(file, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		files, names []string
		want         map[string]string // nil for an error
	}{
		"one secret":             {[]string{"-"}, []string{"key"}, map[string]string{"key": "stdin"}},
		"a file with = in it":    {[]string{file}, []string{"key"}, map[string]string{"key": "from a file\n"}},
		"by name":                {[]string{"key=" + file, "other=-"}, nil, map[string]string{"key": "from a file\n", "other": "stdin"}},
		"by name and named":      {[]string{"key=-"}, []string{"key"}, map[string]string{"key": "stdin"}},
		"for which secret":       {[]string{"-"}, nil, nil},
		"one file, two secrets":  {[]string{"-"}, []string{"key", "other"}, nil},
		"a secret without value": {[]string{"key=-", "third=-"}, []string{"key", "other"}, nil},
		"twice":                  {[]string{"key=-", "key=" + file}, nil, nil},
		"no such file":           {[]string{filepath.Join(dir, "none")}, []string{"key"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			values, err := readValues(strings.NewReader("stdin"), c.files, c.names)
			if (err != nil) != (c.want == nil) {
				t.Fatalf("error %v", err)
			}
			if len(values) != len(c.want) {
				t.Errorf("%d values, want %d", len(values), len(c.want))
			}
			for k, want := range c.want {
				if string(values[k].Reveal()) != want {
					t.Errorf("%s is not what it should be", k)
				}
			}
		})
	}
}
