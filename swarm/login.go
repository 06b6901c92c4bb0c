package swarm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/compose-secure/compose-secure/subprocess"
)

// login finds the user's login for a registry where docker login put it. It is [authn.DefaultKeychain] with two
// differences: the configuration is the one that the docker command would use, and a credential helper gets
// the environment of a child.
type login struct {
	registries *Registries
}

var _ authn.ContextKeychain = login{}

// Resolve implements authn.Keychain.
func (k login) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext implements authn.ContextKeychain.
func (k login) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	file, err := k.registries.configuration()
	if err != nil {
		return nil, err
	}
	for _, key := range []string{target.String(), target.RegistryStr()} {
		if key == name.DefaultRegistry {
			key = authn.DefaultAuthKey
		}
		auth, err := k.find(ctx, file, key)
		if err != nil {
			return nil, err
		}
		auth.ServerAddress = "" // set in any case
		if auth != (types.AuthConfig{}) {
			return authn.FromConfig(authn.AuthConfig{
				Username: auth.Username, Password: auth.Password, Auth: auth.Auth, IdentityToken: auth.IdentityToken, RegistryToken: auth.RegistryToken,
			}), nil
		}
	}
	return authn.Anonymous, nil
}

// find looks for a login in the file and in DOCKER_AUTH_CONFIG, then asks the credential helper.
func (k login) find(ctx context.Context, file *configfile.ConfigFile, key string) (types.AuthConfig, error) {
	stored := *file
	stored.CredentialsStore, stored.CredentialHelpers = "", nil // the library would run it with the environment of this process
	auth, err := stored.GetAuthConfig(key)
	if err != nil || auth.Username != "" || auth.Auth != "" || auth.IdentityToken != "" || auth.RegistryToken != "" {
		return auth, err
	}
	helper := file.CredentialsStore
	if own, ok := file.CredentialHelpers[key]; ok {
		helper = own
	}
	if helper == "" {
		return types.AuthConfig{}, nil
	}
	found, err := client.Get(func(args ...string) client.Program {
		return &program{ctx: ctx, registries: k.registries, argv: append([]string{"docker-credential-" + helper}, args...)}
	}, key)
	switch {
	case err != nil && credentials.IsErrCredentialsNotFound(err):
		return types.AuthConfig{}, nil
	case err != nil:
		return types.AuthConfig{}, fmt.Errorf("docker-credential-%s gives no login for %s; see docker login", helper, key) // the cause is what it printed
	case found.Username == "<token>":
		return types.AuthConfig{IdentityToken: found.Secret}, nil
	}
	return types.AuthConfig{Username: found.Username, Password: found.Secret}, nil
}

// configuration is config.json, or what Podman has in its place when there is none.
func (r *Registries) configuration() (*configfile.ConfigFile, error) {
	paths := []string{filepath.Join(r.ConfigDir, config.ConfigFileName)}
	if given := r.Getenv("REGISTRY_AUTH_FILE"); given != "" {
		paths = append(paths, given)
	}
	for _, dir := range []string{r.Getenv("XDG_RUNTIME_DIR"), r.Getenv("XDG_CONFIG_HOME"), filepath.Join(r.Getenv("HOME"), ".config")} {
		paths = append(paths, filepath.Join(dir, "containers", "auth.json"))
	}
	for _, path := range paths {
		if !filepath.IsAbs(path) { // a file of the project
			continue
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the logins of docker: %w", err)
		}
		file, err := config.LoadFromReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("read the logins of docker: %q is not valid", path) // the cause may quote one
		}
		return file, nil
	}
	return configfile.New(""), nil
}

// program is a credential helper, https://github.com/docker/docker-credential-helpers#development.
type program struct {
	ctx        context.Context //nolint:containedctx // client.Program takes none
	registries *Registries
	argv       []string
	input      io.Reader
}

var _ client.Program = (*program)(nil)

// Input implements client.Program.
func (p *program) Input(in io.Reader) { p.input = in }

// Output implements client.Program.
func (p *program) Output() ([]byte, error) {
	cmd := subprocess.Command(p.ctx, p.registries.Env, p.argv[0], p.argv[1:]...)
	cmd.Stdin, cmd.Stderr = p.input, p.registries.Stderr
	return cmd.Output()
}
