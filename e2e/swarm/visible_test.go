//go:build e2e

package swarm

import (
	"encoding/base64"
	"strings"
	"testing"
)

// visible has literals where a swarm would show them.
const visible = `
x-compose-secure: {secret: [ACME_LICENCE]}
services:
  app:
    image: SERVER
    entrypoint: [/server]
    command: [env]
    environment: {API_TOKEN: "${API_TOKEN}"}
    networks: [hostnet]
    stop_grace_period: 1s
    labels: {db.password: s3ntinel-label}
    configs: [{source: inline, target: /inline, mode: 0440}, {source: file, target: /etc/app.conf, mode: 0400, uid: "12", gid: "34"}, open]
    deploy: {labels: {api.token: s3ntinel-deploy}, update_config: {monitor: 500ms}}
networks:
  hostnet: {external: true, name: host}
configs:
  inline: {content: "url=postgres://u:s3ntinel-inline@h/d"}
  file: {file: ./app.conf}
  open: {content: "colour=blue"}
`

// TestWhatStaysVisible deploys literals: a config with one becomes a secret that is mounted as the config was, and
// deploy and rotate warn of the others.
func TestWhatStaysVisible(t *testing.T) {
	t.Parallel()
	const file = "password = s3ntinel-file\n"
	s := manager(t).stack(t, visible)
	s.env = []string{"API_TOKEN=s3ntinel-variable"}
	s.write("app.conf", file)
	for _, args := range [][]string{{"stack", "deploy", s.name, "--timeout", "150s"}, {"rotate", s.name}} {
		r := s.mustCS(args...)
		for _, want := range []string{"services.app.labels.db.password holds", "services.app.deploy.labels.api.token holds", "x-compose-secure.secret names ACME_LICENCE"} {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("%s does not say %q:\n%s", args[0], want, r.stderr)
			}
		}
		if strings.Contains(r.stderr+r.stdout, "s3ntinel") {
			t.Errorf("%s prints a value", args[0])
		}
	}
	const format = "{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{.File.Name}} {{.File.UID}} {{.File.GID}} {{printf \"%o\" .File.Mode}}\n{{end}}"
	got := s.must("docker", "service", "inspect", "--format", format, s.name+"_app")
	for _, want := range []string{"/etc/app.conf 12 34 400\n", "/inline 0 0 440\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no secret is mounted as %q:\n%s", want, got)
		}
	}
	ids := strings.Fields(s.must("docker", "config", "ls", "-q", "--filter", "label=com.docker.stack.namespace="+s.name))
	open := 0
	for _, id := range ids { // the helper of the wrapper is one as well
		data, err := base64.StdEncoding.DecodeString(strings.Trim(s.must("docker", "config", "inspect", "--format", "{{json .Spec.Data}}", id), "\"\n"))
		if err != nil || strings.Contains(string(data), "s3ntinel") {
			t.Errorf("a config holds a value: %v", err)
		}
		if string(data) == "colour=blue" {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d configs are the one without a secret", open)
	}
	container := strings.TrimSpace(s.must("docker", "ps", "-q", "--filter", "name="+s.name+"_app"))
	if got := s.must("docker", "exec", container, "/server", "cat", "/inline"); got != "url=postgres://u:s3ntinel-inline@h/d" {
		t.Error("the content of the config did not arrive")
	}
}
