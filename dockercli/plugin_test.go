package dockercli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPluginArgs(t *testing.T) {
	tests := map[string]struct {
		args    string
		environ string
		want    string
		env     string
	}{
		"none":           {"docker-secure secure up -d", "A=b", "docker secure|up|-d", "A=b"},
		"context":        {"docker-secure --context x secure up", "DOCKER_HOST=h", "docker secure|up", "DOCKER_CONTEXT=x"},
		"joined":         {"docker-secure --host=unix:///x secure ps", "", "docker secure|ps", "DOCKER_HOST=unix:///x"},
		"short":          {"docker-secure -H unix:///x -D secure ps", "", "docker secure|ps", "DOCKER_HOST=unix:///x"},
		"ours is behind": {"docker-secure secure -f secure up", "", "docker secure|-f|secure|up", ""},
		"called by name": {"docker-secure version", "", "docker-secure|version", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			args, env, err := PluginArgs(strings.Fields(tt.args), strings.Fields(tt.environ))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want, tt.env}, []string{strings.Join(args, "|"), strings.Join(env, " ")}); diff != "" {
				t.Error("-want +got\n" + diff)
			}
		})
	}
	if _, _, err := PluginArgs([]string{"docker-secure", "--tlskey", "x", "secure", "up"}, nil); err == nil {
		t.Error("a flag that would have no effect is taken")
	}
}
