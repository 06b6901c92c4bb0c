package swarm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// RegistryImage is what a registry says about the containers of an image.
type RegistryImage struct {
	Entrypoint, Cmd []string
	Env             []string // NAME=VALUE
	Healthcheck     []string // in the form of the compose file; nil when the image has none
	Shell           []string // SHELL, nil means /bin/sh -c
	Architecture    string   // as Go names it
}

// LookUp asks the registry of ref for an image's configuration, with the user's own login; no layer is
// fetched. platform is OS/ARCH[/VARIANT].
func LookUp(ctx context.Context, ref, platform string) (RegistryImage, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return RegistryImage{}, fmt.Errorf("image %q: %w", ref, err)
	}
	p, err := v1.ParsePlatform(platform)
	if err != nil {
		return RegistryImage{}, fmt.Errorf("platform %q: %w", platform, err)
	}
	image, err := remote.Image(parsed, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithPlatform(*p))
	if err != nil {
		return RegistryImage{}, refused(ref, err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return RegistryImage{}, refused(ref, err)
	}
	c := file.Config
	found := RegistryImage{Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, Shell: c.Shell, Architecture: file.Architecture}
	if c.Healthcheck != nil {
		found.Healthcheck = c.Healthcheck.Test
	}
	return found, nil
}

// refused is one line about what the registry would not give.
func refused(ref string, err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) {
		switch answer.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("image %q: its registry wants a login; run docker login", ref)
		case http.StatusNotFound:
			return fmt.Errorf("image %q is not in its registry", ref)
		}
	}
	return fmt.Errorf("image %q: ask its registry: %s", ref, strings.ReplaceAll(err.Error(), "\n", " "))
}
