//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scopeProject has a value for each service; the one of api is missing.
const scopeProject = `
services:
  db:
    image: ` + busyboxImage + `
    pull_policy: never
    command: ["sleep", "1000"]
    environment: {DB_TOKEN: "ref+file://db.token"}
    stop_signal: SIGKILL
  api:
    image: ` + busyboxImage + `
    pull_policy: never
    command: ["sh", "-c", "test \"$$API_TOKEN\" = here && exec sleep 1000"]
    environment: {API_TOKEN: "ref+file://api.token"}
    depends_on: [db]
    stop_signal: SIGKILL
`

// TestOnlyNeededSecrets runs a part of a project whose other part has a source
// that is missing.
func TestOnlyNeededSecrets(t *testing.T) {
	t.Parallel()
	p := newProject(t, scopeProject)
	p.write("db.token", randomWord())
	p.must("up", "-d", "db")
	r := p.secure("up", "-d", "api")
	if r.code != 3 || !strings.Contains(r.stderr, "api.token") {
		t.Errorf("up api without its source: exit %d, want 3 and the name of the file\n%s", r.code, r.stderr)
	}
	if got := len(p.containers()); got != 1 {
		t.Errorf("%d containers, want db alone", got)
	}
	p.must("down", "--timeout", "0")

	p.write("api.token", "here")
	if err := os.Remove(filepath.Join(p.dir, "db.token")); err != nil {
		t.Fatal(err)
	}
	p.must("up", "-d", "--no-deps", "api")
	if r := p.must("run", "--rm", "--no-deps", "-T", "api", "sh", "-c", "echo $API_TOKEN; echo $0 $1", "a b", "c"); r.stdout != "here\na b c\n" {
		t.Errorf("run --rm prints %q, want the value and the arguments", r.stdout)
	}
	if r := p.secure("run", "--rm", "--no-deps", "-T", "api", "sh", "-c", "exit 9"); r.code != 9 {
		t.Errorf("run of a program that ends with 9: exit %d", r.code)
	}
	if got := len(p.containers()); got != 1 {
		t.Errorf("%d containers after run --rm, want api alone", got)
	}
}

// TestTwoProjects runs one file as two projects: neither touches the other.
func TestTwoProjects(t *testing.T) {
	t.Parallel()
	p, q := newProject(t, scopeProject), newProject(t, scopeProject)
	for _, x := range []*project{p, q} {
		x.write("db.token", "of "+x.name)
		x.must("up", "-d", "db")
	}
	p.must("down", "--timeout", "0")
	if got := q.exec("db", "cat", "/run/secrets/db_db_token"); got != "of "+q.name {
		t.Errorf("the other project reads %q", got)
	}
	if len(q.stored()) == 0 {
		t.Error("down of one project emptied the store of the other")
	}
}

// TestTwoAtOnce starts up twice at the same time: one works, the other says
// why not, or came late enough to find nothing to do.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	p := newProject(t, scopeProject)
	p.write("db.token", randomWord())
	first, firstOut := p.start("up", "-d", "db")
	second, secondOut := p.start("up", "-d", "db")
	_, _ = first.Wait(), second.Wait() // the codes are looked at below
	codes := []int{first.ProcessState.ExitCode(), second.ProcessState.ExitCode()}
	refused := 0
	for i, out := range []string{firstOut.String(), secondOut.String()} {
		switch {
		case codes[i] == 0:
		case codes[i] == 3 && strings.Count(out, "\n") == 1 && strings.Contains(out, "wait for it to end"):
			refused++
		default:
			t.Errorf("exit %d\n%s", codes[i], out)
		}
	}
	if refused != 1 {
		t.Errorf("%d of two were refused, want 1", refused)
	}
	p.must("up", "-d", "db")
}

// TestDownNeedsNoValue brings a project down from where the variable of its
// secret is not set, as docker compose can.
func TestDownNeedsNoValue(t *testing.T) {
	t.Parallel()
	p := newProject(t, `
services:
  web:
    image: `+busyboxImage+`
    pull_policy: never
    command: ["sleep", "1000"]
    secrets: [token]
    stop_signal: SIGKILL
secrets:
  token: {environment: ONLY_FOR_UP}
`)
	p.env = append(p.env, "ONLY_FOR_UP="+randomWord())
	p.must("up", "-d")
	p.env = p.env[:len(p.env)-1]
	p.must("ps")
	p.must("down", "--timeout", "0")
	if r := p.secure("up", "-d"); r.code != 3 || !strings.Contains(r.stderr, "ONLY_FOR_UP is not set") {
		t.Errorf("up without the variable: exit %d, want 3 and its name", r.code)
	}
}
