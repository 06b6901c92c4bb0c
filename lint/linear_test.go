package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

// shape makes the text of a file of about n bytes that is meant to be slow.
type shape struct {
	name, file string
	text       func(n int) string
}

// fill repeats unit, with the number of the repetition where it has %d, between
// head and tail.
func fill(head, unit, tail string) func(int) string {
	return func(n int) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 0; b.Len() < n; i++ {
			if strings.Contains(unit, "%d") {
				fmt.Fprintf(&b, unit, i)
			} else {
				b.WriteString(unit)
			}
		}
		b.WriteString(tail)
		return b.String()
	}
}

// nest puts as many of open as half of n bytes hold before as many of end.
func nest(head, open, middle, end string) func(int) string {
	return func(n int) string {
		depth := n / (len(open) + len(end))
		return head + strings.Repeat(open, depth) + middle + strings.Repeat(end, depth)
	}
}

// credentials are the starts of what the detector of values looks for.
var credentials = []string{
	"a", "ab", "postgres://a:b@", "postgres://a:b@h/", "postgres://", "://", "a:b@", "http://a", "-----BEGIN PRIVATE KEY-----", "eyJ", "eyJhbGciOiJI.eyJ", "password=", "password='", "password=x ",
	`"password":`, `{"password":"x"},`, `\"token\":\"`, "$2y$05$", "Authorization: Bearer ", "Authorization: Basic x ", "sk_live_", "ghp_", "AKIA", "hooks.slack.com/services/", "mysql --password=", "mysql --password=x ", "user:pass@tcp(", "@tcp(",
	"curl -u a:b ", "${A", "${A:-", "$$", "$A", "export A_TOKEN=x;", "'", `"`, "`", "$(", "<<E ", "\\", "#", ";", "&& ", "=", "A_TOKEN=x ", "-e A_TOKEN=x ", "ENC[AES256_GCM,", "{SHA}", "0123456789abcdef", "A1b2C3d4", "AGE-SECRET-KEY-1",
	"identified by 'x' ", "SELECT ", "--header 'X-Token: y' ", "%24", "token: x, ", "pwd;", "123456:AA",
}

func shapes() []shape {
	list := []shape{
		{"variables", ".env", fill("", "A%d_TOKEN=aaaabbbb%d\n", "")},
		{"one variable often", ".env", fill("", "A_TOKEN=aaaabbbb\n", "")},
		{"continued", ".env", fill("A_TOKEN='", "aaaa\n", "'\n")},
		{"nested defaults", ".env", nest("A_TOKEN=", "${B:-", "x", "}")},
		{"made of each other", ".env", fill("A0=x\n", "B%d_TOKEN=${A0}${A1}aaaa\n", "")},
		{"comments", ".env", fill("", "# A_TOKEN=aaaabbbb%d\n", "")},
		{"ignore comments", ".env", fill("", "# compose-secure:ignore CS001\n", "A_TOKEN=abcdefgh\n")},
		{"services", "compose.yaml", fill("services:\n", "  a%d: {image: x, environment: {A_TOKEN: aaaabbbb}}\n", "")},
		{"services in one line", "compose.yaml", fill("services: {", "a%d: {image: x, environment: {A_TOKEN: aaaabbbb}},", "}\n")},
		{"wide runes in one line", "compose.yaml", fill("services: {", "ü%d: {image: x, environment: {A_TOKEN: äaaabbbb}},", "}\n")},
		{"variables of a service", "compose.yaml", fill("services:\n  a:\n    image: x\n    environment:\n", "      A%d_TOKEN: aaaabbbb\n", "")},
		{"list of variables", "compose.yaml", fill("services:\n  a:\n    image: x\n    environment:\n", "    - A%d_TOKEN=aaaabbbb%d\n", "")},
		{"references", "compose.yaml", fill("services:\n  a:\n    image: x\n    environment:\n", "      A%d: ${B%d_TOKEN:-aaaabbbb}\n", "")},
		{"nested references", "compose.yaml", nest("services:\n  a:\n    image: x\n    environment:\n      A_TOKEN: ", "${B:-", "x", "}")},
		{"templates", "compose.yaml", fill("", "x-a%d: &a%d\n  A_TOKEN: aaaabbbb\n", "services: {a: {image: x}}\n")},
		{"chain of merges", "compose.yaml", func(n int) string {
			var b strings.Builder
			b.WriteString("x-a0: &a0 {A_TOKEN: aaaabbbb}\n")
			for i := 1; b.Len() < n; i++ {
				fmt.Fprintf(&b, "x-a%d: &a%d {<<: *a%d, B%d: x}\n", i, i, i-1, i)
			}
			return b.String() + "services: {a: {image: x}}\n"
		}},
		{"one anchor in all services", "compose.yaml", func(n int) string {
			return fill("", "", "")(0) + fill("x-e: &e\n", "  A%d_TOKEN: aaaabbbb\n", "")(n/2) + fill("services:\n", "  a%d: {image: x, environment: *e}\n", "")(n/2)
		}},
		{"one anchor merged in all services", "compose.yaml", func(n int) string {
			return fill("x-e: &e\n", "  A%d_TOKEN: aaaabbbb\n", "")(n/2) + fill("services:\n", "  a%d: {image: x, environment: {<<: *e}}\n", "")(n/2)
		}},
		{"escapes", "compose.yaml", fill("services: {a: {image: x, environment: {A_TOKEN: \"", `\x61`, "\"}}}\n")},
		{"folded", "compose.yaml", fill("services:\n  a:\n    image: x\n    environment:\n      A_TOKEN: >-\n", "        aaaa\n", "")},
		{"block", "compose.yaml", fill("services:\n  a:\n    image: x\n    command: |\n", "        mysql --password=aaaa%d\n", "")},
		{"documents", "compose.yaml", fill("", "---\nservices: {a: {image: x, environment: {A_TOKEN: aaaabbbb}}}\n", "")},
		{"lists in lists", "compose.yaml", nest("x-a: ", "[", "", "]")},
		{"commands", "compose.yaml", fill("services:\n  a:\n    image: x\n    command:\n", "    - --password=aaaa%d\n", "")},
		{"labels", "compose.yaml", fill("services:\n  a:\n    image: x\n    labels:\n", "      a%d.password: aaaabbbb\n", "")},
		{"secrets", "compose.yaml", fill("services: {a: {image: x}}\nsecrets:\n", "  s%d: {file: ./s%d.txt}\n", "")},
		{"env files", "compose.yaml", fill("services:\n  a:\n    image: x\n    env_file:\n", "    - e%d.env\n", "")},
		{"build arguments", "compose.yaml", fill("services:\n  a:\n    build:\n      context: .\n      args:\n", "        A%d_TOKEN: aaaabbbb\n", "")},
		{"not YAML", "compose.yaml", fill("services: {a: [\n", "A_TOKEN: aaaabbbb\n", "")},
		{"instructions", "Dockerfile", fill("FROM x\n", "ENV A%d_TOKEN=aaaabbbb\n", "")},
		{"arguments", "Dockerfile", fill("FROM x\n", "ARG A%d_TOKEN=aaaabbbb\n", "")},
		{"pairs of one ENV", "Dockerfile", fill("FROM x\nENV", " A%d_TOKEN=aaaabbbb", "\n")},
		{"continued RUN", "Dockerfile", fill("FROM x\nRUN true", " \\\n && mysql --password=aaaa%d", "\n")},
		{"heredocs", "Dockerfile", fill("FROM x\n", "RUN <<E\nmysql --password=aaaa%d\nE\n", "")},
		{"one heredoc", "Dockerfile", fill("FROM x\nRUN <<E\n", "mysql --password=aaaa%d\n", "E\n")},
		{"stages", "Dockerfile", fill("", "FROM x AS s%d\nARG A_TOKEN=aaaabbbb\nCOPY . .\n", "")},
	}
	for _, c := range credentials {
		list = append(list,
			shape{fmt.Sprintf("%q in an env file", c), ".env", fill("A_TOKEN=", c, "\n")},
			shape{fmt.Sprintf("%q in a command", c), "compose.yaml", func(n int) string {
				return "services:\n  a:\n    image: x\n    command: |\n      " + fill("", c, "\n")(n)
			}},
			shape{fmt.Sprintf("%q in a variable", c), "compose.yaml", func(n int) string {
				return "services:\n  a:\n    image: x\n    environment:\n      A: |\n        " + fill("", c, "\n")(n)
			}},
			shape{fmt.Sprintf("%q in RUN", c), "Dockerfile", fill("FROM x\nRUN ", c, "\n")})
	}
	return list
}

