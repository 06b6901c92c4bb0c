package transform

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/compose"
)

const sentinel = "s3ntinelValue"

// TestNoModelHoldsAValue plans random projects that have one value in many
// places. It may be refused or moved; it is never in a model, a move, an
// error or what config prints. With the environment kept, the file of the plan is still free of it.
func TestNoModelHoldsAValue(t *testing.T) {
	t.Chdir(t.TempDir())
	refused, planned := 0, 0
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 7))
		yaml := randomProject(random)
		if err := os.WriteFile("compose.yaml", []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("a.env", []byte("FILE_TOKEN="+sentinel+"\nDERIVED=x-${FILE_TOKEN}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		said, err := planAll(random)
		if err != nil {
			refused++
		} else {
			planned++
		}
		if strings.Contains(said, sentinel) {
			t.Fatalf("seed %d: the value is in\n%s\nproject:\n%s", seed, said, yaml)
		}
		if strings.Contains(said, "csec") {
			t.Fatalf("seed %d: a placeholder is shown in\n%s\nproject:\n%s", seed, said, yaml)
		}
	}
	if refused < 20 || planned < 20 {
		t.Errorf("%d refused and %d planned: the projects are not random enough", refused, planned)
	}
}

// planAll returns everything that a plan shows.
func planAll(random *rand.Rand) (string, error) {
	p, err := compose.Load(context.Background(), compose.Options{ProjectName: "p", Environ: []string{"DB_PASSWORD=" + sentinel, "URL=x://u:" + sentinel + "@h/d", "MODE=plain"}})
	if err != nil {
		return err.Error(), err
	}
	o := Options{Dir: "/store", HelperDir: "/helpers", Images: map[string]Image{}, InArguments: findAll(sentinel)}
	for name := range p.Services {
		image := Image{Entrypoint: []string{"/entry"}, Arch: "amd64", Healthcheck: []string{"CMD-SHELL", "check $DB_PASSWORD"}}
		if random.IntN(2) == 0 {
			image.Shell = "/bin/sh"
		}
		o.Images[name] = image
	}
	plan, err := New(p, o)
	if err != nil {
		return err.Error(), err
	}
	model, err := compose.Encode(plan.Project)
	if err != nil {
		return err.Error(), err
	}
	yaml, err := compose.YAML(plan.Project)
	if err != nil {
		return err.Error(), err
	}
	shown := string(compose.Blank(model, plan.Inputs)) + plan.Inputs.Redact(string(yaml)) + fmt.Sprintf("%+v", plan.Moves)
	for _, s := range plan.Secrets {
		shown += fmt.Sprintf("%+v", *s)
		for _, f := range s.Files {
			shown += filepath.Join(o.Dir, f.Name)
		}
	}
	return shown, nil
}

// randomProject writes a project with the value in some places.
func randomProject(random *rand.Rand) string {
	some := func(list ...string) string { return list[random.IntN(len(list))] }
	value := func() string {
		return some("plain", "$MODE", "$DB_PASSWORD", "${DB_PASSWORD:-x}", "pre-${DB_PASSWORD}-post", "${UNSET:-$DB_PASSWORD}", "$URL", "ref+file://x", "''")
	}
	var b strings.Builder
	b.WriteString("services:\n")
	for i := range 1 + random.IntN(3) {
		fmt.Fprintf(&b, "  s%d:\n    image: %s\n    environment:\n", i, some("postgres:16", "example/app", "grafana/grafana", "lscr.io/linuxserver/x", "neo4j:5", "ghcr.io/goauthentik/server"))
		for _, name := range []string{"POSTGRES_PASSWORD", "A", "GF_SECURITY_ADMIN_PASSWORD", "NEO4J_AUTH", "DB_PASSWORD", "AUTHENTIK_SECRET_KEY"} {
			if random.IntN(2) == 0 {
				fmt.Fprintf(&b, "      %s: %s\n", name, value())
			}
		}
		fmt.Fprintf(&b, "      LITERAL_PASSWORD: %s\n", some(sentinel, "'x"+sentinel+"'", "x"))
		for _, section := range []string{
			"    env_file: a.env\n",
			"    command: [run, \"" + value() + "\", \"--x=" + value() + "\"]\n",
			"    entrypoint: [sh, -c, \"echo $$DB_PASSWORD " + value() + "\"]\n",
			"    healthcheck: {test: \"check " + value() + " $$POSTGRES_PASSWORD\"}\n",
			"    healthcheck: {test: [CMD, check, \"" + value() + "\"]}\n",
			"    post_start: [{command: [a, \"" + value() + "\"]}]\n",
			"    command: [run, -p, " + sentinel + ", \"--x=" + value() + sentinel + "\"]\n",
			"    healthcheck: {test: \"check -p" + sentinel + " " + value() + "\"}\n",
			"    pre_stop: [{command: [a, -p" + sentinel + "]}]\n",
			"    secrets: [own]\n",
			"    configs: [conf]\n",
			"    x-compose-secure: {env: [A, POSTGRES_PASSWORD, LITERAL_PASSWORD]}\n",
			"    x-compose-secure: {file: [A, DB_PASSWORD]}\n",
		} {
			key, _, _ := strings.Cut(strings.TrimSpace(section), ":")
			if random.IntN(4) == 0 && !strings.Contains(b.String()[strings.LastIndex(b.String(), "  s"):], "    "+key+":") {
				b.WriteString(section)
			}
		}
		if random.IntN(12) == 0 {
			fmt.Fprintf(&b, "    labels: {a: \"%s\"}\n    hostname: \"h%s\"\n", value(), value())
		}
	}
	fmt.Fprintf(&b, "secrets: {own: {%s}}\n", some("environment: DB_PASSWORD", "x-source: 'ref+env://X'", "file: ./x", "x-source: $DB_PASSWORD"))
	fmt.Fprintf(&b, "configs: {conf: {%s}}\n", some("content: 'a "+value()+"'", "environment: DB_PASSWORD", "file: ./x", "environment: MODE"))
	return b.String()
}
