package command

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
)

// composeArgs are the arguments behind the model: the project's own place and
// name, then the user's command.
func (s *session) composeArgs(project, dir string, profiles []string, call call) []string {
	args := []string{"--project-name", project, "--project-directory", dir}
	args = append(args, s.global.composeFlags(profiles)...)
	return append(append(args, call.name), call.args...)
}

// childEnv is the environment of docker compose: without the secrets of the project, under
// whatever name they stand in it. What the clouds' and registries' credential helpers read stays,
// unless the project uses it as a secret of its own. l is nil where no project is loaded: then names and
// values alone tell what is a secret.
func (s *session) childEnv(l *loaded) []string {
	if l == nil {
		return s.environment(nil, func(name, value string) bool {
			return !isEssential(name) && !isCredential(name) && (secret.Policy{}).ClassifyFinal(name, value).Secret
		})
	}
	return s.environment(l.DotEnv, func(name, value string) bool {
		return l.exported[name] || !isEssential(name) && holdsAny(l.values, value) ||
			slices.Contains(l.SecretNames, name) && (l.used[name] || !isCredential(name))
	})
}

// holdsAny reports whether the value of a variable is that of a secret, under whatever name, or a long
// part of one.
func holdsAny(secrets []string, value string) bool {
	const long = 8 // bytes: shorter ones are in many texts by chance
	return value != "" && slices.ContainsFunc(secrets, func(text string) bool {
		return value == text || len(value) >= long && strings.Contains(text, value)
	})
}

// environment is that of this process without what would make docker compose take itself for
// a plugin of the docker command, without the keys that open secrets, without what the model says
// already and without what is withheld; dotEnv is added.
func (s *session) environment(dotEnv map[string]string, withheld func(name, value string) bool) []string {
	var env []string
	for _, kv := range s.Environ {
		name, value, _ := strings.Cut(kv, "=")
		if slices.Contains(modelVariables, name) || strings.HasPrefix(name, "SOPS_") || strings.HasPrefix(name, "DOCKER_CLI_PLUGIN_") {
			continue
		}
		if name == "HOME" && !filepath.IsAbs(value) { // docker compose would look for its configuration in the project
			kv = "HOME=" + compose.HomeDir(s.Getenv)
		}
		if !withheld(name, value) {
			env = append(env, kv)
		}
	}
	for name, value := range dotEnv {
		if !slices.Contains(modelVariables, name) {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// programEnv is the environment of a program that needs nothing of the project: a few variables that
// every login has, and those named.
func (s *session) programEnv(names ...string) []string {
	var env []string
	for _, kv := range s.Environ {
		name, _, _ := strings.Cut(kv, "=")
		if slices.Contains([]string{"PATH", "HOME", "LANG"}, name) || slices.Contains(names, name) {
			env = append(env, kv)
		}
	}
	return env
}

// isCredential reports whether docker itself, or a helper that it starts, may need the variable.
func isCredential(name string) bool {
	return slices.ContainsFunc([]string{"DOCKER_", "BUILDX_", "BUILDKIT_", "SSH_", "AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// isEssential reports whether the variable is one that every login has, or that says which engine to use, and
// that keeps no secret, even when its value stands in one by chance.
func isEssential(name string) bool {
	return slices.Contains([]string{
		"_", "COLORTERM", "HOME", "HOSTNAME", "LANG", "LANGUAGE", "LOGNAME", "OLDPWD", "PATH", "PWD", "SHELL", "SHLVL", "TERM", "TMPDIR", "TZ", "USER",
		"DOCKER_API_VERSION", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY",
	}, name) || strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "XDG_")
}

// modelVariables say what the model says already; see
// https://docs.docker.com/compose/how-tos/environment-variables/envvars/.
var modelVariables = []string{"COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES", "COMPOSE_PATH_SEPARATOR"}
