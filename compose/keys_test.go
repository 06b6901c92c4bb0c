package compose

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
)

// TestServiceKeys holds the keys against the schema: one that is missing would
// make a linter take it for a mistake.
func TestServiceKeys(t *testing.T) {
	type def struct {
		AllOf []struct {
			Ref string `json:"$ref"`
		}
		Properties map[string]any
	}
	var s struct {
		Defs map[string]def `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(schema.Schema), &s); err != nil {
		t.Fatal(err)
	}
	keys := maps.Clone(s.Defs["service"].Properties)
	for _, part := range s.Defs["service"].AllOf {
		maps.Copy(keys, s.Defs[strings.TrimPrefix(part.Ref, "#/$defs/")].Properties)
	}
	if len(keys) < 80 {
		t.Fatalf("%d keys in the schema", len(keys))
	}
	for key := range keys {
		if !KnowsServiceKey(key) {
			t.Errorf("%s is not known", key)
		}
	}
	for key, want := range map[string]bool{"environmen": false, "name": false, "": false, "-": false, "#extensions": false, "x-a": true, "log_opt": true} {
		if KnowsServiceKey(key) != want {
			t.Errorf("%q: known is not %v", key, want)
		}
	}
}
