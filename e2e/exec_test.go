//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-secure/compose-secure/internal/strace"
)

// execs runs argv under strace, see [strace.Execs].
func execs(t *testing.T, p *project, limit time.Duration, argv ...string) strace.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), commandLimit)
	defer cancel()
	r, err := strace.Execs(ctx, p.ram, p.dir, append(os.Environ(), p.env...), limit, argv...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// execProject uses more values than leakProject: one under a name that tells nothing, a login of a credential
// helper, and one in a service that is built and watched.
var execProject = strings.NewReplacer(
	"  bare:\n", `  dev:
    build: dev
    image: 127.0.0.1:1/IMAGE
    network_mode: none
    command: ["sleep", "1000"]
    environment: {API_TOKEN: "${TELLS_NOTHING}"}
    secrets: [plain_name]
    stop_signal: SIGKILL
    develop: {watch: [{action: sync, path: ./dev, target: /dev-files}]}
  bare:
`,
	"secrets:\n  from_env:\n", "secrets:\n  plain_name:\n    environment: MYVAR\n  from_env:\n",
	"      API_TOKEN: ${DB_PASSWORD}\n      DATABASE_URL", "      API_TOKEN: ${DB_PASSWORD}\n      AWS_SECRET_ACCESS_KEY: ${AWS_SECRET_ACCESS_KEY}\n      DATABASE_URL",
).Replace(leakProject)

// watched is how a command is called, and what must come of it.
type watched struct {
	args []string
	code int
	// limit is when a command is interrupted that does not end; 0 for one that does.
	limit time.Duration
	// alone says that the command does not need docker compose.
	alone bool
}

// watchedCalls run each command of the tool at least once, in an order in which each has something to do.
func watchedCalls() []watched {
	call := func(args ...string) watched { return watched{args: args} }
	alone := func(code int, args ...string) watched { return watched{args: args, code: code, alone: true} }
	endless := func(args ...string) watched {
		return watched{args: args, code: strace.TimedOut, limit: 6 * time.Second}
	}
	return []watched{
		alone(0, "plan"), alone(0, "config"), alone(0, "convert"), alone(0, "lint"), alone(0, "migrate"), alone(0, "doctor", "--check", "project"),
		call("build"), call("create"), call("up", "-d", "--wait"), call("up", "-d"), call("--dry-run", "up", "-d"),
		call("ps"), call("logs"), endless("logs", "-f"), call("top"), call("images"), call("port", "db", "5432"), call("stats", "--no-stream"),
		call("cp", "compose.yaml", "shell:/copied"), endless("attach", "--sig-proxy=false", "bare"), endless("events"), endless("wait", "bare"), endless("watch", "dev"),
		call("exec", "-T", "shell", "true"), call("run", "--rm", "shell", "true"), call("scale", "dev=1"),
		call("restart", "-t", "0", "bare"), call("pause", "bare"), call("unpause", "bare"), call("kill", "bare"), call("start", "bare"),
		call("push", "--ignore-push-failures", "dev"), call("pull", "--ignore-pull-failures", "dev"),
		call("ls"), call("up", "--help"), call("up", "-", "--generate-bash-completion"), {args: []string{"nonsense"}, code: 2},
		alone(0, "catalog", "postgres:16"), alone(0, "version"), alone(0, "completion", "bash"), alone(0, "man"),
		alone(0, "boot", "install", "--help"), alone(0, "boot", "remove", "--help"),
		call("stop", "-t", "0"), call("rm", "-f"), call("down", "-t", "0"),
	}
}

// elsewhere are the commands that TestEveryExec of e2e/swarm and [TestExecOfBoot] run.
var elsewhere = []string{"stack", "rotate", "rollback", "status", "prune", "boot run"}

// checkAllCalled compares the calls with the commands that the tool completes.
func checkAllCalled(t *testing.T, calls []watched) {
	t.Helper()
	list := func(args ...string) []string {
		out, err := exec.Command(built(t, "compose-secure"), append(args, "--generate-bash-completion")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))
	}
	commands := list()
	if len(commands) < 30 {
		t.Errorf("only %d commands are completed: %q", len(commands), commands)
	}
	for _, name := range commands {
		names := [][]string{{name}}
		if name == "boot" {
			names = nil
			for _, sub := range list(name) {
				names = append(names, []string{name, sub})
			}
		}
		for _, words := range names {
			if !slices.Contains(elsewhere, strings.Join(words, " ")) && !slices.ContainsFunc(calls, func(c watched) bool { return slices.Equal(c.args[:min(len(words), len(c.args))], words) }) {
				t.Errorf("command %q is new: say in watchedCalls how it is called", words)
			}
		}
	}
}

// namesOfCopies are variables that have a value in the tool's own environment: names that tell, names that do
// not, keys, and names that look as if docker or a helper read them.
var namesOfCopies = []string{
	"API_TOKEN", "PLAIN", "COPY", "SSH_PRIVATE_KEY", "VAULT_TOKEN", "SOPS_COPY",
	"COMPOSE_COPY", "DOCKER_PASSWORD", "DOCKER_COPY", "BUILDX_COPY", "BUILDKIT_COPY", "AWS_COPY", "AZURE_COPY", "GOOGLE_COPY", "CLOUDSDK_COPY", "LC_COPY", "XDG_COPY",
}

