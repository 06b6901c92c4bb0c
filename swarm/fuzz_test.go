package swarm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

// FuzzLabels reads the labels of secrets, which anybody who may create one can write.
func FuzzLabels(f *testing.F) {
	f.Add("app_db.1", []byte(`{"io.compose-secure.secret":"db","io.compose-secure.version":"1","com.docker.stack.namespace":"app"}`))
	f.Add("app_db.18446744073709551616", []byte(`{"io.compose-secure.secret":"db","io.compose-secure.version":"18446744073709551616"}`))
	f.Add("app_", []byte(`{"io.compose-secure.secret":"../x","io.compose-secure.version":"-1","io.compose-secure.digest":"$argon2id$v=19$m=8,t=1,p=1$$"}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		var labels map[string]string
		_ = json.Unmarshal(data, &labels) // none then
		cputime.Limit(t, len(name)+len(data), func() {
			v := newVersion("app", "1", api.Annotations{Name: name, Labels: labels}, time.Unix(0, 0))
			if v.number != 0 && name != objectName("app", v.base, v.number) {
				t.Errorf("%q is taken for version %d of %q", name, v.number, v.base)
			}
			c := newCatalog([]version{v, v})
			c.newest(v.base)
			c.forged()
			parseDigest(v.digest)
		})
	})
}

// FuzzImageConfig reads what a registry says about an image.
func FuzzImageConfig(f *testing.F) {
	f.Add([]byte(`{"architecture":"amd64","config":{"Entrypoint":["a"],"Cmd":null,"Env":["A=b","="],"Shell":[],"Healthcheck":{"Test":["NONE"]}}}`))
	f.Add([]byte(`{"config":{"Healthcheck":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cputime.Limit(t, len(data), func() {
			file, err := v1.ParseConfigFile(strings.NewReader(string(data)))
			if err == nil {
				_ = imageOf(file)
			}
		})
	})
}

// FuzzLogins reads docker's config.json.
func FuzzLogins(f *testing.F) {
	f.Add([]byte(`{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"},"x":{"identitytoken":"y"}},"credHelpers":{"z":"pass"}}`))
	f.Add([]byte(`{"auths":{"x":{"auth":"===="}}}`))
	f.Add([]byte(`{"auths":null}`))
	dir := f.TempDir()
	r := &Registries{ConfigDir: dir, Getenv: func(string) string { return "" }}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		cputime.Limit(t, len(data), func() {
			file, err := r.configuration()
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			if err == nil && file.CredentialsStore == "" && len(file.CredentialHelpers) == 0 { // no program
				_, _ = login{r}.find(t.Context(), file, "x")
			}
		})
	})
}
