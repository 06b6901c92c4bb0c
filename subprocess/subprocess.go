// Package subprocess owns the environments of the programs that the tool starts: which variables each may
// get, and that none gets the rest of this process's environment by default. What of them a project
// uses as a secret it is told by its callers.
package subprocess

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Command is [exec.CommandContext] with an environment that is always given: nil is an empty one, and not,
// as in package exec, that of this process. Nothing else in the tool makes an [exec.Cmd].
func Command(ctx context.Context, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append([]string{}, env...)
	return cmd
}

// Class says what a variable of the environment is for.
type Class int

// The classes. A variable of class Other reaches no child unless the caller names it.
const (
	Other      Class = iota // a project's, or another program's
	Login                   // every login has it, and it keeps no secret
	Setting                 // docker, docker compose or a builder reads it
	Credential              // docker or a credential helper reads it, and it may hold a secret
	Key                     // opens a SOPS file or a source: for the libraries of this process alone
)

// Classify returns the class of the variable name.
func Classify(name string) Class {
	switch {
	case slices.Contains(login, name) || hasPrefix(name, "LC_", "XDG_"):
		return Login
	case slices.Contains(credentials, name) || hasPrefix(name, "AWS_", "AZURE_", "CLOUDSDK_", "GOOGLE_"):
		return Credential
	case strings.HasPrefix(name, "DOCKER_CLI_PLUGIN_"): // docker compose would take itself for a plugin of the docker command
		return Other
	case slices.Contains(settings, name) || hasPrefix(name, "BUILDKIT_", "BUILDX_", "COMPOSE_", "DOCKER_"):
		return Setting
	case hasPrefix(name, "SOPS_", "VAULT_", "HUAWEICLOUD_", "BW_", "GOPASS_", "OP_", "PASSWORD_STORE_"):
		return Key
	}
	return Other
}

func hasPrefix(name string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// login are the variables that a login or a shell sets, and those that every Windows program needs.
var login = []string{
	"_", "COLORTERM", "HOME", "HOSTNAME", "LANG", "LANGUAGE", "LOGNAME", "NO_COLOR", "OLDPWD", "PATH", "PWD", "SHELL", "SHLVL", "TERM", "TMPDIR", "TZ", "USER",
	"APPDATA", "COMSPEC", "LOCALAPPDATA", "PATHEXT", "PROGRAMDATA", "SYSTEMROOT", "SystemRoot", "TEMP", "TMP", "USERNAME", "USERPROFILE", "WINDIR",
	// The engine: https://docs.docker.com/reference/cli/docker/#environment-variables.
	"DOCKER_API_VERSION", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY",
}

// settings are switches, paths and addresses that docker, ssh of a docker context, a builder or a credential
// helper reads: the desktop's bus and GnuPG for the helpers of
// https://github.com/docker/docker-credential-helpers.
var settings = []string{
	"CLICOLOR", "CLICOLOR_FORCE", "NO_PROXY", "no_proxy", "SOURCE_DATE_EPOCH", "SSL_CERT_DIR", "SSL_CERT_FILE",
	"SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_AUTH_SOCK",
	"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
	"GNUPGHOME", "GPG_TTY", "PASSWORD_STORE_DIR", "PASSWORD_STORE_GPG_OPTS", "PINENTRY_USER_DATA",
	"CURL_CA_BUNDLE", "REGISTRY_AUTH_FILE", "REQUESTS_CA_BUNDLE",
}

// credentials are the logins of docker, of proxies and of the cache that GitHub gives a builder:
// https://docs.docker.com/build/cache/backends/gha/.
var credentials = []string{
	"DOCKER_AUTH_CONFIG",
	"ALL_PROXY", "all_proxy", "FTP_PROXY", "ftp_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
	"ACTIONS_CACHE_SERVICE_V2", "ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_RUNTIME_URL",
}

// Select returns those variables of environ, NAME=VALUE, that keep reports true for. HOME is
// left out where it is not absolute: a program would look for its configuration in the project.
func Select(environ []string, keep func(name, value string) bool) []string {
	selected := []string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if name != "" && keep(name, value) && (name != "HOME" || filepath.IsAbs(value)) {
			selected = append(selected, kv)
		}
	}
	return selected
}

// Program returns the environment of a program that needs nothing of the project: PATH, HOME, LANG and
// the variables names.
func Program(environ []string, names ...string) []string {
	return Select(environ, func(name, _ string) bool {
		return name == "PATH" || name == "HOME" || name == "LANG" || slices.Contains(names, name)
	})
}
