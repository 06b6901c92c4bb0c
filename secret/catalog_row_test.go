package secret

import (
	"strings"
	"testing"
)

// Every row is its own line again, and a row made from a script is one of the catalogue.
func TestRow(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(catalogCSV), "\n")
	if CatalogHeader() != lines[0] {
		t.Errorf("the header is %q", CatalogHeader())
	}
	for n, i := range Default().Images() {
		if i.Row() != lines[n+1] {
			t.Errorf("got %q, want %q", i.Row(), lines[n+1])
		}
		if again, err := ParseRow(i.Row()); err != nil || again.Row() != i.Row() {
			t.Errorf("%s: %v", i.Name, err)
		}
	}
	row, err := ScriptRow("Registry.example.com/our/DB:16", "suffix:_FILE", []string{"A", "B"}, []string{"server"}, "/entry.sh")
	if err != nil {
		t.Fatal(err)
	}
	const want = `registry.example.com/our/db,,suffix:_FILE,A B,,server,unknown,trimmed,,,no,image:/entry.sh,read in the image's entrypoint`
	if row.Row() != want {
		t.Errorf("got %q, want %q", row.Row(), want)
	}
	if other, err := row.For("docker.io/library/x:1"); err != nil || other.Name != "x" || row.Name == "x" {
		t.Errorf("got %+v, %v", other, err)
	}
	for _, line := range []string{"", "a", want + "\n" + want, strings.Replace(want, "suffix:_FILE", "x", 1)} {
		if _, err := ParseRow(line); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
}
