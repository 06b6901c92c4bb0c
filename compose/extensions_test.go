package compose

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretExtensions: an x- key that holds a secret leaves the model, any other one stays.
func TestSecretExtensions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	text := `services:
  a:
    image: busybox
    healthcheck: {test: [CMD, x], x-token: {deep: ["Bearer ${API_TOKEN}"]}, x-plain: [1, true, null, 2001-01-01]}
volumes:
  v: {x-cluster-spec: {group: g}, x-ref: "ref+vault://kv/a#/b"}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	project, err := Load(context.Background(), Options{Files: []string{file}, ProjectName: "p", Environ: []string{"API_TOKEN=hunter2-sentinel"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func() ([]byte, error){
		"JSON": func() ([]byte, error) { return Encode(project.Project) },
		"YAML": func() ([]byte, error) { return YAML(project.Project) },
	} {
		data, err := write()
		if err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]bool{"x-token": false, "x-plain": true, "x-cluster-spec": true, "x-ref": false, "Bearer": false, "ref+": false} {
			if strings.Contains(string(data), key) != want {
				t.Errorf("%s: %s is there: %v", name, key, !want)
			}
		}
	}
}
