package boot

import (
	"os"
	"testing"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

// FuzzRecord reads a record, which may be damaged.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"project":"a","files":["/a/compose.yaml"],"owners":{"s":{"uid":1,"gid":-1}},"images":{"a":[]}}`))
	f.Add([]byte(`{"project":"../a","environment":{"HOME":"x"}}`))
	dir := Dir(f.TempDir())
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(dir.Path("a"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		cputime.Limit(t, len(data), func() { _, _ = dir.List() })
	})
}
