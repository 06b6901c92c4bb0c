package visible_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/migrate"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/visible"
)

// The halves of a value that has something between them at which its end may be misjudged.
const head, tail = "qZ7xK9vTn2", "Wm4Rj8pLc6"

// breakers are such things.
var breakers = []string{"", `"`, `'`, `\`, `\"`, " ", "  ", "#", " #", "/", "@", ":", ": ", "=", "==", "$", "!$", "é$", "$$", "${", "}", "]", "{", "[", ",", ", ", ";", "&", "|", "%", "?", "!", "*", "`", "\n", "\n  ", "\t", "\r", `"'`, `' "`, `'s `, "é", "\u2028", `\0`, `\x01`, `\n`, `\t`, `\r`, `\e[31m`, `\x7F`, `\u2028`, `\N`, "\rB_TOKEN=", "\x01", "\x7f", "\u0085", "\x00"}

// envLines and yamlLines are places of a value, VALUE.
var envLines = []string{
	"DB_PASSWORD=VALUE", `DB_PASSWORD="VALUE"`, `DB_PASSWORD='VALUE'`, "export DB_PASSWORD=VALUE", `DB_PASSWORD="VALUE`, "DB_PASSWORD: VALUE",
	"DATABASE_URL=postgres://u:VALUE@h/d", `DATABASE_URL="postgres://u:VALUE@h/d"`, "A=b\nDB_PASSWORD=VALUE\nB=c", `DB_PASSWORD=VALUE # why`,
}

var yamlLines = []string{
	"environment:\n      DB_PASSWORD: VALUE", "environment:\n      DB_PASSWORD: \"VALUE\"", "environment:\n      DB_PASSWORD: 'VALUE'",
	"environment:\n      - DB_PASSWORD=VALUE", "environment:\n      - \"DB_PASSWORD=VALUE\"", "environment: {DB_PASSWORD: VALUE, A_TOKEN: literal12}",
	`environment: ["DATABASE_URL=postgres://u:pw@h/d", "R=redis://:VALUE@h"]`, `environment: ["DATABASE_URL=postgres://u:VALUE@h/d", A_TOKEN=literal12]`,
	`command: ["mysql", "--password=VALUE", "-a"]`, "command: mysql --password=VALUE -h x", `command: psql "host=x password='VALUE' dbname=z"`,
	`command: "curl -u admin:VALUE http://x"`, `command: curl -u admin:VALUE -H "Authorization: Bearer t" --password=abcd1234`,
	`labels: {api_token: "VALUE"}`, "labels:\n      - api_token=VALUE", `healthcheck: {test: ["CMD", "redis-cli", "-a", "VALUE", "ping"]}`,
	"build:\n      args:\n        NPM_TOKEN: VALUE", `logging: {driver: x, options: {splunk-token: "VALUE"}}`,
	"environment:\n      DB_PASSWORD: |\n        VALUE", "environment:\n      DB_PASSWORD: >-\n        VALUE",
}

var topLines = []string{
	"secrets: {s: {content: VALUE}}", "secrets: {s: VALUE}", "secrets:\n  s:\n    content: \"VALUE\"", "configs:\n  c:\n    content: |\n      password = VALUE",
	"volumes: {v: {driver_opts: {type: cifs, o: \"username=x,password=VALUE\"}}}",
}

// printed is all that lint, migrate, config and their errors print about a compose file and its env file.
func printed(t *testing.T, dir, file, env string) string {
	t.Helper()
	for name, data := range map[string]string{"compose.yaml": file, ".env": env} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	o := lint.Options{Dir: dir, Plan: migrate.Outcomes}
	report, err := lint.Run(t.Context(), o, []string{"."})
	if err != nil {
		out.WriteString(err.Error())
	} else {
		out.WriteString("--- lint\n" + strings.Join(report.Problems, "\n"))
		if err := lint.Write(&out, report, "text", "", false); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := migrate.New(t.Context(), migrate.Options{Lint: o}, []string{"compose.yaml"})
	if err != nil {
		out.WriteString("--- migrate\n" + err.Error())
	} else {
		for i := range plan.Changes {
			out.WriteString(plan.Diff(&plan.Changes[i]))
		}
		for _, l := range plan.Remaining {
			out.WriteString("left: " + l.Message + l.Todo + "\n")
		}
	}
	out.WriteString("--- config\n")
	out.WriteString(model(filepath.Join(dir, "compose.yaml")))
	return out.String()
}

// model is what config prints, with its warnings.
func model(file string) string {
	p, err := compose.Load(context.Background(), compose.Options{Files: []string{file}, Environ: []string{"PATH=/bin"}})
	if err != nil {
		return err.Error()
	}
	plan, err := transform.New(p, transform.Options{
		Dir: "/run/x", HelperDir: "/x", NoValues: true, InText: func(text string) bool { return len(lint.InText(p.Detect, text)) > 0 },
		InArguments: func(image string, argv []string) []secret.Argument { return visible.Arguments(p, image, argv) },
	})
	if err != nil {
		return err.Error()
	}
	literals := visible.Find(p, plan)
	text, err := compose.YAML(literals.Mask(plan.Project))
	if err != nil {
		return err.Error()
	}
	moves := ""
	for _, m := range plan.Moves {
		moves += m.Source + m.Sets + m.Note
	}
	return strings.Join(literals.Warnings(), "\n") + strings.Join(plan.Warnings, "\n") + moves + plan.Inputs.Redact(string(text))
}

// ended reports whether the breaker ends the value by the rules of YAML, env files, a shell or mount options, so that the second
// half is another value, a word or a key of its own.
func ended(place int, breaker string) bool {
	templates := slices.Concat(envLines, yamlLines, topLines)
	template := templates[place%len(templates)]
	has := func(marks ...string) bool {
		return slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(breaker, mark) })
	}
	switch {
	case slices.Contains(envLines, template) && has("\n") && has("#"):
		return true // the next line is a comment
	case strings.HasPrefix(template, `command: "curl`): // one scalar, and words for a shell in it
		return has(" ", "\t", "\n", "\r", "\u0085", "\u2028", ",", ";", "&", "|", "'", `"`, `\t`, `\n`, `\r`, `\N`, `\u`)
	case strings.HasPrefix(template, "command: mysql"):
		return has(" ", "\t", ";", "&", "|")
	case strings.HasPrefix(template, "command: curl"):
		return has("\n")
	case strings.Contains(template, ` o: "`):
		return has(" ", "\t", "\n", ",", ";", "&")
	case strings.Contains(template, "{DB_PASSWORD: VALUE"), strings.Contains(template, "{content: VALUE"), strings.Contains(template, "{s: VALUE"):
		return has(",", "\n", "\r")
	case strings.Contains(template, "- DB_PASSWORD=VALUE"), strings.Contains(template, "- api_token=VALUE"):
		return has(": ")
	case strings.Contains(template, `["DATABASE_URL`):
		return has("$") // a variable stands there
	case template == "DATABASE_URL=postgres://u:VALUE@h/d":
		return has(" #")
	}
	return false
}

