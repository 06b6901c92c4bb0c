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
	Network                 // leads to the engine or a registry, and may hold a login: a proxy, headers
	Credential              // a builder or a credential helper logs in with it
	Key                     // for this process alone: opens a SOPS file or a source, or is the tool's own
)

// Classify returns the class of the variable name. What reaches a child is listed name by name, so that a value
// copied under a name like COMPOSE_X does not; by their beginnings alone are known those for this process.
func Classify(name string) Class {
	switch {
	case slices.Contains(login, name):
		return Login
	case slices.Contains(network, name):
		return Network
	case slices.Contains(credentials, name):
		return Credential
	case IsCompose(name) || slices.Contains(settings, name):
		return Setting
	case hasPrefix(name, "AWS_", "AZURE_", "CLOUDSDK_", "GOOGLE_", "HUAWEICLOUD_", "SOPS_", "VAULT_", "BW_", "GOPASS_", "OP_", "PASSWORD_STORE_", "COMPOSE_SECURE_"):
		return Key
	}
	return Other
}

// IsCompose reports whether a variable is one of docker compose's own, of any of its versions:
// https://docs.docker.com/compose/how-tos/environment-variables/envvars/. Any other
// COMPOSE_ variable is the user's, and may hold a secret.
func IsCompose(name string) bool { return slices.Contains(composeVariables, name) }

