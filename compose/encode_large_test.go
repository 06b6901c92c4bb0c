package compose

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestYAMLOfManyElements holds that a mapping of many elements is written as one encoder writes it, whatever its keys are.
func TestYAMLOfManyElements(t *testing.T) {
	words := []string{"s", "web-", "a.b_", "10", "1e3", "0x1", "true", "null", "~", "ä", "A", "Z9", "x: ", "#", "- ", "'", "\"", " lead", "日本", "é2é", "_", "<<", "&a", "*a", "!t", "[", "{"}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := map[string]any{}
		for len(m) < manyElements+r.IntN(40) {
			name := words[r.IntN(len(words))] + fmt.Sprint(r.IntN(300)) + words[r.IntN(len(words))]
			m[name] = map[string]any{"image": "x", "command": []any{"sh", "-c", "first\nsecond " + name}, "environment": map[string]any{name: "$" + name}}
		}
		var want bytes.Buffer
		encoder := yaml.NewEncoder(&want)
		encoder.SetIndent(2)
		if err := encoder.Encode(map[string]any{"services": m}); err != nil {
			t.Fatal(err)
		}
		got, err := yamlKey("services", m)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("seed %d: the two halves are not what one encoder writes", seed)
		}
	}
}
