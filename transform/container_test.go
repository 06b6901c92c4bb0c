package transform

import (
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/compose"
)

// TestJobsAndHooks holds that a job and a pre_start hook are treated as a service is.
func TestJobsAndHooks(t *testing.T) {
	p := load(t, map[string]string{
		"token.env": "TOKEN=hunter4\n",
		"compose.yaml": `
services:
  web:
    image: example/app
    environment: {TOKEN: $TOKEN, API_KEY: hunter2x, A: b}
    volumes: [/run]
    pre_start:
      - command: [migrate]
      - image: example/other
        environment: {API_KEY: hunter5x}
        command: [fill, --password, hunter6x]
jobs:
  nightly:
    image: example/job
    env_file: token.env
    environment: {DB_PASSWORD: $DB_PASSWORD}
    command: [backup, --password, $TOKEN]
    triggers: {manual: true}
`})
	image := Image{Entrypoint: []string{"/entry"}, Cmd: []string{"serve"}, Shell: "/bin/sh"}
	plan, err := New(p, Options{Dir: "/store", Images: map[string]Image{"web": image, "web/pre_start/0": image, "web/pre_start/1": image, "jobs/nightly": image},
		InArguments: findAll("hunter6x")})
	if err != nil {
		t.Fatal(err)
	}
	text, err := compose.JSON(plan.Project)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter") || plan.Inputs.Has(string(text)) {
		t.Errorf("a secret is left in %s", text)
	}
	if strings.Contains(string(text), "/pre_start/") || len(plan.Project.Services) != 1 || len(plan.Project.Jobs) != 1 {
		t.Errorf("services %v, jobs %v", plan.Project.ServiceNames(), plan.Project.Jobs)
	}
	var got []string
	for _, m := range plan.Moves {
		got = append(got, strings.Join([]string{m.Service, m.Variable, string(m.Delivery), m.Secret, m.Target, strings.Join(m.Path, ".")}, " "))
	}
	want := []string{
		"jobs/nightly DB_PASSWORD wrap db_password /run/secrets/db_password jobs.nightly.environment.DB_PASSWORD",
		"jobs/nightly TOKEN wrap nightly_token /run/secrets/nightly_token jobs.nightly.environment.TOKEN",
		"web API_KEY wrap web_api_key /.compose-secure/web_api_key services.web.environment.API_KEY",
		"web TOKEN wrap token /.compose-secure/token services.web.environment.TOKEN",
		"web/pre_start/0 API_KEY wrap web_api_key /.compose-secure/web_api_key services.web.environment.API_KEY",
		"web/pre_start/0 TOKEN wrap token /.compose-secure/token services.web.environment.TOKEN",
		"web/pre_start/1 API_KEY wrap web_pre_start_1_api_key /.compose-secure/web_pre_start_1_api_key services.web.pre_start.1.environment.API_KEY",
		"web/pre_start/1 TOKEN wrap token /.compose-secure/token services.web.environment.TOKEN",
		"jobs/nightly  wrap token /run/secrets/token jobs.nightly.command",
		"web/pre_start/1  wrap web_pre_start_1_password /.compose-secure/web_pre_start_1_password services.web.pre_start.1.command.2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	vars, run := unwrap(plan.Project.Services["web"].PreStart[0].Entrypoint)
	if diff := cmp.Diff([][]string{{"API_KEY=/.compose-secure/web_api_key", "TOKEN=/.compose-secure/token"}, {"/entry"}, {"migrate"}},
		[][]string{vars, run, plan.Project.Services["web"].PreStart[0].Command}); diff != "" {
		t.Error(diff)
	}
}

// TestJobsAndHooksBind holds that docker compose mounts files of jobs and hooks that no service names.
func TestJobsAndHooksBind(t *testing.T) {
	p := load(t, map[string]string{"compose.yaml": `
services:
  web:
    image: example/app
    environment: {TOKEN: $TOKEN}
    pre_start: [{command: [x], environment: {DB_PASSWORD: $DB_PASSWORD}}]
jobs:
  j: {image: example/app, environment: {TOKEN: $TOKEN}, triggers: {manual: true}}
`})
	image := Image{Entrypoint: []string{"/entry"}, Arch: "amd64"}
	plan, err := New(p, Options{Dir: "/store", HelperDir: "/helpers", Images: map[string]Image{"web": image, "web/pre_start/0": image, "jobs/j": image}})
	if err != nil {
		t.Fatal(err)
	}
	binds := func(spec types.ContainerSpec) (list []string) {
		for _, ref := range spec.Secrets {
			list = append(list, ref.Source)
		}
		for _, v := range spec.Volumes {
			if v.Type != types.VolumeTypeBind || !v.ReadOnly || bool(v.Bind.CreateHostPath) {
				t.Errorf("the mount is %+v", v)
			}
			list = append(list, v.Source+" at "+v.Target)
		}
		return list
	}
	want := [][]string{
		{"token", "/store/db_password at /run/secrets/db_password"},
		{"/store/token at /run/secrets/token", "/helpers/compose-secure-env-amd64 at /.compose-secure-env"},
	}
	got := [][]string{binds(plan.Project.Services["web"].PreStart[0].ContainerSpec), binds(plan.Project.Jobs["j"].ContainerSpec)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestHookOfRewrittenService holds that a hook never gets what a plan gives to its service, which docker compose would let it inherit.
func TestHookOfRewrittenService(t *testing.T) {
	p := load(t, map[string]string{"compose.yaml": `
services:
  web:
    image: postgres
    environment: {POSTGRES_PASSWORD: $DB_PASSWORD, TOKEN: $TOKEN}
    pre_start:
      - image: example/other
        environment: {POSTGRES_PASSWORD: "", TOKEN: ""}
        command: [migrate]
`})
	image := Image{Entrypoint: []string{"/entry"}, Cmd: []string{"serve"}, Shell: "/bin/sh"}
	plan, err := New(p, Options{Dir: "/store", Images: map[string]Image{"web": image, "web/pre_start/0": {Cmd: []string{"x"}}}})
	if err != nil {
		t.Fatal(err)
	}
	hook := plan.Project.Services["web"].PreStart[0]
	if hook.Entrypoint == nil || len(hook.Entrypoint) != 0 || len(hook.Command) != 1 {
		t.Errorf("entrypoint %#v, command %q", hook.Entrypoint, hook.Command)
	}
	if value, ok := hook.Environment["POSTGRES_PASSWORD_FILE"]; !ok || value != nil {
		t.Errorf("the environment of the hook is %v", hook.Environment)
	}
}

// TestSwarmHasNoJobs holds that what Swarm does not run takes no secret with it.
func TestSwarmHasNoJobs(t *testing.T) {
	p := load(t, map[string]string{"compose.yaml": `
services:
  web:
    image: example/app
    pre_start: [{command: [x], environment: {TOKEN: $TOKEN}}]
jobs:
  j: {image: example/app, triggers: {manual: true}, environment: {DB_PASSWORD: $DB_PASSWORD}}
`})
	plan, err := New(p, Options{Dir: "/store", Swarm: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Secrets) != 0 || len(plan.Project.Services["web"].PreStart) != 1 || len(plan.Project.Jobs) != 1 {
		t.Errorf("secrets %v, hooks %v, jobs %v", plan.Secrets, plan.Project.Services["web"].PreStart, plan.Project.Jobs)
	}
}
