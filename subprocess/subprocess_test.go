package subprocess_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/subprocess"
)

func TestClassify(t *testing.T) {
	for name, want := range map[string]subprocess.Class{
		"PATH": subprocess.Login, "LC_ALL": subprocess.Login, "XDG_RUNTIME_DIR": subprocess.Login, "DOCKER_HOST": subprocess.Login,
		"DOCKER_BUILDKIT": subprocess.Setting, "COMPOSE_ANSI": subprocess.Setting, "BUILDX_BUILDER": subprocess.Setting, "SSH_AUTH_SOCK": subprocess.Setting,
		"DOCKER_AUTH_CONFIG": subprocess.Credential, "AWS_SECRET_ACCESS_KEY": subprocess.Credential, "HTTPS_PROXY": subprocess.Network,
		"SOPS_AGE_KEY": subprocess.Key, "VAULT_TOKEN": subprocess.Key, "OP_SERVICE_ACCOUNT_TOKEN": subprocess.Key,
		"COMPOSE_SECURE_PROVIDERS": subprocess.Key, "AWS_ENDPOINT_URL_KMS": subprocess.Key,
		// Names that nobody reads, as a copy of a value may have.
		"COMPOSE_X": subprocess.Other, "BUILDX_COPY": subprocess.Other, "BUILDKIT_PASSWORD": subprocess.Other, "DOCKER_PASSWORD": subprocess.Other, "LC_X": subprocess.Other, "XDG_X": subprocess.Other,
		"AWS_X": subprocess.Key, "GOOGLE_COPY": subprocess.Key, "AZURE_DB": subprocess.Key, "CLOUDSDK_Z": subprocess.Key, // no docker gets these
		"DOCKER_CLI_PLUGIN_SOCKET": subprocess.Other, "SSH_PRIVATE_KEY": subprocess.Other, "DB_PASSWORD": subprocess.Other, "COPY": subprocess.Other, "": subprocess.Other,
	} {
		if got := subprocess.Classify(name); got != want {
			t.Errorf("%q is of class %d, want %d", name, got, want)
		}
	}
}

// TestProgram: git and systemctl get what they need, and no key.
func TestProgram(t *testing.T) {
	environ := []string{
		"PATH=/bin", "HOME=/home/a", "LANG=C", "XDG_RUNTIME_DIR=/run/user/1", "SOPS_AGE_KEY=hunter1", "SOPS_AGE_KEY_FILE=/key", "DB_PASSWORD=hunter2", "GIT_DIR=/x",
	}
	want := []string{"PATH=/bin", "HOME=/home/a", "LANG=C", "XDG_RUNTIME_DIR=/run/user/1"}
	if diff := cmp.Diff(want, subprocess.Program(environ, "XDG_RUNTIME_DIR")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := subprocess.Program([]string{"HOME=project"}); len(got) != 0 {
		t.Errorf("a home in the project is handed on: %q", got)
	}
}

// TestCommand: no environment is an empty one, not that of this process.
func TestCommand(t *testing.T) {
	t.Setenv("DB_PASSWORD", "hunter2")
	out, err := subprocess.Command(t.Context(), nil, "/usr/bin/env").Output()
	if err != nil || len(out) != 0 {
		t.Errorf("%v; the child has %q", err, out)
	}
}
