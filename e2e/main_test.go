//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mainJob is the project of the README: a database, and a client that takes
// the password in three ways.
const mainJob = `
services:
  db:
    image: ` + postgresImage + `
    pull_policy: never
    environment:
      POSTGRES_USER: app
      POSTGRES_DB: app
      POSTGRES_PASSWORD: ${DB_PASSWORD:?the password of the database}
    healthcheck:
      test: ["CMD-SHELL", "PGPASSWORD=$$POSTGRES_PASSWORD psql -h $$HOSTNAME -U $$POSTGRES_USER -c 'select 1'"]
      interval: 500ms
      timeout: 10s
      retries: 100
    tmpfs: /var/lib/postgresql/data
    stop_signal: SIGKILL
  api:
    image: ` + postgresImage + `
    pull_policy: never
    entrypoint: ["/bin/bash", "-c"]
    command: ["env >/dev/shm/env; exec sleep infinity"]
    env_file: api.env
    environment:
      POSTGRES_PASSWORD: ${DB_PASSWORD}
      DATABASE_URL: postgres://app:${DB_PASSWORD}@db/app
    healthcheck:
      test: ["CMD-SHELL", "psql \"$$DATABASE_URL\" -c 'select 1'"]
      interval: 500ms
      timeout: 10s
      retries: 100
    depends_on:
      db: {condition: service_healthy}
    stop_signal: SIGKILL
`

// TestMainJob is the one thing that the tool is for, on the engine of the
// machine.
func TestMainJob(t *testing.T) {
	t.Parallel()
	checkMainJob(t, newProject(t, mainJob))
}

func checkMainJob(t *testing.T, p *project) {
	t.Helper()
	password, token := randomWord(), randomWord()
	p.secrets("DB_PASSWORD="+password, "API_SOURCE="+token)
	p.write("api.env", "API_TOKEN=${API_SOURCE}\nMODE=test\n")
	p.must("up", "-d", "--wait")

	if got := p.exec("db", "cat", "/run/secrets/db_password"); got != password {
		t.Error("db does not find its password in /run/secrets/db_password")
	}
	if got := p.exec("db", "stat", "-f", "-c", "%T", "/run/secrets/db_password"); got != "tmpfs\n" {
		t.Errorf("the file is on %q, want tmpfs", got)
	}
	want := map[string]string{
		"POSTGRES_PASSWORD": password, "DATABASE_URL": "postgres://app:" + password + "@db/app",
		"API_TOKEN": token, "MODE": "test",
	}
	got := map[string]string{}
	for line := range strings.Lines(p.exec("api", "cat", "/dev/shm/env")) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok && want[name] != "" {
			got[name] = value
		}
	}
	if !cmp.Equal(want, got) { // no diff: values stand in it
		t.Errorf("the environment of api is not as in the compose file; it has %d of %d variables", len(got), len(want))
	}
	p.checkLogin(password)

	for _, s := range []string{password, token} {
		if inspected := p.mustDocker(append([]string{"inspect"}, p.containers()...)...); strings.Contains(inspected, s) {
			t.Error("docker inspect shows a value")
		}
	}
	if len(p.stored()) == 0 {
		t.Error("the store is empty while the containers run")
	}
	p.must("down", "--timeout", "0")
	if left := p.containers(); len(left) > 0 {
		t.Errorf("%d containers are left after down", len(left))
	}
	if left := p.stored(); len(left) > 0 {
		t.Errorf("files are left in the store after down: %q", left)
	}
}

// checkLogin logs in to db over TCP with the password and with another one.
func (p *project) checkLogin(password string) {
	p.t.Helper()
	login := []string{"exec", "--interactive", p.id("api"), "sh", "-c",
		"read -r PGPASSWORD; export PGPASSWORD; psql -h db -U app -d app -tAc 'select current_user'"}
	if r := p.feed(password+"\n", login...); r.code != 0 || strings.TrimSpace(r.stdout) != "app" {
		p.t.Errorf("PostgreSQL does not take the password: exit %d", r.code)
	}
	if r := p.feed("wrong\n", login...); r.code == 0 {
		p.t.Error("PostgreSQL takes a wrong password")
	}
}