// exported gives the project's commands values in their environment: s under namesOfCopies, used under names that the
// project uses, and login as that of a credential helper, which the project uses too.
func (p *project) exported(s, used, login sentinel) {
	for _, name := range namesOfCopies {
		p.env = append(p.env, name+"="+s.value)
	}
	p.env = append(p.env, "MYVAR="+used.value, "TELLS_NOTHING="+used.value, "AWS_SECRET_ACCESS_KEY="+login.value)
}

// TestEveryExec looks at the arguments and the environment of every program that a command starts: none
// has a value of the project, which stands in the tool's own environment under several names, copies included.
func TestEveryExec(t *testing.T) {
	t.Parallel()
	s, used, login, p := newSentinel(), newSentinel(), newSentinel(), newProject(t, "")
	image := "127.0.0.1:1/" + p.name
	p.write("compose.yaml", strings.ReplaceAll(execProject, "127.0.0.1:1/IMAGE", image))
	if err := os.Mkdir(filepath.Join(p.dir, "dev"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.write("dev/Dockerfile", "FROM "+busyboxImage+"\n")
	t.Cleanup(func() { p.docker("image", "rm", image) }) // where there is one
	p.secrets("DB_PASSWORD=" + s.value)
	p.exported(s, used, login)
	calls := watchedCalls()
	checkAllCalled(t, calls)
	for _, c := range calls {
		r := execs(t, p, c.limit, p.argv(c.args...)...)
		if r.Code != c.code {
			t.Errorf("%s: exit %d, want %d\n%s", c.args, r.Code, c.code, r.Output)
		}
		if !c.alone && !r.Started("docker-compose") {
			t.Errorf("%s starts no docker compose", c.args)
		}
		checkExecs(t, r, c.args, s, used, login)
	}
	// The same search finds a value that a program is given.
	if !slices.ContainsFunc(execs(t, p, 0, "sh", "-c", "/bin/true; exec env").Execs, func(call string) bool { return s.in([]byte(call)) != "" }) {
		t.Error("the search does not find the value in the environment of a child")
	}
}

// checkExecs fails for each program that was started with one of the values.
func checkExecs(t *testing.T, r strace.Run, args []string, values ...sentinel) {
	t.Helper()
	for _, call := range r.Execs {
		for _, s := range values {
			if form := s.in([]byte(call)); form != "" {
				program, _, _ := strings.Cut(call, ", ")
				var names []string
				for _, m := range regexp.MustCompile(`"(\w+)=[^"]*`+s.value).FindAllStringSubmatch(call, -1) {
					names = append(names, m[1])
				}
				t.Errorf("%s starts %s with a value (%s), in %q", args, program, form, names)
			}
		}
	}
}

// TestExecOfPull: the docker compose pull that up makes for an image that is missing gets no value either.
func TestExecOfPull(t *testing.T) {
	t.Parallel()
	s, used, login, p := newSentinel(), newSentinel(), newSentinel(), newProject(t, `
services:
  web:
    image: 127.0.0.1:1/none
    network_mode: none
    environment:
      API_TOKEN: ${DB_PASSWORD}
      AWS_SECRET_ACCESS_KEY: ${AWS_SECRET_ACCESS_KEY}
      NOTE: ${TELLS_NOTHING}
    secrets: [plain_name]
secrets:
  plain_name: {environment: MYVAR}
`)
	p.secrets("DB_PASSWORD=" + s.value)
	p.exported(s, used, login)
	r := execs(t, p, 0, p.argv("up", "-d")...)
	if r.Code == 0 || !slices.ContainsFunc(r.Execs, func(call string) bool {
		return strings.Contains(call, `"docker-compose"`) && strings.Contains(call, `"pull"`)
	}) {
		t.Errorf("up does not run docker compose pull: exit %d\n%s", r.Code, r.Output)
	}
	checkExecs(t, r, []string{"up"}, s, used, login)
}

// TestExecOfBoot: what boot run starts is the tool itself, which gets the keys that open sources and no other value.
func TestExecOfBoot(t *testing.T) {
	t.Parallel()
	s, p := newSentinel(), newProject(t, `
services:
  web:
    image: `+busyboxImage+`
    pull_policy: never
    network_mode: none
    command: ["sleep", "1000"]
    environment: {API_TOKEN: "${DB_PASSWORD}"}
    restart: always
    stop_signal: SIGKILL
`)
	p.secrets("DB_PASSWORD=" + randomWord())
	p.must("up", "-d")
	if err := os.RemoveAll(p.storeDir()); err != nil {
		t.Fatal(err)
	}
	p.exported(s, s, s)
	r := execs(t, p, 0, p.argv("boot", "run", p.name)...)
	if r.Code != 0 || !r.Started("compose-secure") || len(p.stored()) == 0 {
		t.Errorf("boot run restores nothing: exit %d\n%s", r.Code, r.Output)
	}
	keys := regexp.MustCompile(`"(AWS|AZURE|CLOUDSDK|GOOGLE|SOPS|VAULT)_\w+=[^"]*"`)
	for i, call := range r.Execs {
		if strings.Contains(call, `"boot", "restore"`) {
			r.Execs[i] = keys.ReplaceAllString(call, "")
		}
	}
	checkExecs(t, r, []string{"boot", "run"}, s)
}
