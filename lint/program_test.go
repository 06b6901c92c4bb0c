package lint

import (
	"slices"
	"testing"

	"github.com/compose-secure/compose-secure/secret"
)

// What a compose file runs is read in the forms that Compose takes.
func TestProgramOf(t *testing.T) {
	tests := map[string]struct {
		yaml string
		want secret.Program
	}{
		"nothing":           {"image: x", secret.Program{}},
		"null":              {"{command: null, entrypoint: ~}", secret.Program{}},
		"empty":             {"{command: []}", secret.Program{}},
		"empty text":        {"{command: ''}", secret.Program{}},
		"empty entrypoint":  {"{entrypoint: []}", secret.Program{Entrypoint: true}},
		"list":              {"{command: [mysqld, --x]}", secret.Program{Command: []string{"mysqld"}}},
		"text":              {"{command: mysqld --x}", secret.Program{Command: []string{"mysqld"}}},
		"quoted text":       {`{command: "'mysql'd --x"}`, secret.Program{Command: []string{"mysqld"}}},
		"folded":            {"command: >\n  mysqld\n  --x\n", secret.Program{Command: []string{"mysqld"}}},
		"a number":          {"{command: [1]}", secret.Program{Command: []string{"1"}}},
		"a variable":        {"{command: '${P:-mysqld} --x'}", secret.Program{Command: []string{secret.Hole}}},
		"a later variable":  {"{command: [mysqld, $X]}", secret.Program{Command: []string{"mysqld"}}},
		"entrypoint, words": {"{entrypoint: sh /x, command: [a]}", secret.Program{Entrypoint: true, Command: []string{"a"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root, err := ReadYAML([]byte("services:\n  a: " + indentedYAML(tt.yaml)))
			if err != nil {
				t.Fatal(err)
			}
			c := newComposeFile(newSource("x", nil), "", root, secret.Policy{})
			got := c.services[0].program()
			if got.Entrypoint != tt.want.Entrypoint || !slices.Equal(got.Command, tt.want.Command) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func indentedYAML(text string) string {
	if text[0] == '{' {
		return text + "\n"
	}
	out := "\n    "
	for _, r := range text {
		if out += string(r); r == '\n' {
			out += "    "
		}
	}
	return out + "\n"
}

// A file variable that the compose file's own programs may read is no mistake.
func TestReadsItself(t *testing.T) {
	tests := map[string]struct {
		yaml string
		want bool
	}{
		"nothing":               {"{image: redis}", false},
		"options":               {"{command: [--save, '60']}", false},
		"the server":            {"{command: redis-server --save 60}", false},
		"named":                 {"{command: [sh, -c, 'cat $$X_FILE']}", true},
		"named in braces":       {"{command: 'sh -c \"cat $${X_FILE}\"'}", true},
		"a longer name":         {"{command: [sh, -c, 'cat $$X_FILE_2 $$AX_FILE']}", false},
		"named by an option":    {"{command: [server, --password-file-variable=X_FILE]}", true},
		"named by healthcheck":  {"{healthcheck: {test: [CMD-SHELL, 'test -s $$X_FILE']}}", true},
		"named by a hook":       {"{post_start: [{command: [cat, $$X_FILE]}]}", true},
		"named by another hook": {"{pre_stop: [{command: 'sh -c \"cat $$X_FILE\"'}]}", true},
		"a start script":        {"{entrypoint: [/start.sh]}", true},
		"a text":                {"{entrypoint: [sh, -c, 'cat $$X_FILE']}", true},
		"a script as command":   {"{command: /start.sh --x}", true},
		"a script of a shell":   {"{command: [bash, ./start.sh]}", true},
		"a shell by its path":   {"{command: [/bin/sh, -c, 'redis-server']}", false},
		"a shell and a script":  {"{command: [/bin/sh, -c, '. /env; redis-server']}", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root, err := ReadYAML([]byte("services:\n  a: " + tt.yaml + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			c := newComposeFile(newSource("x", nil), "", root, secret.Policy{})
			if got := c.services[0].readsItself("X_FILE"); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
