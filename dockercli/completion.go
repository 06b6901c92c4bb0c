package dockercli

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
)

// CompleteFlags returns the flags that may stand where the last of args does. It asks docker compose in the way of cobra, of which it is made:
// https://github.com/spf13/cobra/blob/main/completions.go. An answer is a word and, behind a tab, its
// description; the last line is for the shell.
func CompleteFlags(ctx context.Context, getenv func(string) string, env []string, name string, args []string) []string {
	docker, err := FindCompose(ctx, getenv)
	if err != nil {
		return nil
	}
	var out bytes.Buffer
	ask := append([]string{"__complete", "compose", name}, args...)
	// Only as a plugin does it know the answer.
	env = append(slices.Clone(env), "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND=docker")
	if code, err := docker.Exec(Run{Args: ask, Env: env, Stdout: &out, Stderr: io.Discard}); err != nil || code != 0 {
		return nil
	}
	var flags []string
	for line := range strings.Lines(out.String()) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); strings.HasPrefix(word, "-") {
			flags = append(flags, word)
		}
	}
	return flags
}
