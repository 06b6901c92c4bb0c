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
