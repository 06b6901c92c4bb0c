package yamldoc

import (
	"fmt"
	"slices"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestVariables reads what people write as variables, as Compose does and as it was meant.
func TestVariables(t *testing.T) {
	for _, c := range []struct{ text, compose, meant string }{
		{"[A=b, C, 'D: e', F: g]", "A=b C - D: e -", "A=b C - D=e F=g"},
		{"{A: b, C: , <<: {A: x, D: e}}", "A=b C - D=e", "A=b C - D=e"},
		{"[]", "", ""},
		{"x", "", ""},
		{"[&a A=b, *a, [C=d]]", "A=b A=b", "A=b A=b"},
	} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(c.text), &doc); err != nil {
			t.Fatal(err)
		}
		if got := written(Variables(doc.Content[0])); got != c.compose {
			t.Errorf("%s: Compose reads %q, want %q", c.text, got, c.compose)
		}
		if got := written(Pairs(doc.Content[0])); got != c.meant {
			t.Errorf("%s: meant is %q, want %q", c.text, got, c.meant)
		}
	}
}

func written(list []Pair) string {
	text := ""
	for _, p := range list {
		if p.None {
			text += fmt.Sprintf(" %s -", p.Name)
		} else {
			text += fmt.Sprintf(" %s=%s", p.Name, p.Value)
		}
	}
	if text == "" {
		return ""
	}
	return text[1:]
}

func TestOwn(t *testing.T) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte("x-a: &a {k: 1}\nb: {<<: *a, l: *a}\n"), &doc); err != nil {
		t.Fatal(err)
	}
	b := Get(doc.Content[0], "b")
	if Own(b, "k") != nil || Text(Get(b, "k")) != "1" || Own(b, "l").Kind != yaml.AliasNode || OwnIndex(b, "l") != 2 {
		t.Error("what is merged is taken for its own, or the other way round")
	}
	if got := Texts(Own(b, "none")); !slices.Equal(got, nil) {
		t.Errorf("%q", got)
	}
}
