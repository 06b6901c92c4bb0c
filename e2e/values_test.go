//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// valueProject delivers the content of a file in every way.
const valueProject = `
services:
  sh:
    image: ` + busyboxImage + `
    pull_policy: never
    command: ["sleep", "1000"]
    environment: {APP_TOKEN: "ref+file://value"}
    stop_signal: SIGKILL
  bare:
    image: ` + probeImage + `
    pull_policy: never
    command: ["wait"]
    environment: {APP_TOKEN: "ref+file://value"}
    stop_signal: SIGKILL
  file:
    image: ` + busyboxImage + `
    pull_policy: never
    command: ["sleep", "1000"]
    secrets: [value]
    environment: {APP_TOKEN: "ref+file://value"}
    x-compose-secure: {file: [APP_TOKEN]}
    stop_signal: SIGKILL
secrets:
  value: {x-source: "ref+file://value"}
`

// TestValuesSurvive sends awkward values through everything, byte for byte.
func TestValuesSurvive(t *testing.T) {
	t.Parallel()
	p := newProject(t, valueProject)
	for name, value := range map[string]string{
		"dollars and quotes":                            "$HOME ${X} $$ $(id) `id` \"double\" 'single' \\ \\n %s #!&;|<>*?~",
		"newlines at both ends, carriage returns, tabs": "\n\na\r\nb\tc \n \n\n",
		"unicode":        "pässwörd 密码 🔑\u2028\ufeff",
		"not UTF-8":      "\xff\xfe\x80abc\xc3(\xf0\x28",
		"every byte":     everyByte(),
		"spaces":         "  two  spaces  ",
		"looks like ref": "x ref+file://value",
		"as long as may": strings.Repeat("x$'\"", 32_000),
	} {
		p.write("value", value)
		p.must("up", "-d")
		containers := p.inspect()
		for _, service := range []string{"sh", "bare"} {
			if got := processEnv(t, containers[service].State.Pid)["APP_TOKEN"]; got != value {
				t.Errorf("%s: %s gets another value, of %d bytes instead of %d", name, service, len(got), len(value))
			}
		}
		p.checkFile(name, containers["file"].State.Pid, value)
	}
}

// checkFile compares the file that a service reads.
func (p *project) checkFile(name string, pid int, want string) {
	p.t.Helper()
	got, err := os.ReadFile(filepath.Join("/proc", pidText(pid), "root/run/secrets/value"))
	if err != nil || string(got) != want {
		p.t.Errorf("%s: the file has another value, of %d bytes instead of %d: %v", name, len(got), len(want), err)
	}
}

// everyByte is each byte but NUL, which no environment can hold.
func everyByte() string {
	var b bytes.Buffer
	for c := 255; c > 0; c-- {
		b.WriteByte(byte(c))
	}
	return b.String()
}

// TestLargeValues sends what only a file can hold, and what nothing can.
func TestLargeValues(t *testing.T) {
	t.Parallel()
	p := newProject(t, valueProject)
	large := randomWord() + strings.Repeat("0123456789abcdef", 400*1024/16)
	p.write("value", large)
	p.must("up", "-d", "file")
	p.checkFile("400 KB", p.inspect()["file"].State.Pid, large)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(large)))
	if got := p.exec("file", "sha256sum", "/run/secrets/value"); !strings.HasPrefix(got, sum) {
		t.Error("sha256sum in the container differs")
	}
	for name, c := range map[string]struct{ service, value, want string }{
		"over 128 KiB in a variable": {"sh", large, "APP_TOKEN cannot be an environment variable"},
		"NUL in a variable":          {"bare", "a\x00b", "NUL byte"},
		"over 500 KB in a file":      {"file", strings.Repeat(large, 2), "512000 bytes"},
	} {
		p.write("value", c.value)
		r := p.secure("up", "-d", c.service)
		if r.code != 3 || !strings.Contains(r.stderr, c.want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, want 3 and one line with %q; got %d lines", name, r.code, c.want, strings.Count(r.stderr, "\n"))
		}
	}
	if got := len(p.containers()); got != 1 {
		t.Errorf("%d containers, want the first alone", got)
	}
}

// TestSopsValuesSurvive sends a value of several lines from a SOPS file of each
// kind through the environment of a program.
func TestSopsValuesSurvive(t *testing.T) {
	t.Parallel()
	p := newProject(t, `
x-compose-secure: {sops: [a.enc.yaml, b.enc.json]}
services:
  sh:
    image: `+busyboxImage+`
    pull_policy: never
    command: ["sleep", "1000"]
    environment:
      FROM_YAML: ${FROM_YAML}
      FROM_JSON: ${FROM_JSON}
      FROM_REF: ref+sops://a.enc.yaml#/deep/KEY
    env_file: c.enc.env
    stop_signal: SIGKILL
`)
	p.useKey()
	value := "-----BEGIN $X-----\n'a' \"b\"\\\n-----END-----\n"
	quoted := `"-----BEGIN $X-----\n'a' \"b\"\\\n-----END-----\n"`
	p.encrypt("a.enc.yaml", "yaml", lines("FROM_YAML: "+quoted, "deep: {KEY: "+quoted+"}"))
	p.encrypt("b.enc.json", "json", `{"FROM_JSON": `+quoted+`}`)
	p.encrypt("c.enc.env", "dotenv", "FROM_DOTENV=with $dollar and 'quote'\n")
	p.must("up", "-d")
	env := processEnv(t, p.inspect()["sh"].State.Pid)
	for name, want := range map[string]string{"FROM_YAML": value, "FROM_JSON": value, "FROM_REF": value, "FROM_DOTENV": "with $dollar and 'quote'"} {
		if env[name] != want {
			t.Errorf("%s differs: %d bytes, want %d", name, len(env[name]), len(want))
		}
	}
}
