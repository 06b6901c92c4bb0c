package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

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

// Registries asks registries with the user's own logins, which go over TLS or to this machine only, or to
// where the engine sends them in the clear too.
type Registries struct {
	ConfigDir string              // where docker login puts logins
	Getenv    func(string) string // says where Podman does
	Env       []string            // of credential helpers
	Stderr    io.Writer           // of credential helpers; nil for nowhere
	// Insecure reports whether the engine may talk to the registry at host, HOST[:PORT], without TLS; nil for never.
	Insecure func(host string) bool
}

// LookUp asks the registry of ref for an image's configuration, with the user's own login; no layer is
// fetched. platform is OS/ARCH[/VARIANT].
func (r *Registries) LookUp(ctx context.Context, ref, platform string) (RegistryImage, error) {
	parsed, err := name.ParseReference(ref)
	if err == nil && r.maySendPlain(parsed.Context().RegistryStr()) {
		parsed, err = name.ParseReference(ref, name.Insecure)
	}
	if err != nil {
		return RegistryImage{}, fmt.Errorf("image %q: %w", ref, err)
	}
	p, err := v1.ParsePlatform(platform)
	if err != nil {
		return RegistryImage{}, fmt.Errorf("platform %q: %w", platform, err)
	}
	image, err := remote.Image(parsed, remote.WithContext(ctx), remote.WithAuthFromKeychain(login{r}), remote.WithTransport(guard{r, remote.DefaultTransport}), remote.WithPlatform(*p))
	if err != nil {
		return RegistryImage{}, refused(ref, err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return RegistryImage{}, refused(ref, err)
	}
	return imageOf(file), nil
}

func imageOf(file *v1.ConfigFile) RegistryImage {
	c := file.Config
	found := RegistryImage{Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, Shell: c.Shell, Architecture: file.Architecture}
	if c.Healthcheck != nil {
		found.Healthcheck = c.Healthcheck.Test
	}
	return found
}

// guard refuses every request that would go over a network in the clear: it has a login with it, or asks where to
// send one. Redirects pass it as well.
type guard struct {
	registries *Registries
	inner      http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !g.registries.maySendPlain(req.URL.Host) {
		return nil, &plainError{req.URL.Host}
	}
	return g.inner.RoundTrip(req)
}

// plainError says that a host was not asked, since it would have been without TLS.
type plainError struct{ host string }

func (e *plainError) Error() string {
	return fmt.Sprintf("%q does not answer over TLS, and no login is sent in the clear; give the registry a certificate that this machine trusts, or list it in the engine's insecure-registries", e.host)
}

// maySendPlain reports whether host, HOST[:PORT], is this machine or one that the engine calls insecure.
func (r *Registries) maySendPlain(host string) bool {
	bare := (&url.URL{Host: host}).Hostname()
	if ip, err := netip.ParseAddr(bare); bare == "localhost" || err == nil && ip.Unmap().IsLoopback() {
		return true
	}
	return r.Insecure != nil && r.Insecure(host)
}

// refused is one line about what the registry would not give.
func refused(ref string, err error) error {
	var plain *plainError
	if errors.As(err, &plain) {
		return fmt.Errorf("image %q: %w", ref, plain)
	}
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
