package transform

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/wrap"
)

// findAll finds each of values, behind a flag of that name.
func findAll(values ...string) func(image string, argv []string) []secret.Argument {
	return func(_ string, argv []string) []secret.Argument {
		var found []secret.Argument
		for i, arg := range argv {
			for _, value := range values {
				at := strings.Index(arg, value)
				if at < 0 {
					continue
				}
				a := secret.Argument{Index: i, Span: secret.Span{Start: at, End: at + len(value)}}
				if i > 0 && strings.HasPrefix(argv[i-1], "-") {
					a.Name = argv[i-1]
				}
				found = append(found, a)
				break
			}
		}
		return found
	}
}

// TestLiteralsMove has each place of an argument list, and what a literal is named by and shared with.
func TestLiteralsMove(t *testing.T) {
	const head = "services:\n  a:\n    image: x\n"
	tests := map[string]struct {
		yaml, dotenv string
		want         []string // secrets of a
	}{
		"flag":                   {yaml: head + "    command: [serve, --token, hunter9x]\n", want: []string{"a_token"}},
		"flag that says nothing": {yaml: head + "    command: [serve, -a, hunter9x]\n", want: []string{"a_password"}},
		"no flag":                {yaml: head + "    command: [serve, hunter9x]\n", want: []string{"a_command_2"}},
		"within a word":          {yaml: head + "    command: [serve, --token=hunter9x]\n", want: []string{"a_command_2"}},
		"beside a variable":      {yaml: head + "    command: [serve, '$TOKEN:hunter9x']\n", want: []string{"a_command_2"}},
		"entrypoint":             {yaml: head + "    entrypoint: [serve, --token, hunter9x]\n", want: []string{"a_token"}},
		"healthcheck":            {yaml: head + "    healthcheck: {test: [CMD, check, --token, hunter9x]}\n", want: []string{"a_token"}},
		"a script":               {yaml: head + "    healthcheck: {test: check --token hunter9x}\n", want: []string{"a_healthcheck_3"}},
		"post_start":             {yaml: head + "    post_start: [{command: [check, --token, hunter9x]}]\n", want: []string{"a_token"}},
		"pre_stop":               {yaml: head + "    pre_stop: [{command: [check, --token, hunter9x]}]\n", want: []string{"a_token"}},
		"watch":                  {yaml: head + "    develop: {watch: [{path: ., action: sync+exec, target: /x, exec: {command: [check, --token, hunter9x]}}]}\n", want: []string{"a_token"}},
		"twice":                  {yaml: head + "    command: [serve, --token, hunter9x]\n    healthcheck: {test: [CMD, check, -a, hunter9x]}\n", want: []string{"a_token"}},
		"two":                    {yaml: head + "    command: [serve, --token, hunter9x, --token, hunter9y]\n", want: []string{"a_token", "a_token_2"}},
		"a name that is taken":   {yaml: head + "    command: [serve, --token, hunter9x]\nsecrets: {a_token: {file: x}}\n", want: []string{"a_token_2"}},
		"a literal variable":     {yaml: head + "    environment: {API_KEY: hunter9x1hunter9x1}\n    command: [serve, --token, hunter9x1hunter9x1]\n", want: []string{"a_api_key"}},
		"of the service":         {yaml: head + "    environment: {API_KEY: $TOKEN}\n    command: [serve, --token, hunter3]\n", want: []string{"token"}},
		"of the process":         {yaml: head + "    command: [serve, --token, hunter3]\n  b: {image: x, environment: {API_KEY: $TOKEN}}\n", want: []string{"a_token"}},
		"of the project":         {yaml: head + "    command: [serve, --token, hunter9x]\n  b: {image: x, environment: {API_KEY: $OTHER_TOKEN}}\n", dotenv: "OTHER_TOKEN=hunter9x\n", want: []string{"other_token"}},
		"of a service that is off": {yaml: head + "    command: [serve, --token, hunter9x]\n  b: {image: x, profiles: [b], environment: {API_KEY: $OTHER_TOKEN}}\n",
			dotenv: "OTHER_TOKEN=hunter9x\n", want: []string{"other_token"}},
		"of nobody":                 {yaml: head + "    command: [serve, --token, hunter9x]\n", dotenv: "OTHER_TOKEN=hunter9x\n", want: []string{"a_token"}},
		"of another's literal":      {yaml: head + "    command: [serve, --token, hunter9x]\n  b: {image: x, environment: {API_TOKEN: hunter9x}}\n", want: []string{"a_token"}},
		"a copy that no flag tells": {yaml: head + "    environment: {API_KEY: $OTHER_TOKEN}\n    command: [serve, hunter-copied]\n", dotenv: "OTHER_TOKEN=hunter-copied\n", want: []string{"other_token"}},
		"a file that only one user reads": {yaml: head + "    command: [serve, --token, hunter3]\n    secrets: [{source: s, target: s, mode: 0400}]\nsecrets: {s: {environment: TOKEN}}\n",
			want: []string{"s.0-0-0400", "a_token"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := load(t, map[string]string{"compose.yaml": tt.yaml, ".env": tt.dotenv})
			o := Options{Dir: "/store", InArguments: findAll("hunter9x1hunter9x1", "hunter9x", "hunter9y", "hunter3"), Images: map[string]Image{
				"a": {Entrypoint: nil, Cmd: []string{"serve"}, Shell: "/bin/sh"}, "b": {Cmd: []string{"serve"}, Shell: "/bin/sh"},
			}}
			plan, err := New(p, o)
			if err != nil {
				t.Fatal(err)
			}
			holdsNoValue(t, plan)
			var got []string
			for _, ref := range plan.Project.Services["a"].Secrets {
				got = append(got, ref.Source)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error("-want +got\n" + diff)
			}
			if text, _ := compose.Encode(plan.Project); strings.Contains(string(text), "hunter") || plan.Inputs.Has(string(text)) {
				t.Errorf("a literal, or what stands for one, is left in\n%s", text)
			}
		})
	}
}