// shows returns a piece of six bytes of the value that text holds, or "".
func shows(text string) string {
	const piece = 6
	for _, half := range [...]string{head, tail} {
		for i := range len(half) - piece + 1 {
			if strings.Contains(text, half[i:i+piece]) {
				return half[i : i+piece]
			}
		}
	}
	return ""
}

func files(place int, breaker string) (file, env string) {
	value := head + breaker + tail
	// Another value beside it has migrate print a diff with the lines around.
	const service = "name: x\nservices:\n  db:\n    image: postgres:16\n    env_file: [.env]\n    SERVICE\n  web:\n    image: nginx\n    environment: {A_TOKEN: literal12}\n"
	file = strings.Replace(service, "SERVICE", "restart: always", 1)
	switch place = max(place, -place) % (len(envLines) + len(yamlLines) + len(topLines)); {
	case place < len(envLines):
		env = strings.ReplaceAll(envLines[place], "VALUE", value) + "\n"
	case place < len(envLines)+len(yamlLines):
		file = strings.Replace(service, "SERVICE", strings.ReplaceAll(yamlLines[place-len(envLines)], "VALUE", value), 1)
	default:
		file += strings.ReplaceAll(topLines[place-len(envLines)-len(yamlLines)], "VALUE", value) + "\n"
	}
	return file, env
}

// No piece of a value is printed, wherever it stands and whatever breaks its quotes.
func TestNothingShown(t *testing.T) {
	dir := t.TempDir()
	for place := range len(envLines) + len(yamlLines) + len(topLines) {
		for _, breaker := range breakers {
			if ended(place, breaker) {
				continue
			}
			file, env := files(place, breaker)
			if out := printed(t, dir, file, env); shows(out) != "" {
				for line := range strings.SplitSeq(out, "\n") {
					if shows(line) != "" {
						t.Errorf("%q of\n%s%s\nshows: %s", breaker, file, env, line)
					}
				}
			}
		}
	}
}

func FuzzNothingShown(f *testing.F) {
	for i, b := range breakers {
		f.Add(i, b)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, place int, breaker string) {
		if place < 0 || len(breaker) > 100 || ended(place, breaker) {
			return
		}
		file, env := files(place, breaker)
		out := printed(t, dir, file, env)
		for line := range strings.SplitSeq(out, "\n") {
			if shows(line) != "" {
				t.Errorf("%q of\n%s%s\nshows: %s", breaker, file, env, line)
			}
		}
	})
}
