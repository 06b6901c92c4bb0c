package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

// quiet keeps compose-go's warnings out of the way.
func quiet(t testing.TB) {
	before := logrus.GetLevel()
	logrus.SetLevel(logrus.FatalLevel)
	t.Cleanup(func() { logrus.SetLevel(before) })
}

// hostileProjects are compose files of a few hundred bytes that stand for far more.
func hostileProjects() map[string]string {
	bomb := func(levels int, list string) string {
		var b strings.Builder
		b.WriteString("x-a0: &a0 {A_TOKEN: x}\n")
		for i := 1; i <= levels; i++ {
			one := fmt.Sprintf("*a%d", i-1)
			fmt.Fprintf(&b, "x-a%d: &a%d {%s: [%s]}\n", i, i, list, strings.Join([]string{one, one, one, one, one, one, one, one, one}, ", "))
		}
		return b.String() + fmt.Sprintf("services: {a: {image: x, environment: {<<: *a%d}}}\n", levels)
	}
	return map[string]string{
		"merges":    bomb(9, "<<"),
		"aliases":   bomb(9, "b"),
		"itself":    "x-a: &a {<<: *a}\nservices: {a: &b {<<: [*b, *b, *b, *b, *b, *b, *b, *b, *b], image: x}}\n",
		"in a list": "x-a: &a [*a, *a]\nservices: {a: {image: x}}\n",
		"not there": bomb(9, "<<") + "volumes: {v: {driver_opts: {x: {y: z}}}}\n",
		"defaults":  "services: {a: {image: x, environment: {A: '" + strings.Repeat("${A:-", 500) + "x" + strings.Repeat("}", 500) + "'}}}\n",
		"names": func() string {
			var b strings.Builder
			for i := range 60 {
				fmt.Fprintf(&b, "${A%d:-", i)
			}
			return "services: {a: {image: x, environment: {A: '" + b.String() + "x" + strings.Repeat("}", 60) + "'}}}\n"
		}(),
		"unfinished": "services: {a: {image: x, environment: {A: '" + strings.Repeat("${A:-", 5000) + "'}}}\n",
		"many":       "services: {a: {image: x, environment: {A: '" + strings.Repeat("${A_TOKEN:-abcdefgh}", 2500) + "'}}}\n",
	}
}

// A small file must not take long, whatever its aliases stand for.
func TestHostileProjects(t *testing.T) {
	quiet(t)
	for name, text := range hostileProjects() {
		t.Run(name, func(t *testing.T) {
			start := cputime.Used()
			_, err := loadFiles(t, map[string]string{"compose.yaml": text}, Options{})
			t.Log(err)
			if took := cputime.Used() - start; took > 2*time.Second {
				t.Errorf("took %s of processor time: %v", took, err)
			}
		})
	}
}

// Without aliases any size is taken; with them what a large project writes by hand is.
func TestCheckAliases(t *testing.T) {
	large := "x-e: &e\n" + strings.Repeat("  A_B: c\n", 40)
	for i := range 500 {
		large += fmt.Sprintf("x-s%d: {environment: {<<: *e, N: x}}\n", i)
	}
	for name, text := range map[string]string{"no aliases": strings.Repeat("- a\n", 100_000), "large": large} {
		if err := checkAliases("x", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"merges", "aliases", "itself", "in a list"} {
		if err := checkAliases("compose.yaml", []byte(hostileProjects()[name])); err == nil || !strings.HasPrefix(err.Error(), "compose.yaml:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzLoad loads a project with an included file and env files within a second of processor time.
func FuzzLoad(f *testing.F) {
	quiet(f)
	for _, text := range hostileProjects() {
		if len(text) < 2000 {
			f.Add([]byte(text), []byte("services: {b: {image: x}}\n"), []byte("A=b\n"))
		}
	}
	f.Add([]byte("include: [{path: [inc.yaml], env_file: a.env, project_directory: .}]\nservices: {a: {image: 'x:${A:?b}', env_file: [{path: a.env, format: raw}], extends: {file: inc.yaml, service: b}}}\n"),
		[]byte("services: {b: {image: x, environment: [A_TOKEN=${A}]}}\nsecrets: {s: {x-source: 'ref+file://x'}}\n"), []byte("export A=\"b\nc\"\nB='${A}'\nC=${A:-${B:-d}}\n"))
	f.Add([]byte("x-compose-secure: {sops: a.env, secret: [A*], plain: '*'}\nservices: {a: {image: x, environment: {A: ref+sops://x#/a/b}, configs: [c]}}\nconfigs: {c: {content: '${A_TOKEN}'}}\n"),
		[]byte("a: ["), []byte("A=ENC[x]\nsops_mac=ENC[y]\n"))
	dir := f.TempDir()
	f.Chdir(dir)
	f.Fuzz(func(t *testing.T, compose, included, env []byte) {
		for name, data := range map[string][]byte{"compose.yaml": compose, "inc.yaml": included, ".env": env, "a.env": env} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cputime.Limit(t, len(compose)+len(included)+2*len(env), func() {
			p, err := Load(t.Context(), Options{Encrypted: fakeSOPS{}, Environ: []string{"PATH=/bin", "X_TOKEN=hunter2hunter2"}})
			if err == nil {
				_, _ = Encode(p.Project)
				p.Sources().Find("services", "a", "environment", "A")
			}
		})
	})
}

// FuzzEnvFile reads an env file in both formats.
func FuzzEnvFile(f *testing.F) {
	for _, text := range []string{"export A=b # c\n", "A='b\nc'\nB=\"${A}\\n\"\n", "\ufeffA=${B:-${C:?d}}\r\n", "A\n=x\n", "A: b\nB = c\n", "A=\"" + strings.Repeat("${A:-", 200)} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cputime.Limit(t, len(data), func() {
			lookup := func(name string) (string, bool) { return "x", name == "A" }
			_, _ = parseDotEnv("x", data, lookup)
			_, _ = parseRaw("x", data, lookup)
		})
	})
}
