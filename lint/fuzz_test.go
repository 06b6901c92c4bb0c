package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/internal/cputime"
	"github.com/compose-secure/compose-secure/secret"
)

// FuzzProject lints a directory of every kind of file within a second of processor time.
func FuzzProject(f *testing.F) {
	for _, s := range shapes() {
		files := map[string]string{"compose.yaml": "services: {a: {build: ., env_file: [a.env, .env]}}\n"}
		files[s.file] = s.text(300)
		f.Add([]byte(files["compose.yaml"]), []byte(files[".env"]), []byte(files["Dockerfile"]), []byte("*.env\n!a.env\n/b/**\n"))
	}
	f.Add([]byte("include: [a.yaml, {path: [b.yaml], env_file: a.env}]\nx-a: &a {<<: [*a, *a]}\n"), []byte("export A='b\nc'\nB=\"${A:-${C:-d}}\"\n"),
		[]byte("# syntax=docker/dockerfile:1\nFROM x\nRUN <<A <<-B\nx\nA\n\ty\nB\nARG T=${A:-b}\n"), []byte("**/*.env\n\\#a\n[a-\n"))
	f.Add([]byte("services: {a: {image: x, environment: [A_TOKEN=ref+sops://s.yaml#/a/b]}}\nx-compose-secure: {sops: s.yaml, plain: ['*']}\n"),
		[]byte("A=ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops_version=3.8.1\n"), []byte("FROM x\nENV A=b C=\"d e\"\n"), []byte("!\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, compose, env, docker, ignore []byte) {
		for name, data := range map[string][]byte{
			"compose.yaml": compose, ".env": env, "a.env": env, "Dockerfile": docker, ".gitignore": ignore, ".dockerignore": ignore,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cputime.Limit(t, len(compose)+len(env)+len(docker)+len(ignore), func() {
			_, _ = Run(t.Context(), Options{Dir: dir, Severity: Info, Plan: planner}, []string{"."})
		})
	})
}

// FuzzCommand splits a command into words and looks for secrets in them.
func FuzzCommand(f *testing.F) {
	for _, c := range credentials {
		f.Add(strings.Repeat(c, 3), false)
		f.Add("sh -c '"+c+" \"$X ${Y:-"+c+"}\"'", true)
	}
	f.Fuzz(func(t *testing.T, text string, list bool) {
		cputime.Limit(t, len(text), func() {
			raw := []string{text}
			if list {
				raw = strings.Split(text, " ")
			}
			for _, l := range inspectCommand(secret.Policy{}, raw, list) {
				if l.start < 0 || l.end < l.start || l.end > len(raw[l.node]) {
					t.Fatalf("%d..%d of %d", l.start, l.end, len(raw[l.node]))
				}
			}
		})
	})
}

// FuzzValue interpolates a value and looks for secrets in it.
func FuzzValue(f *testing.F) {
	for _, c := range credentials {
		f.Add("A_TOKEN", strings.Repeat(c, 3))
		f.Add("A", "${B:-"+c+"${C?"+c+"}}$$"+c)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		cputime.Limit(t, len(name)+len(value), func() {
			for _, l := range append(inspect(secret.Policy{}, name, value), inspectVerbatim(secret.Policy{}, name, value)...) {
				if l.start < 0 || l.end < l.start || l.end > len(value) {
					t.Fatalf("%d..%d of %d", l.start, l.end, len(value))
				}
			}
			evaluate(value, map[string]string{"B": value})
			Variables(value)
		})
	})
}

// FuzzIgnore matches patterns of a .gitignore or .dockerignore.
func FuzzIgnore(f *testing.F) {
	for _, p := range []string{"*.env", "/a/**/b", "**/**/**", "!x\n\\#y\n", "[a-", "a*a*a*a*b", "?\\", "[^a]/", " \t"} {
		f.Add(p, "a/b/c.env")
		f.Add(strings.Repeat(p, 20), strings.Repeat("a", 200))
		f.Add(strings.Repeat("**/"+p+"\n", 2000), strings.Repeat("a/", 50))
	}
	f.Fuzz(func(t *testing.T, patterns, path string) {
		cputime.Limit(t, len(patterns)+len(path), func() {
			matchIgnore(parseIgnore([]byte(patterns), "/r"), filepath.Join("/r", path), false)
			parseDockerignore([]byte(patterns), "/r").leavesOut(filepath.Join("/r", path))
		})
	})
}

// FuzzConfig reads .compose-secure.yaml and a baseline.
func FuzzConfig(f *testing.F) {
	f.Add([]byte("rules: {CS001: off}\nexclude: [a]\nsecret: [A*]\nplain: ['[']\nseverity: info\nbaseline: b.json\n"))
	f.Add([]byte("a: &a {<<: *a}\n"))
	f.Add([]byte(`{"version":1,"findings":{"CS001 a.yaml A":2}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cputime.Limit(t, len(data), func() {
			_, _ = ParseConfig("c", data)
			_, _ = ParseBaseline(data)
		})
	})
}
