package deliver

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/subprocess"
)

// ComposeArgs are the arguments behind the model: the project's own place and name, then the call.
func (p *Project) ComposeArgs(c dockercli.Call) []string {
	args := append([]string{"--project-name", p.Name, "--project-directory", p.WorkingDir}, p.env.ComposeFlags...)
	for _, profile := range p.Profiles {
		if profile != "" {
			args = append(args, "--profile", profile)
		}
	}
	return append(append(args, c.Name), c.Args...)
}

// ChildEnv is the environment of docker, of docker compose and of the credential helpers: what [subprocess.Classify] knows
// that they read, without what the project uses as a secret, under whatever name it stands there, and what
// the command line passes by name.
func (p *Project) ChildEnv(passed ...string) []string { return p.env.childEnv(p, passed...) }

// ChildEnv is [Project.ChildEnv] where no project is loaded: names and values alone tell
// what is a secret, and no registry is reached that wants a login.
func (e *Env) ChildEnv() []string { return e.childEnv(nil) }

func (e *Env) childEnv(p *Project, passed ...string) []string {
	withheld := func(name, value string) bool {
		class := subprocess.Classify(name)
		return class == subprocess.Credential || class == subprocess.Setting && (secret.Policy{}).ClassifyFinal(name, value).Secret
	}
	if p != nil {
		withheld = p.withholds
	}
	env := subprocess.Select(e.Environ, func(name, value string) bool {
		class := subprocess.Classify(name)
		return class != subprocess.Other && class != subprocess.Key && !slices.Contains(modelVariables, name) && !withheld(name, value)
	})
	if home := e.Getenv("HOME"); home != "" && !filepath.IsAbs(home) { // docker compose would look for its configuration in the project
		env = append(env, "HOME="+dockercli.HomeDir(e.Getenv))
	}
	if p == nil {
		return env
	}
	for name, value := range p.DotEnv {
		if !slices.Contains(modelVariables, name) {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range passed {
		if value, ok := p.Environment[name]; ok && !p.Inputs.Has(value) && !secret.IsRef(value) && !p.withholds(name, value) {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// withholds reports whether a variable must not reach a child: the project calls it secret, or it holds the value of
// a secret. A login of docker is withheld only from a project that uses it as a secret of its own.
func (p *Project) withholds(name, value string) bool {
	class := subprocess.Classify(name)
	mayBeSecret := class == subprocess.Login || class == subprocess.Network || class == subprocess.Credential // and is docker's all the same
	return p.exported[name] || slices.Contains(p.SecretNames, name) && (p.used[name] || !mayBeSecret) ||
		class != subprocess.Login && holdsAny(p.values, value)
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