func hasPrefix(name string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// login are the variables that a login or a shell sets, and those that every Windows program needs.
var login = []string{
	"_", "COLORTERM", "HOME", "HOSTNAME", "LANG", "LANGUAGE", "LOGNAME", "NO_COLOR", "OLDPWD", "PATH", "PWD", "SHELL", "SHLVL", "TERM", "TMPDIR", "TZ", "USER",
	// locale(7).
	"LC_ADDRESS", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_IDENTIFICATION", "LC_MEASUREMENT", "LC_MESSAGES", "LC_MONETARY", "LC_NAME", "LC_NUMERIC", "LC_PAPER", "LC_TELEPHONE", "LC_TIME",
	// https://specifications.freedesktop.org/basedir-spec/latest/ and pam_systemd(8).
	"XDG_CACHE_HOME", "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME", "XDG_CURRENT_DESKTOP", "XDG_DATA_DIRS", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_SEAT",
	"XDG_SESSION_CLASS", "XDG_SESSION_DESKTOP", "XDG_SESSION_ID", "XDG_SESSION_TYPE", "XDG_STATE_HOME", "XDG_VTNR",
	"APPDATA", "COMSPEC", "LOCALAPPDATA", "PATHEXT", "PROGRAMDATA", "SYSTEMROOT", "SystemRoot", "TEMP", "TMP", "USERNAME", "USERPROFILE", "WINDIR",
	// The engine: https://docs.docker.com/reference/cli/docker/#environment-variables.
	"DOCKER_API_VERSION", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY",
}

var composeVariables = []string{
	"COMPOSE_ANSI", "COMPOSE_API_VERSION", "COMPOSE_BAKE", "COMPOSE_COMPATIBILITY", "COMPOSE_CONVERT_WINDOWS_PATHS",
	"COMPOSE_DISABLE_ENV_FILE", "COMPOSE_DOCKER_CLI_BUILD", "COMPOSE_ENV_FILES", "COMPOSE_EXPERIMENTAL",
	"COMPOSE_EXPERIMENTAL_GIT_REMOTE", "COMPOSE_EXPERIMENTAL_OCI_REMOTE", "COMPOSE_EXPERIMENTAL_WATCH_TAR",
	"COMPOSE_FILE", "COMPOSE_HTTP_TIMEOUT", "COMPOSE_IGNORE_ORPHANS", "COMPOSE_MENU", "COMPOSE_PARALLEL_LIMIT",
	"COMPOSE_PATH_SEPARATOR", "COMPOSE_PROFILES", "COMPOSE_PROGRESS", "COMPOSE_PROJECT_NAME",
	"COMPOSE_REMOVE_ORPHANS", "COMPOSE_STATUS_STDOUT", "COMPOSE_WATCH_WINDOWS_BUFFER_SIZE",
}

// settings are switches, paths and addresses that docker, ssh of a docker context, a builder or a credential
// helper reads.
var settings = []string{
	"CLICOLOR", "CLICOLOR_FORCE", "NO_PROXY", "no_proxy", "SOURCE_DATE_EPOCH", "SSL_CERT_DIR", "SSL_CERT_FILE",
	"SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_AUTH_SOCK",
	// The docker command.
	"DOCKER_BUILDKIT", "DOCKER_CLI_EXPERIMENTAL", "DOCKER_CLI_HINTS", "DOCKER_CLI_HOOKS", "DOCKER_CONTENT_TRUST", "DOCKER_CONTENT_TRUST_SERVER",
	"DOCKER_DEFAULT_PLATFORM", "DOCKER_HIDE_LEGACY_COMMANDS",
	// https://docs.docker.com/build/building/variables/#build-tool-configuration-variables, and the configuration of a builder in Kubernetes.
	"BUILDKIT_COLORS", "BUILDKIT_HOST", "BUILDKIT_NO_CLIENT_TOKEN", "BUILDKIT_PROGRESS", "BUILDKIT_TTY_LOG_LINES",
	"BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP", "BUILDX_BAKE_ENTITLEMENTS_FS", "BUILDX_BUILDER", "BUILDX_CONFIG", "BUILDX_CPU_PROFILE", "BUILDX_DEFAULT_POLICY", "BUILDX_EXPERIMENTAL",
	"BUILDX_GIT_CHECK_DIRTY", "BUILDX_GIT_INFO", "BUILDX_GIT_LABELS", "BUILDX_MEM_PROFILE", "BUILDX_METADATA_PROVENANCE", "BUILDX_METADATA_WARNINGS",
	"BUILDX_NO_DEFAULT_ATTESTATIONS", "BUILDX_NO_DEFAULT_LOAD", "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY", "KUBECONFIG",
	// The desktop's bus and GnuPG, for https://github.com/docker/docker-credential-helpers.
	"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
	"GNUPGHOME", "GPG_TTY", "PASSWORD_STORE_DIR", "PASSWORD_STORE_GPG_OPTS", "PINENTRY_USER_DATA",
	"CURL_CA_BUNDLE", "REGISTRY_AUTH_FILE", "REQUESTS_CA_BUNDLE",
}

var network = []string{
	"DOCKER_CUSTOM_HEADERS",
	"ALL_PROXY", "all_proxy", "FTP_PROXY", "ftp_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
}

// credentials are the logins of docker, of the cache that GitHub gives a builder
// (https://docs.docker.com/build/cache/backends/gha/), and of clouds for their credential helpers and the caches of builders:
// docker-credential-ecr-login, -acr-env, -gcr and -gcloud.
var credentials = []string{
	"DOCKER_AUTH_CONFIG",
	"ACTIONS_CACHE_SERVICE_V2", "ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_RUNTIME_URL",
	// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html and
	// https://github.com/awslabs/amazon-ecr-credential-helper#environment-variables.
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CREDENTIAL_EXPIRATION",
	"AWS_DEFAULTS_MODE", "AWS_DEFAULT_PROFILE", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_EC2_METADATA_V1_DISABLED", "AWS_ECR_CACHE_DIR", "AWS_ECR_DISABLE_CACHE", "AWS_ECR_IGNORE_CREDS_STORAGE",
	"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_ECR_PUBLIC", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SIGNIN", "AWS_ENDPOINT_URL_SSO",
	"AWS_ENDPOINT_URL_SSO_OIDC", "AWS_ENDPOINT_URL_STS", "AWS_EXECUTION_ENV", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_LOGIN_CACHE_DIRECTORY", "AWS_MAX_ATTEMPTS",
	"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "AWS_METADATA_SERVICE_TIMEOUT", "AWS_PROFILE", "AWS_REGION", "AWS_RETRY_MODE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
	"AWS_SDK_LOAD_CONFIG", "AWS_SDK_UA_APP_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE",
	"AWS_STS_REGIONAL_ENDPOINTS", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT", "AWS_WEB_IDENTITY_TOKEN_FILE",
	// https://pkg.go.dev/github.com/Azure/azure-sdk-for-go/sdk/azidentity and https://github.com/chrismellard/docker-credential-acr-env.
	"AZURE_ADDITIONALLY_ALLOWED_TENANTS", "AZURE_AD_RESOURCE", "AZURE_AUTHORITY_HOST", "AZURE_CERTIFICATE_PASSWORD", "AZURE_CERTIFICATE_PATH",
	"AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN",
	"AZURE_CONFIG_DIR", "AZURE_ENVIRONMENT", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_PASSWORD", "AZURE_REGIONAL_AUTHORITY_NAME", "AZURE_TENANT_ID",
	"AZURE_TOKEN_CREDENTIALS", "AZURE_USERNAME",
	// https://cloud.google.com/sdk/docs/properties and https://cloud.google.com/docs/authentication/application-default-credentials.
	"CLOUDSDK_ACTIVE_CONFIG_NAME", "CLOUDSDK_AUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
	"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", "CLOUDSDK_CONFIG", "CLOUDSDK_CORE_ACCOUNT", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "CLOUDSDK_CORE_PROJECT",
	"CLOUDSDK_CORE_UNIVERSE_DOMAIN", "CLOUDSDK_PROXY_ADDRESS", "CLOUDSDK_PROXY_PASSWORD", "CLOUDSDK_PROXY_PORT", "CLOUDSDK_PROXY_RDNS", "CLOUDSDK_PROXY_TYPE",
	"CLOUDSDK_PROXY_USERNAME", "CLOUDSDK_PYTHON", "CLOUDSDK_PYTHON_ARGS", "CLOUDSDK_PYTHON_SITEPACKAGES",
	"GOOGLE_API_CERTIFICATE_CONFIG", "GOOGLE_API_USE_CLIENT_CERTIFICATE", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_QUOTA_PROJECT",
	"GOOGLE_CLOUD_UNIVERSE_DOMAIN", "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES",
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
