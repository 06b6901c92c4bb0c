package boot

import (
	"os"
	"path/filepath"
	"testing"
)

func TestInstalled(t *testing.T) {
	for name, user := range map[string]bool{"system": false, "user": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if Installed(dir) {
				t.Error("installed before Install")
			}
			path, err := Install(dir, "/usr/bin/compose-secure", user)
			if err != nil {
				t.Fatal(err)
			}
			if !Installed(dir) {
				t.Error("not installed after Install")
			}
			links, err := filepath.Glob(filepath.Join(dir, "*.wants", UnitName))
			if err != nil || len(links) != 1 {
				t.Fatal(links, err)
			}
			if err := os.Rename(links[0], links[0]+".off"); err != nil {
				t.Fatal(err)
			}
			if Installed(dir) {
				t.Error("installed, but not enabled")
			}
			if err := os.Rename(links[0]+".off", links[0]); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if Installed(dir) {
				t.Error("enabled, but not there")
			}
			if err := Remove(dir); err != nil || Installed(dir) {
				t.Errorf("after Remove: %v", err)
			}
		})
	}
}

// What the unit runs must be read back as it was written, whatever the path.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	if got, err := Program(dir); got != "" || err != nil {
		t.Errorf("without a unit: %q, %v", got, err)
	}
	for _, path := range []string{"/usr/bin/compose-secure", "/opt/a b/compose-secure", `/opt/"a"\b/cs`, "/opt/100%/$HOME/cs", `/opt/\$%%/'x'`} {
		if _, err := Install(dir, path, false); err != nil {
			t.Fatal(err)
		}
		if got, err := Program(dir); got != path || err != nil {
			t.Errorf("%q is read as %q, %v", path, got, err)
		}
	}
}

// The link that enables a unit must lead to it also where DIR becomes the root of another machine.
func TestLinkIsRelative(t *testing.T) {
	dir := t.TempDir()
	if _, err := Install(filepath.Join(dir, "a"), "/usr/bin/compose-secure", false); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if !Installed(filepath.Join(dir, "b")) {
		t.Error("not installed")
	}
	if _, err := os.Stat(filepath.Join(dir, "b", systemTarget+".wants", UnitName)); err != nil {
		t.Error(err)
	}
}
