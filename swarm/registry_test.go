package swarm

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// index pushes an image for two architectures and returns its reference.
func index(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/team/app:1")
	if err != nil {
		t.Fatal(err)
	}
	images := mutate.IndexMediaType(empty.Index, "application/vnd.oci.image.index.v1+json")
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: v1.Config{
			Entrypoint: []string{"/app", arch}, Cmd: []string{"serve"}, Env: []string{"A=b"},
			Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "/check"}}, Shell: []string{"/bin/ash", "-c"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		images = mutate.AppendManifests(images, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	if err := remote.WriteIndex(ref, images); err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

// anonymous has no login.
func anonymous(t *testing.T) *Registries {
	t.Helper()
	return &Registries{ConfigDir: t.TempDir(), Getenv: func(string) string { return "" }}
}

func TestLookUp(t *testing.T) {
	ref := index(t)
	for _, arch := range []string{"amd64", "arm64"} {
		got, err := anonymous(t).LookUp(t.Context(), ref, "linux/"+arch)
		if err != nil {
			t.Fatal(err)
		}
		want := RegistryImage{
			Entrypoint: []string{"/app", arch}, Cmd: []string{"serve"}, Env: []string{"A=b"},
			Healthcheck: []string{"CMD", "/check"}, Shell: []string{"/bin/ash", "-c"}, Architecture: arch,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLookUpRefused(t *testing.T) {
	ref := index(t)
	cases := map[string]struct{ ref, platform, want string }{
		"no such image": {strings.Replace(ref, "app:1", "other:2", 1), "linux/amd64", "is not in its registry"},
		"no platform":   {ref, "linux/riscv64", "ask its registry"},
		"no registry":   {"127.0.0.1:1/app", "linux/amd64", "ask its registry"},
		"no reference":  {"a b", "linux/amd64", "image \"a b\""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := anonymous(t).LookUp(t.Context(), c.ref, c.platform)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q on one line", err, c.want)
			}
		})
	}
}
