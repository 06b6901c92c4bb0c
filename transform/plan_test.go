package transform

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
)

// load reads files from a new directory with secrets and a plain variable in the environment.
func load(t *testing.T, files map[string]string) *compose.Project {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := compose.Load(context.Background(), compose.Options{ProjectName: "p", Environ: []string{
		"DB_PASSWORD=hunter2", "TOKEN=hunter3", "MODE=plain", "EMPTY_PASSWORD=", "AWS=ref+awsssm://x",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// service is what a plan makes of one service, in short.
type service struct {
	Env        []string // NAME=VALUE, sorted
	Secrets    []string // file -> target
	Entrypoint []string
	Command    []string
}

func outcome(plan *Plan, name string) service {
	s := plan.Project.Services[name]
	out := service{Entrypoint: s.Entrypoint, Command: s.Command}
	for k, v := range s.Environment {
		if v == nil {
			out.Env = append(out.Env, k)
		} else {
			out.Env = append(out.Env, k+"="+plan.Inputs.Redact(*v))
		}
	}
	slices.Sort(out.Env)
	for _, ref := range s.Secrets {
		out.Secrets = append(out.Secrets, ref.Source+" -> "+absoluteTarget(ref))
	}
	return out
}

// TestDelivery has one case for each convention of the catalogue, and for what
// a user can say in the compose file.
func TestDelivery(t *testing.T) {
	tests := map[string]struct {
		image, env, more string
		unknown          Unknown
		want             service
		delivery         Delivery
	}{
		"suffix _FILE":              {image: "postgres:16", env: "POSTGRES_PASSWORD: $DB_PASSWORD", want: service{Env: []string{"POSTGRES_PASSWORD_FILE=/run/secrets/db_password"}, Secrets: []string{"db_password -> /run/secrets/db_password"}}, delivery: File},
		"the image's server":        {image: "postgres:16", env: "POSTGRES_PASSWORD: $DB_PASSWORD", more: "    command: postgres -c fsync=off\n", want: service{Env: []string{"POSTGRES_PASSWORD_FILE=/run/secrets/db_password"}, Secrets: []string{"db_password -> /run/secrets/db_password"}, Command: []string{"postgres", "-c", "fsync=off"}}, delivery: File},
		"another command":           {image: "postgres:16", env: "POSTGRES_PASSWORD: $DB_PASSWORD", more: "    command: /backup.sh\n", want: service{Secrets: []string{"db_password -> /run/secrets/db_password"}, Command: []string{"/backup.sh"}}, delivery: Wrap},
		"a shell as the command":    {image: "mariadb:11", env: "MARIADB_ROOT_PASSWORD: $DB_PASSWORD", more: "    command: [sh, -c, mariadbd]\n", want: service{Secrets: []string{"db_password -> /run/secrets/db_password"}, Command: []string{"sh", "-c", "mariadbd"}}, delivery: Wrap},
		"a mirror with a digest":    {image: "registry.example/docker.io/library/postgres@sha256:" + strings.Repeat("a", 64), env: "POSTGRES_PASSWORD: $DB_PASSWORD", want: service{Env: []string{"POSTGRES_PASSWORD_FILE=/run/secrets/db_password"}, Secrets: []string{"db_password -> /run/secrets/db_password"}}, delivery: File},
		"suffix __FILE":             {image: "grafana/grafana:11.0.0", env: "GF_SECURITY_ADMIN_PASSWORD: $DB_PASSWORD", want: service{Env: []string{"GF_SECURITY_ADMIN_PASSWORD__FILE=/run/secrets/db_password"}, Secrets: []string{"db_password -> /run/secrets/db_password"}}, delivery: File},
		"prefix FILE__":             {image: "lscr.io/linuxserver/mariadb", env: "MYSQL_PASSWORD: $DB_PASSWORD", want: service{Env: []string{"FILE__MYSQL_PASSWORD=/run/secrets/db_password"}, Secrets: []string{"db_password -> /run/secrets/db_password"}}, delivery: File},
		"renamed":                   {image: "neo4j:5", env: "NEO4J_AUTH: neo4j/$DB_PASSWORD", want: service{Env: []string{"NEO4J_AUTH_PATH=/run/secrets/a_neo4j_auth"}, Secrets: []string{"a_neo4j_auth -> /run/secrets/a_neo4j_auth"}}, delivery: File},
		"fixed path":                {image: "roundcube/roundcubemail", env: "ROUNDCUBEMAIL_DB_PASSWORD: $DB_PASSWORD", want: service{Secrets: []string{"db_password -> /run/secrets/roundcube_db_password"}}, delivery: File},
		"value file://":             {image: "ghcr.io/goauthentik/server:2024.6", env: "AUTHENTIK_SECRET_KEY: $TOKEN", want: service{Env: []string{"AUTHENTIK_SECRET_KEY=file:///run/secrets/token"}, Secrets: []string{"token -> /run/secrets/token"}}, delivery: File},
		"value file:":               {image: "tailscale/tailscale", env: "TS_AUTHKEY: $TOKEN", want: service{Env: []string{"TS_AUTHKEY=file:/run/secrets/token"}, Secrets: []string{"token -> /run/secrets/token"}}, delivery: File},
		"value is the path":         {image: "mysql/mysql-server", env: "MYSQL_ROOT_PASSWORD: $DB_PASSWORD", want: service{Env: []string{"MYSQL_ROOT_PASSWORD=/run/secrets/db_password"}, Secrets: []string{"db_password -> /run/secrets/db_password"}}, delivery: File},
		"x-compose-secure.file":     {image: "example/app", env: "API_KEY: $TOKEN", more: "    x-compose-secure: {file: [API_KEY]}\n", want: service{Env: []string{"API_KEY_FILE=/run/secrets/token"}, Secrets: []string{"token -> /run/secrets/token"}}, delivery: File},
		"x-compose-secure.env":      {image: "postgres:16", env: "POSTGRES_PASSWORD: $DB_PASSWORD", more: "    x-compose-secure: {env: [POSTGRES_PASSWORD]}\n", want: service{Env: []string{"POSTGRES_PASSWORD=${DB_PASSWORD}"}}, delivery: Env},
		"a literal kept":            {image: "postgres:16", env: "POSTGRES_PASSWORD: hunter4", more: "    x-compose-secure: {env: [POSTGRES_PASSWORD]}\n", want: service{Env: []string{"POSTGRES_PASSWORD=${POSTGRES_PASSWORD}"}}, delivery: Env},
		"unknown image as file":     {image: "example/app", env: "API_KEY: $TOKEN", unknown: UnknownFile, want: service{Env: []string{"API_KEY_FILE=/run/secrets/token"}, Secrets: []string{"token -> /run/secrets/token"}}, delivery: File},
		"a literal":                 {image: "postgres:16", env: "POSTGRES_PASSWORD: hunter4", want: service{Env: []string{"POSTGRES_PASSWORD_FILE=/run/secrets/a_postgres_password"}, Secrets: []string{"a_postgres_password -> /run/secrets/a_postgres_password"}}, delivery: File},
		"a reference":               {image: "postgres:16", env: "POSTGRES_PASSWORD: ref+file://x", want: service{Env: []string{"POSTGRES_PASSWORD_FILE=/run/secrets/a_postgres_password"}, Secrets: []string{"a_postgres_password -> /run/secrets/a_postgres_password"}}, delivery: File},
		"inside a value":            {image: "postgres:16", env: "POSTGRES_INITDB_ARGS: --pw=$DB_PASSWORD", want: service{Env: []string{"POSTGRES_INITDB_ARGS_FILE=/run/secrets/a_postgres_initdb_args"}, Secrets: []string{"a_postgres_initdb_args -> /run/secrets/a_postgres_initdb_args"}}, delivery: File},
		"no secret":                 {image: "postgres:16", env: "POSTGRES_USER: $MODE", want: service{Env: []string{"POSTGRES_USER=plain"}}},
		"an empty one":              {image: "postgres:16", env: "POSTGRES_PASSWORD: $EMPTY_PASSWORD", want: service{Env: []string{"POSTGRES_PASSWORD="}}},
		"null":                      {image: "postgres:16", env: "POSTGRES_PASSWORD:", want: service{Env: []string{"POSTGRES_PASSWORD"}}},
		"the file form is set":      {image: "postgres:16", env: "POSTGRES_PASSWORD_FILE: /x", want: service{Env: []string{"POSTGRES_PASSWORD_FILE=/x"}}},
		"unknown image, no secret":  {image: "example/app", env: "A: b", unknown: UnknownFail, want: service{Env: []string{"A=b"}}},
		"declared secret, no value": {image: "example/app", env: "A: b", more: "    secrets: [own]\nsecrets: {own: {file: ./x}}\n", want: service{Env: []string{"A=b"}, Secrets: []string{"own -> /run/secrets/own"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := load(t, map[string]string{"compose.yaml": fmt.Sprintf("services:\n  a:\n    image: %s\n    environment:\n      %s\n%s", tt.image, tt.env, tt.more)})
			plan, err := New(p, Options{Dir: "/store", Unknown: tt.unknown})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, outcome(plan, "a")); diff != "" {
				t.Error("-want +got\n" + diff)
			}
			if len(plan.Moves) != 0 && plan.Moves[0].Delivery != tt.delivery || len(plan.Moves) == 0 && tt.delivery != "" {
				t.Errorf("moves are %+v, want %s", plan.Moves, tt.delivery)
			}
			for _, s := range plan.Secrets {
				if got := plan.Project.Secrets[s.Name].File; got != "/store/"+s.Name {
					t.Errorf("%s is %q", s.Name, got)
				}
			}
			holdsNoValue(t, plan)
		})
	}
}

// holdsNoValue fails when the model has one of the values that the tests use.
func holdsNoValue(t *testing.T, plan *Plan) {
	t.Helper()
	model, err := compose.Encode(plan.Project)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(model), "hunter") {
		t.Errorf("the model holds a value:\n%s", model)
	}
	if text := fmt.Sprintf("%+v", plan.Moves); strings.Contains(text, "hunter") {
		t.Errorf("the moves hold a value: %s", text)
	}
}

func TestRefused(t *testing.T) {
	const head = "services:\n  a:\n    image: postgres:16\n"
	tests := map[string]struct {
		yaml    string
		unknown Unknown
		want    []string // one error each
		shell   string   // of the image
	}{
		"both forms set":           {yaml: head + "    environment:\n      POSTGRES_PASSWORD: $DB_PASSWORD\n      POSTGRES_PASSWORD_FILE: /x\n", want: []string{"compose.yaml:5:26: services.a sets both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE; remove POSTGRES_PASSWORD_FILE, or POSTGRES_PASSWORD if the file is the one to use"}},
		"unknown image":            {yaml: "services:\n  a:\n    image: example/app\n    environment: {TOKEN: $TOKEN}\n", unknown: UnknownFail, want: []string{`compose.yaml:4:26: services.a: image "example/app" is not in the catalogue, so nothing says how it reads TOKEN; add TOKEN to x-compose-secure.file if it reads TOKEN_FILE, to x-compose-secure.env to leave it in the environment, or use --unknown-images=wrap`}},
		"policy of a mapping":      {yaml: head + "    x-compose-secure: {file: {hunter2: x}}\n", want: []string{"compose.yaml:4:23: services.a: x-compose-secure.file takes a string or a list of strings"}},
		"unknown image built here": {yaml: "services:\n  a:\n    build: .\n    environment: {TOKEN: $TOKEN}\n", unknown: UnknownFail, want: []string{`compose.yaml:4:26: services.a: the image built here is not in the catalogue, so nothing says how it reads TOKEN; add TOKEN to x-compose-secure.file if it reads TOKEN_FILE, to x-compose-secure.env to leave it in the environment, or use --unknown-images=wrap`}},
		"label":                    {yaml: head + "    labels: [x=y, a=$TOKEN]\n", want: []string{"compose.yaml:4:19: ${TOKEN} is a secret, and services.a.labels.a cannot hold one; move it to environment or secrets, or name TOKEN in x-compose-secure.plain if it is none"}},
		"key of a label":           {yaml: head + "    labels: [\"${TOKEN}=x\"]\n", want: []string{"compose.yaml:4:13: ${TOKEN} is a secret, and services.a.labels cannot hold one; move it to environment or secrets, or name TOKEN in x-compose-secure.plain if it is none"}},
		"image and hostname":       {yaml: "services:\n  a:\n    image: x:$TOKEN\n    hostname: $DB_PASSWORD\n", want: []string{"compose.yaml:4:15: ${DB_PASSWORD} is a secret, and services.a.hostname cannot hold one; move it to environment or secrets, or name DB_PASSWORD in x-compose-secure.plain if it is none", "compose.yaml:3:12: ${TOKEN} is a secret, and services.a.image cannot hold one; move it to environment or secrets, or name TOKEN in x-compose-secure.plain if it is none"}},
		"build argument":           {yaml: "services:\n  a:\n    build:\n      context: .\n      args: {T: $TOKEN}\n", want: []string{"compose.yaml:5:17: ${TOKEN} is a secret, and services.a.build.args.T cannot hold one; use build.secrets and RUN --mount=type=secret, or name TOKEN in x-compose-secure.plain if it is none"}},
		"reference in a label":     {yaml: head + "    labels: {a: ref+file://x}\n", want: []string{"compose.yaml:4:17: a reference stands in services.a.labels.a, which cannot hold a secret; move it to environment or secrets"}},
		"malformed reference":      {yaml: head + "    environment: {A: 'ref+file://x?token=hunter2#y'}\n", want: []string{"compose.yaml:4:22: A: the key of the ref+file reference must have the form #/KEY or #/KEY/KEY"}},
		"unknown scheme":           {yaml: head + "    environment: {A: ref+vaultt://x/y}\n    command: [x]\n", want: []string{`compose.yaml:4:22: ref+vaultt://x/y: unknown scheme "vaultt"; known are ref+file, ref+sops`}},
		"unknown scheme, kept":     {yaml: head + "    environment: [A=ref+vault://x#/k]\n    x-compose-secure: {env: A}\n", want: []string{`compose.yaml:4:19: ref+vault://x#/k: unknown scheme "vault"; known are ref+file, ref+sops`}},
		"unknown scheme, declared": {yaml: head + "secrets: {s: {x-source: ref+exec://x}}\n", want: []string{`compose.yaml:4:25: ref+exec://x: unknown scheme "exec"; known are ref+file, ref+sops`}},
		"unknown scheme, content":  {yaml: head + "    configs: [s]\nconfigs: {s: {content: ref+echo://x}}\n", want: []string{`compose.yaml:5:24: ref+echo://x: unknown scheme "echo"; known are ref+file, ref+sops`}},
		"unknown scheme, argument": {yaml: "services:\n  a:\n    image: example/app\n    command: [x, '$AWS']\n", want: []string{`compose.yaml:4:14: ref+awsssm://x: unknown scheme "awsssm"; known are ref+file, ref+sops`}, shell: "/bin/sh"},
		"unknown scheme, twice":    {yaml: head + "    environment: {A: $AWS, B: x-$AWS}\n    command: [x]\n", want: []string{`compose.yaml:4:22: ref+awsssm://x: unknown scheme "awsssm"; known are ref+file, ref+sops`}},
		"service policy":           {yaml: head + "    x-compose-secure: {files: [A]}\n", want: []string{`compose.yaml:4:23: services.a: x-compose-secure has the unknown key "files"; known are file, env`}},
		"variable of a secret":     {yaml: head + "    secrets: [s]\nsecrets: {s: {environment: NOT_SET}}\n", want: []string{"compose.yaml:5:14: secrets.s: the variable NOT_SET is not set; set it in the environment, in .env or with --env-file"}},
		"x-source":                 {yaml: head + "    secrets: [s]\nsecrets: {s: {x-source: hunter2}}\n", want: []string{`compose.yaml:5:25: secrets.s: x-source: a reference starts with "ref+"`}},
		"mode":                     {yaml: head + "    secrets: [{source: s, mode: 0o7777}]\nsecrets: {s: {environment: TOKEN}}\n", want: []string{"compose.yaml:4:15: services.a: secret s: mode 07777 is not a file mode; write one such as 0400"}},
		"uid":                      {yaml: head + "    secrets: [{source: s, uid: root}]\nsecrets: {s: {environment: TOKEN}}\n", want: []string{`compose.yaml:4:15: services.a: secret s: uid "root" is not a number`}},
		"one target, two values":   {yaml: head + "    environment: {POSTGRES_PASSWORD: $DB_PASSWORD}\n    secrets: [{source: s, target: db_password}]\nsecrets: {s: {environment: TOKEN}}\n", want: []string{"compose.yaml:4:38: services.a: two secrets want /run/secrets/db_password with different values: s and db_password; give one another target"}},
		"literal of a hook":        {yaml: head + "    post_start: [{command: [x], environment: {A: b, API_TOKEN: hunter4}}]\n", want: []string{"compose.yaml:4:64: API_TOKEN is a secret, and services.a.post_start.0.environment.API_TOKEN cannot hold one; move it to services.a.environment, which its hooks see too, or name API_TOKEN in x-compose-secure.plain if it is none"}},
		"literal of a hook, list":  {yaml: head + "    pre_stop:\n      - command: [x]\n        environment:\n          - API_TOKEN=hunter4\n", want: []string{"compose.yaml:7:13: API_TOKEN is a secret, and services.a.pre_stop.0.environment.API_TOKEN cannot hold one; move it to services.a.environment, which its hooks see too, or name API_TOKEN in x-compose-secure.plain if it is none"}},
		"secret of a hook":         {yaml: head + "    pre_stop: [{command: [x], environment: {A: $TOKEN}}]\n", want: []string{"compose.yaml:4:48: ${TOKEN} is a secret, and services.a.pre_stop.0.environment.A cannot hold one; move it to services.a.environment, which its hooks see too, or name A in x-compose-secure.plain if it is none"}},
		"literal of watch":         {yaml: head + "    develop: {watch: [{path: ., action: sync+exec, target: /a, exec: {command: [x], environment: {API_TOKEN: hunter4}}}]}\n", want: []string{"compose.yaml:4:110: API_TOKEN is a secret, and services.a.develop.watch.0.exec.environment.API_TOKEN cannot hold one; move it to services.a.environment, which its hooks see too, or name API_TOKEN in x-compose-secure.plain if it is none"}},
		"secret of watch":          {yaml: head + "    develop: {watch: [{path: ., action: sync+exec, target: /a, exec: {command: [x], environment: {A: $TOKEN}}}]}\n", want: []string{"compose.yaml:4:102: ${TOKEN} is a secret, and services.a.develop.watch.0.exec.environment.A cannot hold one; move it to services.a.environment, which its hooks see too, or name A in x-compose-secure.plain if it is none"}},
		"no program to run":        {yaml: "services:\n  a:\n    image: example/app\n    environment: {TOKEN: $TOKEN}\n", want: []string{"compose.yaml:3:5: services.a: neither the image nor the compose file gives a command to run; set command"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := load(t, map[string]string{"compose.yaml": tt.yaml})
			images := map[string]Image{"a": {Arch: "amd64", Shell: tt.shell}}
			_, err := New(p, Options{Dir: "/store", Unknown: tt.unknown, Images: images, Schemes: []string{"sops", "file"}})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Error("-want +got\n" + diff)
			}
		})
	}
}

// What an image's entrypoint was found to read counts for images that the catalogue does not have, for the commands
// that it was found for, and never against the user's word.
func TestReadInEntrypoint(t *testing.T) {
	row, err := secret.ScriptRow("image", "suffix:_FILE", []string{"API_TOKEN"}, []string{"server"}, "/entry.sh")
	if err != nil {
		t.Fatal(err)
	}
	facts := Image{Entrypoint: []string{"/entry.sh"}, Cmd: []string{"server"}, Shell: "/bin/sh", Reads: row.Row()}
	other, none := facts, facts
	other.Cmd, none.Cmd = []string{"worker"}, nil
	tests := map[string]struct {
		service string
		image   Image
		unknown Unknown
		want    Delivery
	}{
		"the image's own command":    {"image: example/app", facts, "", File},
		"built here":                 {"build: .", facts, "", File},
		"the command by name":        {"{image: example/app, command: server --x}", facts, "", File},
		"an option":                  {"{image: example/app, command: [--x]}", facts, "", File},
		"another command":            {"{image: example/app, command: worker}", facts, "", Wrap},
		"another entrypoint":         {"{image: example/app, entrypoint: /mine}", facts, "", Wrap},
		"another command of its own": {"image: example/app", other, "", Wrap},
		"no command at all":          {"image: example/app", none, "", Wrap},
		"given with another one":     {"{image: example/app, command: server}", other, "", File},
		"an image of the catalogue":  {"image: redis:7", facts, "", Wrap},
		"files by the user's word":   {"image: example/app", other, UnknownFile, File},
		"a row of another version":   {"image: example/app", Image{Entrypoint: facts.Entrypoint, Shell: "/bin/sh", Reads: "x,y"}, "", Wrap},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			service := tt.service
			if service[0] == '{' {
				service = service[1:len(service)-1] + ", "
			} else {
				service += ", "
			}
			p := load(t, map[string]string{"compose.yaml": "services: {a: {" + service + "environment: {API_TOKEN: $TOKEN}}}\n"})
			plan, err := New(p, Options{Dir: "/store", Unknown: tt.unknown, Images: map[string]Image{"a": tt.image}})
			if err != nil {
				t.Fatal(err)
			}
			if len(plan.Moves) != 1 || plan.Moves[0].Delivery != tt.want {
				t.Errorf("got %+v, want %s", plan.Moves, tt.want)
			}
			if found := plan.Moves[0].Note == ReadInEntrypoint; found != (tt.want == File && tt.unknown == "") {
				t.Errorf("the note is %q", plan.Moves[0].Note)
			}
		})
	}
}

// The content of a config that holds a literal secret is stored as a secret is, and handed over by nobody.
func TestConfigContent(t *testing.T) {
	p := load(t, map[string]string{"compose.yaml": `name: x
services: {a: {image: x, configs: [{source: c, target: /etc/c, mode: 0400}, d]}}
configs: {c: {content: "password: literal-1"}, d: {content: "level: debug"}}
`})
	plan, err := New(p, Options{Dir: "/run/x", InText: func(text string) bool { return strings.Contains(text, "literal-1") }})
	if err != nil {
		t.Fatal(err)
	}
	c, d := plan.Project.Configs["c"], plan.Project.Configs["d"]
	if c.Content != "" || c.File != "/run/x/config_c" || d.Content != "level: debug" {
		t.Errorf("got %+v and %+v", c, d)
	}
	if len(plan.Secrets) != 1 || len(plan.Warnings) != 0 || string(plan.Secrets[0].Parts[0].Literal.Reveal()) != "password: literal-1" {
		t.Errorf("got %+v, warnings %q", plan.Secrets, plan.Warnings)
	}
}
