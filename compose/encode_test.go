package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/secret"
)

// hardValues are values that a layer on the way to docker compose could change.
func hardValues() map[string]string {
	values := map[string]string{
		"DOLLAR": "$", "TWO_DOLLARS": "$$", "THREE": "$$$", "VARIABLE": "${HOME} $HOME $$HOME $${HOME}", "OPEN": "a${", "PERCENT": "100%",
		"QUOTES": `'single' "double" ` + "`back`", "BACKSLASH": `C:\new\table \\ \u0041 \`, "NEWLINE": "a\nb\n", "CRLF": "a\r\nb\r", "TAB": "\ta\t",
		"SPACES": "  a  ", "EMPTY": "", "HASH": "# no comment", "COLON": "a: b", "YAML": "{a: [b, &c *d]}", "TAG": "!!int 1", "BOOL": "yes", "NULL": "null", "TILDE": "~",
		"NUMBER": "0123", "FLOAT": "1e3", "DATE": "2001-01-01", "OCTAL": "0o17", "DASHES": "---\n...\n", "MERGE": "<<",
		"UNICODE": "grüße 日本 🎉 \u202e", "SEPARATORS": "a\u2028b\u2029c", "NEL": "a\u0085b", "BOM": "\ufeffa\ufeff", "NOT_CHARACTERS": "\ufffe\uffff",
		"DEL": "\x7f", "C1": "\u0080\u009f", "HTML": "<a href=\"x\">&</a>", "LARGE": strings.Repeat("a$\"\\\n", 80_000),
	}
	var controls strings.Builder
	for r := rune(1); r < ' '; r++ {
		controls.WriteRune(r)
	}
	values["CONTROLS"] = controls.String()
	return values
}

func TestEncodeSurvivesDockerCompose(t *testing.T) {
	docker, err := dockercli.FindCompose(context.Background(), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	values := hardValues()
	alphabet := []rune("$${}'\"\\\n\t#:ab é\x01\x7f\u0085")
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 20 {
		var b strings.Builder
		for range 50 {
			b.WriteRune(alphabet[random.IntN(len(alphabet))])
		}
		values["RANDOM_"+string(rune('A'+i))] = b.String()
	}
	env := types.MappingWithEquals{}
	for k, v := range values {
		env[k] = &v
	}
	project := &types.Project{Name: "p", Services: types.Services{"a": {
		Name: "a", ContainerSpec: types.ContainerSpec{Image: "busybox", Environment: env, Command: []string{"sh", "-c", values["VARIABLE"], values["CONTROLS"]}, Labels: types.Labels{"x.y/$z": values["QUOTES"] + values["DOLLAR"]}},
	}}}
	model, err := Encode(project)
	if err != nil {
		t.Fatal(err)
	}
	got := composeConfig(t, docker, model)
	if diff := cmp.Diff(values, got.Environment); diff != "" {
		t.Error("environment, -want +got\n" + diff)
	}
	if diff := cmp.Diff([]string{"sh", "-c", values["VARIABLE"], values["CONTROLS"]}, got.Command); diff != "" {
		t.Error("command, -want +got\n" + diff)
	}
	if diff := cmp.Diff(map[string]string{"x.y/$z": values["QUOTES"] + "$"}, got.Labels); diff != "" {
		t.Error("labels, -want +got\n" + diff)
	}
}

func TestFillSurvivesDockerCompose(t *testing.T) {
	docker, err := dockercli.FindCompose(context.Background(), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	values := hardValues()
	inputs := secret.NewInputs()
	env := types.MappingWithEquals{}
	for k, v := range values {
		token := "<" + inputs.Placeholder(secret.Input{Name: k, Known: secret.NewValue([]byte(v))}) + ">"
		env[k] = &token
	}
	model, err := Encode(&types.Project{Name: "p", Services: types.Services{"a": {Name: "a", ContainerSpec: types.ContainerSpec{Image: "busybox", Environment: env}}}})
	if err != nil {
		t.Fatal(err)
	}
	blank := Blank(model, inputs)
	if model, err = Fill(model, inputs, func(in *secret.Input) secret.Value { return in.Known }); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for k, v := range values {
		want[k] = "<" + v + ">"
	}
	if diff := cmp.Diff(want, composeConfig(t, docker, model).Environment); diff != "" {
		t.Error("-want +got\n" + diff)
	}
	for k, v := range composeConfig(t, docker, blank).Environment {
		if v != "<"+secret.Redacted+">" {
			t.Errorf("%s is not blank", k)
		}
	}
}

func TestFillRefusesBytes(t *testing.T) {
	inputs := secret.NewInputs()
	model := []byte(`{"a":"` + inputs.Placeholder(secret.Input{Name: "TOKEN", Known: secret.NewValue([]byte("\xffhunter2"))}) + `"}`)
	_, err := Fill(model, inputs, func(in *secret.Input) secret.Value { return in.Known })
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "${TOKEN}") {
		t.Errorf("the error is %v", err)
	}
}

type configured struct {
	Environment map[string]string `json:"environment"`
	Command     []string          `json:"command"`
	Labels      map[string]string `json:"labels"`
}

// composeConfig is what docker compose reads out of a model, for service a.
// config doubles every $, as the model does.
func composeConfig(t *testing.T, docker *dockercli.Compose, model []byte) configured {
	t.Helper()
	var out, errs bytes.Buffer
	code, err := docker.Exec(dockercli.Run{Model: model, Args: []string{"config", "--format", "json"}, Env: os.Environ(), Stdout: &out, Stderr: &errs})
	if err != nil || code != 0 {
		t.Fatalf("docker compose config: %d %v %s", code, err, errs.String())
	}
	var read struct {
		Services map[string]configured `json:"services"`
	}
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	service := read.Services["a"]
	single := func(text string) string { return strings.ReplaceAll(text, "$$", "$") }
	for k, v := range service.Environment {
		service.Environment[k] = single(v)
	}
	for i, arg := range service.Command {
		service.Command[i] = single(arg)
	}
	labels := map[string]string{}
	for k, v := range service.Labels {
		labels[single(k)] = single(v)
	}
	service.Labels = labels
	return service
}

// FuzzEncode: with every $$ halved the model is the project again, keys
// included, and it holds nothing that YAML forbids.
func FuzzEncode(f *testing.F) {
	for k, v := range hardValues() {
		if len(v) < 1000 {
			f.Add(k, v)
		}
	}
	f.Add(`k"e\y$`, `":"$`)
	f.Fuzz(func(t *testing.T, key, value string) {
		if !utf8.ValidString(key) || !utf8.ValidString(value) || key == "" {
			return
		}
		project := &types.Project{Name: "p", Services: types.Services{"a": {Name: "a", ContainerSpec: types.ContainerSpec{Image: value, Labels: types.Labels{key: value}}}}}
		model, err := Encode(project)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsFunc(model, notInYAML) {
			t.Error("a character that YAML does not allow")
		}
		var read struct {
			Services map[string]struct {
				Image  string            `json:"image"`
				Labels map[string]string `json:"labels"`
			} `json:"services"`
		}
		if err := json.Unmarshal(model, &read); err != nil {
			t.Fatal(err)
		}
		doubled := strings.ReplaceAll(value, "$", "$$")
		if got := read.Services["a"]; got.Image != doubled || got.Labels[key] != doubled {
			t.Errorf("%q became %q and %q", value, got.Image, got.Labels[key])
		}
	})
}

func TestFindText(t *testing.T) {
	project := &types.Project{Name: "p", Services: types.Services{"a": {Name: "a", ContainerSpec: types.ContainerSpec{
		Image: "x", Command: []string{"one", "needle two"}, Labels: types.Labels{"a needle": "b"},
	}}}}
	found := FindText(project, "needle")
	want := []Found{
		{Path: []string{"services", "a", "command", "1"}, Text: "needle two"},
		{Path: []string{"services", "a", "labels"}, Text: "a needle"},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error("-want +got\n" + diff)
	}
}
