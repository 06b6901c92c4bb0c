//go:build e2e

package swarm

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const labelled = `
services:
  app:
    image: SERVER
    command: [hold]
    networks: [hostnet]
    stop_grace_period: 1s
    configs: [scrape, moved]
    secrets: [token, made]
    deploy: {update_config: {monitor: 500ms}}
networks:
  hostnet: {external: true, name: host}
configs:
  scrape: {content: "job_name: x", labels: {io.prometheus.scrape_config: "true"}}
  moved: {content: "token=${API_TOKEN}", labels: [kind=conf]}
secrets:
  token: {file: ./token, labels: {owner: OWNER, io.compose-secure.version: "9"}}
  made: {environment: API_TOKEN, labels: {owner: dev}}
`

// TestLabels must keep the labels of configs and secrets on their objects, and follow a change of them without a new version.
func TestLabels(t *testing.T) {
	t.Parallel()
	s := manager(t).stack(t, labelled)
	s.env = []string{"API_TOKEN=s3ntinel-of-labels"}
	s.write("token", "one")
	own := func(kind, name string) map[string]string {
		t.Helper()
		labels := map[string]string{}
		text := s.must("docker", kind, "inspect", "--format", "{{json .Spec.Labels}}", s.name+"_"+name)
		if err := json.Unmarshal([]byte(text), &labels); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, key := range []string{"io.prometheus.scrape_config", "kind", "owner", "io.compose-secure.version", "com.docker.stack.namespace"} {
			if text, ok := labels[key]; ok && text != s.name {
				got[key] = text
			}
		}
		return got
	}
	check := func(owner, token, version string) {
		t.Helper()
		want := []map[string]string{
			{"io.prometheus.scrape_config": "true", "io.compose-secure.version": "1"}, {"kind": "conf", "io.compose-secure.version": "1"},
			{"owner": owner, "io.compose-secure.version": version}, {"owner": "dev", "io.compose-secure.version": "1"},
		}
		got := []map[string]string{own("config", "scrape_v1"), own("secret", "config_moved_v1"), own("secret", token), own("secret", "made_v1")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("labels, -want +got\n%s", diff)
		}
	}
	s.mustCS("stack", "deploy", s.name, "--timeout", "150s")
	check("OWNER", "token_v1", "1")
	tasks := s.tasks()
	s.write("compose.yaml", strings.ReplaceAll(strings.ReplaceAll(labelled, "SERVER", serverImage), "OWNER", "ops"))
	s.mustCS("stack", "deploy", s.name)
	check("ops", "token_v1", "1")
	if diff := cmp.Diff(tasks, s.tasks()); diff != "" {
		t.Errorf("a change of labels restarted tasks:\n%s", diff)
	}
	s.write("token", "two")
	s.mustCS("rotate", s.name, "token", "--from-file", "token")
	check("ops", "token_v2", "2")
}
