package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/compose"
)

// A secret in each argument list that a plan moves is found, and a variable in it can hold one.
func TestArgumentLists(t *testing.T) {
	for _, list := range compose.ArgumentLists() {
		text := "[check, --token, hunter9x, $TOKEN]"
		for _, key := range slices.Backward(list) {
			if key == compose.AnyElement {
				text = "[" + text + "]"
			} else {
				text = fmt.Sprintf("{%s: %s}", key, text)
			}
		}
		dir := t.TempDir()
		data := "services: {a: {image: x, labels: {a: $OTHER}, " + text[1:] + "}\n"
		if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), Options{Dir: dir}, []string{"."})
		if err != nil {
			t.Fatal(err)
		}
		if found := slices.DeleteFunc(r.Findings, func(f Finding) bool { return !strings.Contains(f.Message, "plaintext secret (token)") }); len(found) != 1 {
			t.Errorf("%s: findings %+v", list, found)
		}
		root, err := ReadYAML([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, u := range UnsupportedUses(root) {
			names = append(names, u.Name)
		}
		if !slices.Equal(names, []string{"OTHER"}) {
			t.Errorf("%s: %s cannot hold a secret", list, names)
		}
	}
}
