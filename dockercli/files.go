package dockercli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// ComposeFiles returns the compose files that the environment names, nil when it names none:
// https://docs.docker.com/compose/how-tos/environment-variables/envvars/.
func ComposeFiles(getenv func(string) string) []string {
	text := getenv("COMPOSE_FILE")
	if text == "" {
		return nil
	}
	separator := getenv("COMPOSE_PATH_SEPARATOR")
	if separator == "" {
		separator = string(os.PathListSeparator)
	}
	return strings.Split(text, separator)
}

// EnvFiles returns the env files that the environment puts in the place of .env, nil when it names none.
func EnvFiles(getenv func(string) string) []string {
	if text := getenv("COMPOSE_ENV_FILES"); text != "" {
		return strings.Split(text, ",")
	}
	switch strings.ToLower(getenv("COMPOSE_DISABLE_ENV_FILE")) {
	case "1", "t", "true", "y", "yes", "on":
		return []string{os.DevNull}
	}
	return nil
}

// DefaultFiles returns the names of the compose files that docker compose would take in a directory.
func DefaultFiles(dir string) ([]string, error) {
	for _, names := range [][]string{{"compose.yaml", "compose.override.yaml"}, {"compose.yml", "compose.override.yml"},
		{"docker-compose.yaml", "docker-compose.override.yaml"}, {"docker-compose.yml", "docker-compose.override.yml"}} {
		if _, err := os.Stat(filepath.Join(dir, names[0])); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, names[1])); err != nil {
			return names[:1], nil
		}
		return names, nil
	}
	return nil, errors.New("no compose file found here; name one")
}