// TestLiteralsArrive runs what a plan made of arguments with every kind of character, and compares them with those of the model.
func TestLiteralsArrive(t *testing.T) {
	var words []string
	for _, c := range []string{"'", `"`, `\`, "$", "`", " ", "\t", "\n", "\r", "*", "{", "=", "#", "é", "\u2028", "%s", "--", "$1", "$(x)", "\\n"} {
		words = append(words, "-p", c+"hunter9x"+c, "x"+c+"hunter9x"+c+c, "$TOKEN"+c+"hunter9x", "echo "+c+"hunter9x"+c+" $HOME")
	}
	for name, image := range map[string]Image{"a shell": {Shell: "/bin/sh"}, "no shell": {Arch: runtime.GOARCH}} {
		t.Run(name, func(t *testing.T) {
			p := load(t, map[string]string{"compose.yaml": "services: {a: {image: x, entrypoint: [printf, '<%s>'], command: [" + quoted(words) + "]}}\n"})
			want := strings.ReplaceAll("<"+strings.Join(words, "><")+">", "$TOKEN", "hunter3")
			plan, err := New(p, Options{Dir: "/store", InArguments: findAll("hunter9x"), Images: map[string]Image{"a": image}})
			if err != nil {
				t.Fatal(err)
			}
			holdsNoValue(t, plan)
			store := t.TempDir()
			for _, s := range plan.Secrets {
				value, ok := knownValue(s.Parts)
				if !ok {
					t.Fatal("a value is not known")
				}
				if err := os.WriteFile(filepath.Join(store, s.Name), value.Reveal(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			argv := slices.Concat(plan.Project.Services["a"].Entrypoint, plan.Project.Services["a"].Command)
			for i := range argv {
				argv[i] = strings.ReplaceAll(argv[i], "/run/secrets", store)
			}
			if argv[0] == HelperTarget {
				argv[0] = helperIn(t, image.Arch)
			}
			out, err := exec.Command(argv[0], argv[1:]...).Output()
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != want {
				t.Errorf("got  %q\nwant %q", out, want)
			}
		})
	}
}

// quoted writes words as a flow list whose $ are doubled but for that of a variable.
func quoted(words []string) string {
	list := make([]string, len(words))
	for i, w := range words {
		text, _ := json.Marshal(w)
		list[i] = strings.ReplaceAll(strings.ReplaceAll(string(text), "$", "$$"), "$$TOKEN", "${TOKEN}")
	}
	return strings.Join(list, ", ")
}

// helperIn writes the static helper into a directory of the test.
func helperIn(t *testing.T, arch string) string {
	t.Helper()
	binary, err := wrap.Helper(arch)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(path, binary, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// Each place of the one list is moved by a plan.
func TestArgumentLists(t *testing.T) {
	for _, list := range compose.ArgumentLists() {
		text := "[check, --token, hunter9x]"
		if list[len(list)-1] == "test" {
			text = "[CMD, check, --token, hunter9x]"
		}
		for _, key := range slices.Backward(list) {
			if key == compose.AnyElement {
				text = "[" + text + "]"
			} else {
				text = fmt.Sprintf("{%s: %s}", key, text)
			}
			text = strings.Replace(text, "[{exec: ", "[{path: ., action: sync+exec, target: /x, exec: ", 1)
		}
		p := load(t, map[string]string{"compose.yaml": "services: {a: {image: x, " + text[1:] + "}\n"})
		plan, err := New(p, Options{Dir: "/store", InArguments: findAll("hunter9x"), Images: map[string]Image{"a": {Cmd: []string{"serve"}, Shell: "/bin/sh"}}})
		if err != nil {
			t.Errorf("%s: %v", list, err)
			continue
		}
		if len(plan.Moves) != 1 || len(plan.Moves[0].Path) < 3 || !compose.IsArguments(plan.Moves[0].Path[:len(plan.Moves[0].Path)-1]) {
			t.Errorf("%s: moves %+v", list, plan.Moves)
		}
	}
}
