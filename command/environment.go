package command

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/subprocess"
)

// composeArgs are the arguments behind the model: the project's own place and
// name, then the user's command.
func (s *session) composeArgs(project, dir string, profiles []string, call dockercli.Call) []string {
	args := []string{"--project-name", project, "--project-directory", dir}
	args = append(args, s.global.composeFlags(profiles)...)
	return append(append(args, call.Name), call.Args...)
}

// childEnv is the environment of docker, of docker compose and of the credential helpers: what [subprocess.Classify] knows
// that they read, without what the project uses as a secret, under whatever name it stands there, and what
// the command line passes by name. l is nil where no project is loaded: then names and values alone tell
// what is a secret, and no registry is reached that wants a login.
func (s *session) childEnv(l *loaded, passed ...string) []string {
	withheld := func(name, value string) bool {
		class := subprocess.Classify(name)
		return class == subprocess.Credential || class == subprocess.Setting && (secret.Policy{}).ClassifyFinal(name, value).Secret
	}
	if l != nil {
		withheld = l.withholds
	}
	env := subprocess.Select(s.Environ, func(name, value string) bool {
		class := subprocess.Classify(name)
		return class != subprocess.Other && class != subprocess.Key && !slices.Contains(modelVariables, name) && !withheld(name, value)
	})
	if home := s.Getenv("HOME"); home != "" && !filepath.IsAbs(home) { // docker compose would look for its configuration in the project
		env = append(env, "HOME="+dockercli.HomeDir(s.Getenv))
	}
	if l == nil {
		return env
	}
	for name, value := range l.DotEnv {
		if !slices.Contains(modelVariables, name) {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range passed {
		if value, ok := l.Environment[name]; ok && !l.Inputs.Has(value) && !secret.IsRef(value) && !l.withholds(name, value) {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// withholds reports whether a variable must not reach a child: the project calls it secret, or it holds the value of
// a secret. A login of docker is withheld only from a project that uses it as a secret of its own.
func (l *loaded) withholds(name, value string) bool {
	class := subprocess.Classify(name)
	mayBeSecret := class == subprocess.Login || class == subprocess.Network || class == subprocess.Credential // and is docker's all the same
	return l.exported[name] || slices.Contains(l.SecretNames, name) && (l.used[name] || !mayBeSecret) ||
		class != subprocess.Login && holdsAny(l.values, value)
}

// holdsAny reports whether the value of a variable is that of a secret, under whatever name, a long
// part of one, or has one in it.
func holdsAny(secrets []string, value string) bool {
	const long = 8 // bytes: shorter ones are in many texts by chance
	return value != "" && slices.ContainsFunc(secrets, func(text string) bool {
		return value == text || len(value) >= long && strings.Contains(text, value) || len(text) >= long && strings.Contains(value, text)
	})
}

// modelVariables say what the model says already; see
// https://docs.docker.com/compose/how-tos/environment-variables/envvars/.
var modelVariables = []string{"COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES", "COMPOSE_PATH_SEPARATOR"}
