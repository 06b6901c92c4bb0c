package lint

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

func project(t *testing.T, files string) string {
	t.Helper()
	return unpack(t, txtar.Parse([]byte(files)), "")
}

// places gives file:line:column of every finding.
func places(r *Report) []string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, strings.Join([]string{f.Rule, f.File, position(f.Line, f.Column)}, " "))
	}
	return list
}

func position(line, column int) string {
	return strings.Join([]string{itoa(line), itoa(column)}, ":")
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestFollowsWhatFilesName(t *testing.T) {
	dir := project(t, `
-- main/compose.yaml --
include:
  - path: ../other/compose.yaml
    env_file: ../other/included.env
services:
  a:
    extends:
      file: ../base.yaml
      service: base
    build:
      context: ../image
      dockerfile: Containerfile
  b:
    build:
      context: .
      dockerfile_inline: |
        FROM alpine
        ENV API_KEY=hunter2
    env_file: ${UNKNOWN}.env
-- main/.env --
A_PASSWORD=hunter2
-- other/compose.yaml --
services:
  c:
    environment: {C_PASSWORD: hunter2}
-- other/included.env --
D_PASSWORD=hunter2
-- base.yaml --
services:
  base:
    environment: [E_PASSWORD=hunter2]
-- image/Containerfile --
FROM alpine
ENV F_PASSWORD=hunter2
-- unrelated/compose.yaml --
services:
  x:
    environment: {X_PASSWORD: hunter2}
`)
	got := places(lintDir(t, dir, Options{Severity: Error}, "main/compose.yaml"))
	want := []string{
		"CS001 base.yaml 3:30", "CS013 image/Containerfile 2:16", "CS003 main/.env 1:12", "CS013 main/compose.yaml 17:21",
		"CS001 other/compose.yaml 3:31", "CS003 other/included.env 1:12",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A variable is a secret where a service takes it as one, whatever its name.
func TestAliases(t *testing.T) {
	dir := project(t, `
-- compose.yaml --
x-compose-secure: {plain: [PLAIN_*]}
services:
  a:
    build:
      args: {NPM_TOKEN: "${BUILD_A}", A_TOKEN: "${PLAIN_A}"}
    environment:
      - A_PASSWORD=${ROOT_A:-}
      - B_PASSWORD=${ROOT_B:-${ROOT_C}}
      - C_PASSWORD=x${PART}
      - D_PASSWORD=${SET:+yes}
      - E_USER=${USER_E}
      - F_PASSWORD_FILE=${FILE_F}
      - G_PASSWORD=$$TEXT
      - AWS_ACCESS_KEY_ID=${STORE_USER}
      - S3_ACCESS_KEY=${STORE_USER}
      - AWS_SECRET_ACCESS_KEY=${STORE_PHRASE}
-- docker-compose.yaml --
services:
  a:
    environment: {H_PASSWORD: $ROOT_H}
-- .env --
ROOT_A=hunter2
ROOT_B='hunter2'
ROOT_C=${OTHER}
PART=hunter2
SET=hunter2
USER_E=hunter2
FILE_F=hunter2
TEXT=hunter2
ROOT_H=hunter2
BUILD_A=hunter2
PLAIN_A=hunter2
PLAIN_TOKEN=hunter2
STORE_USER=hunter2
STORE_PHRASE=hunter2
-- .env.example --
ROOT_A=hunter2
-- .env.prod --
ROOT_A=/run/secrets/a
ROOT_H=hunter2
-- app.env --
ROOT_A=hunter2
-- sub/.env --
ROOT_A=hunter2
`)
	report := lintDir(t, dir, Options{Rules: []string{"CS003"}})
	got := places(report)
	want := []string{
		"CS003 .env 1:8", "CS003 .env 2:9", "CS003 .env 4:6", "CS003 .env 9:8", "CS003 .env 10:9", "CS003 .env 14:14", "CS003 .env.example 1:8", "CS003 .env.prod 2:8",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var byHand []string
	for _, f := range report.Findings {
		if f.File == ".env" && f.Fix.By == ByHand {
			byHand = append(byHand, f.Key+": "+f.Fix.Text)
		}
	}
	wantByHand := []string{
		"BUILD_A: build argument NPM_TOKEN takes it and cannot become a build secret (its Dockerfile cannot be read); use build.secrets and RUN --mount=type=secret by hand",
	}
	if diff := cmp.Diff(wantByHand, byHand); diff != "" {
		t.Errorf("by hand (-want +got):\n%s", diff)
	}
}

func TestWalk(t *testing.T) {
	dir := project(t, `
-- git --
-- .gitignore --
ignored/
*.local.yml
!kept.local.yml
-- compose.yaml --
services: {a: {environment: [A_PASSWORD=hunter2]}}
-- sub/docker-compose.prod.yml --
services: {a: {environment: [A_PASSWORD=hunter2]}}
-- sub/stack.yml --
services:
  a:
    image: x
    environment: [A_PASSWORD=hunter2]
-- sub/values.yml --
password: hunter2
-- sub/Dockerfile.dev --
FROM x
ENV A_PASSWORD=hunter2
-- sub/Dockerfile.md --
ENV A_PASSWORD=hunter2
-- sub/app.env --
A_PASSWORD=hunter2
-- sub/.env.example --
A_PASSWORD=hunter2
-- ignored/compose.yaml --
services: {a: {environment: [A_PASSWORD=hunter2]}}
-- x.local.yml --
services: {a: {image: x, environment: [A_PASSWORD=hunter2]}}
-- kept.local.yml --
services:
  a: {image: x, environment: [A_PASSWORD=hunter2]}
-- node_modules/p/compose.yaml --
services: {a: {environment: [A_PASSWORD=hunter2]}}
`)
	got := places(lintDir(t, dir, Options{Severity: Error}))
	want := []string{
		"CS001 compose.yaml 1:41", "CS001 kept.local.yml 2:42", "CS013 sub/Dockerfile.dev 2:16", "CS003 sub/app.env 1:12",
		"CS001 sub/docker-compose.prod.yml 1:41", "CS001 sub/stack.yml 4:30",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := places(lintDir(t, dir, Options{Severity: Error, Exclude: []string{"sub", "*.yaml", "kept*"}})); len(got) != 0 {
		t.Errorf("excluded files give %q", got)
	}
}

func TestPositions(t *testing.T) {
	dir := project(t, `
-- compose.yaml --
services:
  a:
    environment:
      A_PASSWORD: "hun\"ter2"
      B_PASSWORD: 'hun''ter2'
      "ü_PASSWORD": hunter2
      C_URL: >-
        first line
        postgres://u:hunter2@db
      D_URL: "first \
        postgres://u:hunter2@db"
      E_URL: |
        u
        postgres://u:u@db
`)
	r := lintDir(t, dir, Options{})
	want := []string{
		"CS001 compose.yaml 4:20", "CS001 compose.yaml 5:20", "CS001 compose.yaml 6:21", "CS005 compose.yaml 9:22",
		"CS005 compose.yaml 11:22", "CS005 compose.yaml 14:22",
	}
	if diff := cmp.Diff(want, places(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var b strings.Builder
	if err := Write(&b, r, "text", "", false); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "ter2") {
		t.Errorf("a value is shown:\n%s", b.String())
	}
}

func TestNotProjects(t *testing.T) {
	tests := []struct {
		name, data string
		want       []string
		problem    bool
	}{
		{"first format", "db:\n  image: x\n  environment:\n    A_PASSWORD: hunter2\n", []string{"CS001 <stdin> 4:17"}, false},
		{"several documents", "services: {}\n---\nservices: {a: {environment: {A_PASSWORD: hunter2}}}\n", []string{"CS001 <stdin> 3:42"}, false},
		{"broken", "services:\n  a:\n   environment:\n     - A_PASSWORD=hunter2\n  {{ if }}\n", []string{"CS001 <stdin> 4:19"}, true},
		{"a list", "- a\n", nil, false},
		{"empty", "", nil, false},
		{"odd kinds", "services: [1]\nsecrets: x\nx-a: 1\n", nil, false},
		{"odd service", "services: {a: 1, b: {environment: 3, command: {a: b}, build: [x], env_file: {}}}\n", nil, false},
		{"duplicate keys", "services:\n  a:\n    environment:\n      A_PASSWORD: hunter2\n      A_PASSWORD: hunter2\n", []string{"CS001 <stdin> 4:19", "CS001 <stdin> 5:19"}, false},
		{"accounts", "services: {a: {image: example/sftp, command: 'app:hunter2:1001 1000:1000 b:$$X:1'}}\n", []string{"CS006 <stdin> 1:51"}, false},
		{"no accounts", "services: {a: {image: socat, command: 'tcp-connect:db:5432'}}\n", nil, false},
		{"list of mappings", "services: {a: {environment: [A_PASSWORD: hunter2, [x]]}}\n", []string{"CS001 <stdin> 1:42"}, false},
		{"alias loop", "a: &a [*a]\nservices: {x: {labels: *a, command: *a, environment: *a}}\n", nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Run(t.Context(), Options{Plan: planner, Dir: t.TempDir(), Stdin: strings.NewReader(tt.data), Severity: Error}, []string{"-"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, places(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (len(r.Problems) > 0) != tt.problem && tt.name != "alias loop" {
				t.Errorf("problems %q", r.Problems)
			}
		})
	}
}

// TestAliasBomb proves that nested aliases do not multiply the work.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("x-0: &a0 {A: b, B: c}\n")
	for n := 1; n < 30; n++ {
		b.WriteString("x-" + itoa(n) + ": &a" + itoa(n) + " {")
		for k := range 9 {
			b.WriteString("k" + itoa(k) + ": *a" + itoa(n-1) + ", ")
		}
		b.WriteString("}\n")
	}
	b.WriteString("services: {a: {labels: *a29, environment: *a29, logging: *a29, volumes: *a29}}\n")
	if _, err := Run(t.Context(), Options{Plan: planner, Dir: t.TempDir(), Stdin: strings.NewReader(b.String())}, []string{"-"}); err != nil {
		t.Fatal(err)
	}
}

func TestConfigAndBaseline(t *testing.T) {
	dir := project(t, `
-- compose.yaml --
services:
  a:
    environment:
      A_PASSWORD: hunter2
      B_PASSWORD: hunter2
      ACME: hunter2
`)
	c, err := ParseConfig("c", []byte("rules: {CS001: warning}\nsecret: [acme]\nplain: [B_*]\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := lintDir(t, dir, Options{Config: c})
	if diff := cmp.Diff([]string{"CS001 compose.yaml 4:19", "CS001 compose.yaml 6:13"}, places(r)); diff != "" || r.Findings[0].Severity != Warning {
		t.Errorf("severity %s (-want +got):\n%s", r.Findings[0].Severity, diff)
	}
	if got := lintDir(t, dir, Options{Config: c, Severity: Error}); len(got.Findings) != 0 {
		t.Errorf("warnings pass --severity error: %q", places(got))
	}
	var b bytes.Buffer
	if err := NewBaseline(r.Findings[:1]).Write(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter2") {
		t.Error("the baseline holds a value")
	}
	known, err := ParseBaseline(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r = lintDir(t, dir, Options{Config: c, Baseline: known})
	if diff := cmp.Diff([]string{"CS001 compose.yaml 6:13"}, places(r)); diff != "" || r.Summary.Baseline != 1 {
		t.Errorf("with a baseline, %d known (-want +got):\n%s", r.Summary.Baseline, diff)
	}
	twice := project(t, "-- compose.yaml --\nservices: {a: {image: x, command: redis-cli -a hunter2 --token hunter2}}\n")
	all := lintDir(t, twice, Options{})
	if got := lintDir(t, twice, Options{Baseline: NewBaseline(all.Findings[:1])}); len(all.Findings) != 2 || len(got.Findings) != 1 {
		t.Errorf("of two findings with one fingerprint, a baseline with one leaves %q of %q", places(got), places(all))
	}
	c.Rules["CS001"] = Off
	if got := lintDir(t, dir, Options{Config: c}); len(got.Findings) != 0 {
		t.Errorf("a rule that is off gives %q", places(got))
	}
}

func TestBadOptions(t *testing.T) {
	for name, tt := range map[string]struct {
		run  func() error
		want string
	}{
		"unknown key":      {func() error { _, err := ParseConfig("c", []byte("rule: x\n")); return err }, `c:1: unknown key "rule"`},
		"unknown rule":     {func() error { _, err := ParseConfig("c", []byte("rules: {CS999: off}\n")); return err }, `c:1: there is no rule "CS999"`},
		"unknown severity": {func() error { _, err := ParseConfig("c", []byte("severity: x\n")); return err }, `c:1: severity is off, info`},
		"bad glob":         {func() error { _, err := ParseConfig("c", []byte("plain: ['[']\n")); return err }, "is not a glob"},
		"no baseline":      {func() error { _, err := ParseBaseline([]byte("{}")); return err }, "not a baseline"},
		"unknown --rule":   {func() error { _, err := Run(t.Context(), Options{Rules: []string{"x"}}, nil); return err }, `there is no rule "x"`},
		"missing path":     {func() error { _, err := Run(t.Context(), Options{Dir: t.TempDir()}, []string{"x"}); return err }, "x: no such file"},
		"unknown explain":  {func() error { _, err := Explain("x"); return err }, `there is no rule "x"`},
	} {
		if err := tt.run(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

func TestReports(t *testing.T) {
	dir := project(t, `
-- a,b/compose.yaml --
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_PASSWORD: hunter2 # and hunter3
`)
	r := lintDir(t, dir, Options{})
	want := map[string]string{
		"text": `a,b/compose.yaml:5:26: error: POSTGRES_PASSWORD holds a plaintext secret [CS001]
    5 |       POSTGRES_PASSWORD: [redacted] # and hunter3
      |                          ^^^^^^^^^^
  hint: compose-secure migrate moves it; up then delivers it as a file in RAM
  fix: file: the image reads POSTGRES_PASSWORD_FILE
1 finding in 1 file: 1 error, 0 warnings
`,
		"github": "::error file=a%2Cb/compose.yaml,line=5,endLine=5,col=26,endColumn=33,title=compose-secure CS001::" +
			"POSTGRES_PASSWORD holds a plaintext secret; hint: compose-secure migrate moves it; up then delivers it as a file in RAM\n",
	}
	for format, want := range want {
		var b strings.Builder
		if err := Write(&b, r, format, "", false); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	var b bytes.Buffer
	if err := Write(&b, r, "sarif", "v1", false); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	res := log.Runs[0].Results[0]
	fix := res.Fixes[0].Changes[0].Replacements[0]
	if res.RuleID != log.Runs[0].Tool.Driver.Rules[res.RuleIndex].ID || fix.Inserted.Text != "${POSTGRES_PASSWORD}" || fix.Deleted.StartColumn != 26 {
		t.Errorf("sarif result %+v", res)
	}
}

func TestMatchIgnore(t *testing.T) {
	tests := []struct {
		patterns, path string
		want           bool
	}{
		{"*.env", "/r/a/b.env", true},
		{"/b.env", "/r/a/b.env", false},
		{"/a/*.env", "/r/a/b.env", true},
		{"a/", "/r/a/b.env", true},
		{"a/", "/r/x/a", false},
		{"**/c/*", "/r/a/b/c/d", true},
		{"a/**", "/r/a/b/c", true},
		{"*\n!b.env", "/r/b.env", false},
		{"# a\n\n \n", "/r/a", false},
		{`\#a`, "/r/#a", true},
		{"*.env", "/other/b.env", false},
	}
	for _, tt := range tests {
		if got := matchIgnore(parseIgnore([]byte(tt.patterns), "/r"), tt.path, false); got != tt.want {
			t.Errorf("%q on %s: %t, want %t", tt.patterns, tt.path, got, tt.want)
		}
	}
}

func FuzzRun(f *testing.F) {
	for _, r := range Rules() {
		a, err := txtar.ParseFile(filepath.Join("testdata", "rules", r.ID+".txtar"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(file.Data)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, k := range []kind{kindCompose, kindEnv, kindDockerfile} {
			var findings []Finding
			cputime.Limit(t, len(data), func() {
				l := &linter{options: Options{Dir: dir, Severity: Info, Plan: planner}, rules: Rules(), files: newFiles(dir), seen: map[string]bool{}, stdin: data}
				findings = l.file(fileRef{path: "-", kind: k}).findings
			})
			for _, fd := range findings {
				if fd.start < 0 || fd.end > len(data) || fd.start > fd.end {
					t.Fatalf("%s: %d..%d of %d", fd.Rule, fd.start, fd.end, len(data))
				}
			}
		}
	})
}
