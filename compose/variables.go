package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// isComposeVariable reports whether a variable is one of docker compose's own, which it needs as it is:
// https://docs.docker.com/compose/how-tos/environment-variables/envvars/. Any other
// COMPOSE_ variable is the user's, and may hold a secret.
func isComposeVariable(name string) bool {
	switch name {
	case "COMPOSE_ANSI", "COMPOSE_API_VERSION", "COMPOSE_BAKE", "COMPOSE_COMPATIBILITY", "COMPOSE_CONVERT_WINDOWS_PATHS",
		"COMPOSE_DISABLE_ENV_FILE", "COMPOSE_DOCKER_CLI_BUILD", "COMPOSE_ENV_FILES", "COMPOSE_EXPERIMENTAL",
		"COMPOSE_FILE", "COMPOSE_HTTP_TIMEOUT", "COMPOSE_IGNORE_ORPHANS", "COMPOSE_MENU", "COMPOSE_PARALLEL_LIMIT",
		"COMPOSE_PATH_SEPARATOR", "COMPOSE_PROFILES", "COMPOSE_PROGRESS", "COMPOSE_PROJECT_NAME",
		"COMPOSE_REMOVE_ORPHANS", "COMPOSE_STATUS_STDOUT":
		return true
	}
	return false
}

// usedFault is the fault of a variable that the project makes use of, with the place of the use.
func (p *Project) usedFault(project *types.Project) error {
	if len(p.faults) == 0 {
		return nil
	}
	tokens := slices.Sorted(maps.Keys(p.faults))
	used := map[string][]string{} // placeholder -> path
	note := func(text string, path ...string) {
		for _, token := range tokens {
			if strings.Contains(text, token) && used[token] == nil {
				used[token] = path
			}
		}
	}
	for _, f := range FindText(project, tokens...) {
		note(f.Text, f.Path...)
	}
	for name, s := range project.Secrets {
		note(project.Environment[s.Environment], "secrets", name, "environment")
	}
	for name, c := range project.Configs {
		note(project.Environment[c.Environment], "configs", name, "environment")
	}
	for _, token := range tokens {
		if path := used[token]; path != nil {
			return reportf("%s%v", prefix(openSources(p.tried).Find(path...)), p.faults[token])
		}
	}
	return nil
}
