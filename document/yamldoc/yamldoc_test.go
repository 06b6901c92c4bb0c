package yamldoc

import (
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/document"
	"go.yaml.in/yaml/v4"
)

func parse(t *testing.T, data string) *Document {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(data), &doc); err != nil {
		t.Fatal(err)
	}
	return New([]byte(data), doc.Content[0])
}

func value(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				n = n.Content[i+1]
				break
			}
		}
	}
	return n
}

// Every style of a scalar is written back in a way that means the new value and
// leaves all other bytes as they were.
func TestSet(t *testing.T) {
	for _, tt := range []struct{ name, before, set, after string }{
		{"plain", "a: old # why\nb: 1\n", "new", "a: new # why\nb: 1\n"},
		{"single quotes", "a: 'o''ld'\n", "n'ew", "a: 'n''ew'\n"},
		{"double quotes", "a: \"o\\\"ld\" # x\n", "n\"ew\n", "a: \"n\\\"ew\\n\" # x\n"},
		{"flow", "{a: old, b: [1]}\n", "x, y", "{a: \"x, y\", b: [1]}\n"},
		{"literal", "a: |\n  old\n  text\nb: 1\n", "new", "a: new\nb: 1\n"},
		{"anchor", "a: &x old\nb: *x\n", "new", "a: &x new\nb: *x\n"},
		{"several lines", "a: old\n  text\nb: 1\n", "new", "a: new\nb: 1\n"},
		{"line breaks", "a: old\r\nb: 1\r\n", "new", "a: new\r\nb: 1\r\n"},
		{"what YAML takes for something else", "a: old\n", "true", "a: \"true\"\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := parse(t, tt.before)
			n := value(d.Root, "a")
			if !d.Settable(n) {
				t.Fatal("not settable")
			}
			d.Set(n, tt.set)
			edits, err := d.Edits()
			if err != nil {
				t.Fatal(err)
			}
			out, err := document.Splice([]byte(tt.before), edits)
			if err != nil || string(out) != tt.after {
				t.Fatalf("got %q, %v, want %q", out, err, tt.after)
			}
			if got := value(parse(t, string(out)).Root, "a").Value; got != tt.set {
				t.Errorf("read back as %q", got)
			}
		})
	}
}

func TestRemoveAndInsert(t *testing.T) {
	const before = "services:\n  a:\n    environment:\n      X: 1\n      Y: 2 # keep\n    image: b\n"
	d := parse(t, before)
	env := value(d.Root, "services", "a", "environment")
	if !d.Removable(env, 0) {
		t.Fatal("not removable")
	}
	d.Remove(env, 0)
	service := value(d.Root, "services", "a")
	service.Content = append(service.Content, Str("secrets"), Seq("x"))
	edits, err := d.Edits()
	if err != nil {
		t.Fatal(err)
	}
	out, err := document.Splice([]byte(before), edits)
	want := strings.Replace(before, "      X: 1\n", "", 1) + "    secrets:\n      - x\n"
	if err != nil || string(out) != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}
