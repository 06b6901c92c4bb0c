package dockercli

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

// FuzzContext reads docker's config.json and the metadata of a context.
func FuzzContext(f *testing.F) {
	f.Add([]byte(`{"currentContext":"a"}`), []byte(`{"Name":"a","Endpoints":{"docker":{"Host":"unix:///x.sock"}}}`))
	f.Add([]byte(`{"currentContext":"../a"}`), []byte(`{"Name":"a","Endpoints":{"docker":{"Host":"tcp://[::1%]:x","SkipTLSVerify":true}}}`))
	f.Add([]byte(`[`), []byte(`{"Endpoints":null}`))
	dir := f.TempDir()
	meta := filepath.Join(dir, "contexts", "meta", fmt.Sprintf("%x", sha256.Sum256([]byte("a"))))
	if err := os.MkdirAll(meta, 0o700); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, settings, context []byte) {
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "config.json"), settings, 0o600), os.WriteFile(filepath.Join(meta, "meta.json"), context, 0o600)); err != nil {
			t.Fatal(err)
		}
		cputime.Limit(t, len(settings)+len(context), func() {
			_, err := Resolve(Options{ConfigDir: dir, Getenv: func(string) string { return "" }})
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	})
}
