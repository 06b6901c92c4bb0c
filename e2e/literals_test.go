//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// literalProject has its password in the arguments of real programs: of a server, a client and their health checks.
const literalProject = `
services:
  db:
    image: ` + postgresImage + `
    pull_policy: never
    environment: {POSTGRES_USER: app, POSTGRES_PASSWORD: VALUE}
    command: [postgres, -c, cluster_name=VALUE]
    healthcheck:
      test: PGPASSWORD='VALUE' psql -h $$HOSTNAME -U app -c "select 'a  b'"
      interval: 500ms
      retries: 100
    tmpfs: /var/lib/postgresql/data
    stop_signal: SIGKILL
  api:
    image: ` + postgresImage + `
    pull_policy: never
    entrypoint: ["/bin/bash", "-c"]
    command: ['psql "postgres://app:VALUE@db/app" -c "select 1" && exec sleep infinity']
    healthcheck:
      test: ["CMD", "psql", "-d", "postgres://app:VALUE@db/app", "-c", "select 1"]
      interval: 500ms
      retries: 100
    depends_on:
      db: {condition: service_healthy}
    stop_signal: SIGKILL
  bare:
    image: ` + probeImage + `
    pull_policy: never
    command: ["wait", "--", "--token", "VALUE"]
    stop_signal: SIGKILL
x-compose-secure: {secret: [cluster_name]}
`

// A password in arguments reaches the programs, and is in nothing that the engine shows.
func TestLiterals(t *testing.T) {
	t.Parallel()
	value := randomWord()
	p := newProject(t, strings.ReplaceAll(literalProject, "VALUE", value))
	p.must("up", "-d", "--wait")
	argv := map[string]string{
		"db":   "postgres\x00-c\x00cluster_name=" + value + "\x00",
		"bare": "/probe\x00wait\x00--\x00--token\x00" + value + "\x00",
	}
	for service, c := range p.inspect() {
		data, err := os.ReadFile(filepath.Join("/proc", pidText(c.State.Pid), "cmdline"))
		if err != nil {
			t.Fatal(err)
		}
		if want := argv[service]; want != "" && string(data) != want { // a value stands in it
			t.Errorf("the arguments of %s are not those of the compose file", service)
		}
	}
	for _, id := range p.containers() {
		for _, args := range [][]string{{"inspect", id}, {"logs", id}, {"diff", id}, {"export", id}} {
			if r := p.docker(args...); strings.Contains(r.output(), value) {
				t.Errorf("docker %s of %s shows the value", args[0], id[:12])
			}
		}
	}
	if shown := p.must("config"); strings.Contains(shown.output(), value) {
		t.Error("config shows the value")
	}
	if again := p.must("up", "-d"); strings.Contains(again.stderr, "Recreate") || strings.Contains(again.output(), value) {
		t.Error("a second up recreates something, or shows the value")
	}
}
