package dockercli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindCompose(t *testing.T) {
	const script = "#!/bin/sh\necho "
	tests := map[string]struct {
		plugin string
		dir    string // below DOCKER_CONFIG
		config string
		want   string // version or error
	}{
		"in the user's directory": {script + "v2.29.1\n", "cli-plugins", "", "2.29.1"},
		"with a Debian suffix":    {script + "2.26.1-4\n", "cli-plugins", "", "2.26.1-4"},
		"in an extra directory":   {script + "2.30.0\n", "extra", `{"cliPluginsExtraDirs":["DIR/extra"]}`, "2.30.0"},
		"the oldest":              {script + "2.20.0\n", "cli-plugins", "", "2.20.0"},
		"too old":                 {script + "2.19.9\n", "cli-plugins", "", "docker compose 2.19.9 at DIR/cli-plugins/docker-compose is too old; install 2.20 or newer"},
		"version 1":               {script + "1.29.2\n", "cli-plugins", "", "docker compose 1.29.2 at DIR/cli-plugins/docker-compose is too old; install 2.20 or newer"},
		"a later major":           {script + "5.0.1\n", "cli-plugins", "", "5.0.1"},
		"broken":                  {"#!/bin/sh\nexit 3\n", "cli-plugins", "", "DIR/cli-plugins/docker-compose does not run as docker compose: exit status 3"},
		"settings are no JSON":    {script + "2.30.0\n", "cli-plugins", `{`, "2.30.0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			getenv := func(name string) string {
				return map[string]string{"DOCKER_CONFIG": dir, "HOME": dir, "PATH": os.Getenv("PATH")}[name]
			}
			if err := os.MkdirAll(filepath.Join(dir, tt.dir), 0o700); err != nil {
				t.Fatal(err)
			}
			plugin := filepath.Join(dir, tt.dir, "docker-compose")
			if err := os.WriteFile(plugin, []byte(tt.plugin), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(strings.ReplaceAll(tt.config, "DIR", dir)), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, again := range []bool{false, true} { // the second time from what is remembered
				docker, err := FindCompose(context.Background(), getenv)
				got := ""
				if err != nil {
					got = strings.ReplaceAll(err.Error(), dir, "DIR")
				} else if got = docker.Version; docker.Path != plugin {
					t.Errorf("found %s", docker.Path)
				}
				if got != tt.want {
					t.Errorf("got %q, want %q (remembered: %v)", got, tt.want, again)
				}
			}
		})
	}
}
