package dockercli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// dockerFlags are the flags that may stand between docker and the plugin's
// name, with the variable that means the same to us and to docker compose; the
// docker command hands them on as they are:
// https://docs.docker.com/reference/cli/docker/#options.
var dockerFlags = map[string]string{
	"--context": "DOCKER_CONTEXT", "-c": "DOCKER_CONTEXT", "--host": "DOCKER_HOST", "-H": "DOCKER_HOST", "--config": "DOCKER_CONFIG",
	"--tlscacert": "", "--tlscert": "", "--tlskey": "", "--log-level": logLevel, "-l": logLevel,
}

const logLevel = "log level" // docker's own, nothing to us

// PluginArgs takes docker's own flags and the word "secure" off the arguments of
// "docker [FLAGS] secure ..." and puts what they say into the environment. Its error is about the arguments.
func PluginArgs(args, environ []string) (own, env []string, err error) {
	at := slices.Index(args, "secure")
	if at < 0 {
		return args, environ, nil
	}
	environ = slices.Clone(environ)
	for i := 1; i < at; i++ {
		flag, value, joined := strings.Cut(args[i], "=")
		variable, known := dockerFlags[flag]
		if !known {
			continue // --debug, --tls and the like take no value
		}
		if !joined {
			if i++; i < at {
				value = args[i]
			}
		}
		switch variable {
		case logLevel:
			continue
		case "":
			return nil, nil, fmt.Errorf("docker's %s is not supported in front of secure; use a docker context", flag)
		}
		environ = append(environ, variable+"="+value)
		if variable == "DOCKER_CONTEXT" { // a host of the environment would win
			environ = slices.DeleteFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, "DOCKER_HOST=") })
		}
	}
	return append([]string{"docker secure"}, args[at+1:]...), environ, nil
}

// MetadataCommand is the argument with which the docker command asks a plugin what it is.
const MetadataCommand = "docker-cli-plugin-metadata"

// IsPlugin reports whether a program was called as the plugin "secure" of the docker command.
func IsPlugin(args []string) bool {
	return len(args) > 0 && strings.TrimSuffix(filepath.Base(args[0]), ".exe") == "docker-secure"
}

// Metadata answers the docker command:
// https://github.com/docker/cli/blob/master/cli-plugins/metadata/metadata.go
func Metadata(version string) string {
	return fmt.Sprintf(`{"SchemaVersion":"0.1.0","Vendor":"compose-secure","Version":%q,"ShortDescription":"Docker Compose without leaking secrets"}`+"\n", version)
}