// A file of one shape must take time in proportion to its size: no more than a second of
// processor time for 64 KB.
func TestShapesAreLinear(t *testing.T) {
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			dir, text := t.TempDir(), s.text(cputime.MaxInput-200)
			if err := os.WriteFile(filepath.Join(dir, s.file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cputime.Limit(t, min(len(text), cputime.MaxInput), func() {
				if _, err := Run(t.Context(), Options{Dir: dir, Severity: Info, Plan: planner}, []string{"."}); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// A value of megabytes must be read as fast as many small ones.
func TestLargeValues(t *testing.T) {
	for name, text := range map[string]string{
		"one letter":  "A_TOKEN=" + strings.Repeat("a", 7<<20),
		"addresses":   "A=" + strings.Repeat("postgres://a:b@", 7<<20/15),
		"one line":    "A=" + strings.Repeat("mysql --password=x ", 7<<20/19),
		"two letters": "A_TOKEN='" + strings.Repeat("ab", 7<<19) + "' # " + strings.Repeat("ab", 1<<18),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			start := cputime.Used()
			r, err := Run(t.Context(), Options{Dir: dir, Severity: Info, Plan: planner}, []string{"."})
			if err != nil || len(r.Findings) == 0 {
				t.Fatalf("%v, %v", r, err)
			}
			if took := cputime.Used() - start; took > 60*time.Second {
				t.Errorf("took %s of processor time", took)
			} else {
				t.Logf("%s", took)
			}
		})
	}
}

// BenchmarkShapes logs how the time for each shape grows with its size; SHAPE chooses shapes by a part of their name.
func BenchmarkShapes(b *testing.B) {
	for _, s := range shapes() {
		if !strings.Contains(s.name, os.Getenv("SHAPE")) {
			continue
		}
		line := ""
		for _, n := range []int{8 << 10, 16 << 10, 32 << 10, 64 << 10} {
			dir := b.TempDir()
			if err := os.WriteFile(filepath.Join(dir, s.file), []byte(s.text(n)), 0o600); err != nil {
				b.Fatal(err)
			}
			start := cputime.Used()
			r, err := Run(b.Context(), Options{Dir: dir, Severity: Info, Plan: planner}, []string{"."})
			if err != nil {
				b.Fatal(err)
			}
			took := cputime.Used() - start
			line += fmt.Sprintf("%9s/%d", took.Round(time.Millisecond), len(r.Findings))
			if took > time.Second {
				break
			}
		}
		fmt.Printf("%-60s%s\n", s.name, line)
	}
}
