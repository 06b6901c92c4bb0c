package compose

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/compose-secure/compose-secure/secret"
)

// project writes files below a new directory, changes to it and loads the project there.
func loadFiles(t *testing.T, files map[string]string, o Options) (*Project, error) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(context.Background(), o)
}

// fakeSOPS takes a file with a line sops_mac= for encrypted, and its values of
// the form ENC[...] for secrets.
type fakeSOPS struct{}

func (fakeSOPS) Inspect(path string, data []byte) ([]EncryptedVariable, bool, error) {
	if !strings.Contains(string(data), "sops_mac=") {
		return nil, false, nil
	}
	var vars []EncryptedVariable
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case name == "sops_mac":
		case strings.HasPrefix(value, "ENC["):
			vars = append(vars, EncryptedVariable{Name: name, Ref: &secret.Ref{Scheme: "sops", Path: path, Key: []string{name}}})
		default:
			vars = append(vars, EncryptedVariable{Name: name, Plain: value})
		}
	}
	return vars, true, nil
}

func (fakeSOPS) WholeFile(path string, data []byte) (secret.Ref, bool, error) {
	return secret.Ref{Scheme: "sops", Path: path}, strings.Contains(string(data), "sops_mac="), nil
}

// environment lists the services' variables with ${NAME} for each secret.
func environment(p *Project) map[string]map[string]string {
	all := map[string]map[string]string{}
	for name, s := range p.Services {
		all[name] = map[string]string{}
		for k, v := range s.Environment {
			all[name][k] = "<null>"
			if v != nil {
				all[name][k] = p.Inputs.Redact(*v)
			}
		}
	}
	return all
}

const db = "services:\n  db:\n    image: busybox\n"

func TestLoadEnvironment(t *testing.T) {
	type files = map[string]string
	type vars = map[string]string
	tests := map[string]struct {
		files   files
		options Options
		want    vars // of service db
	}{
		"map": {
			files{"compose.yaml": db + "    environment: {A: 1, B: '', C: , DB_PASSWORD: \"$DB_PASSWORD\"}\n"},
			Options{Environ: []string{"DB_PASSWORD=hunter2"}},
			vars{"A": "1", "B": "", "C": "<null>", "DB_PASSWORD": "${DB_PASSWORD}"},
		},
		"list": {
			files{"compose.yaml": db + "    environment: [A=1, B=, C, D, 'DB_PASSWORD=$DB_PASSWORD', 'X=a=b']\n"},
			Options{Environ: []string{"DB_PASSWORD=hunter2", "D=d"}},
			vars{"A": "1", "B": "", "C": "<null>", "D": "d", "DB_PASSWORD": "${DB_PASSWORD}", "X": "a=b"},
		},
		"null takes the environment's": {
			files{"compose.yaml": db + "    environment:\n      DB_PASSWORD:\n      A:\n      B: null\n"},
			Options{Environ: []string{"DB_PASSWORD=hunter2", "A=a"}},
			vars{"DB_PASSWORD": "${DB_PASSWORD}", "A": "a", "B": "<null>"},
		},
		"several files": {
			files{
				"compose.yaml": db + "    environment: {A: 1, B: 1}\n",
				"second.yaml":  "services: {db: {environment: [B=2, C=2]}}\n",
			},
			Options{Files: []string{"compose.yaml", "second.yaml"}},
			vars{"A": "1", "B": "2", "C": "2"},
		},
		"override file": {
			files{"compose.yaml": db + "    environment: {A: 1}\n", "compose.override.yaml": "services: {db: {environment: {A: \"$TOKEN\"}}}\n"},
			Options{Environ: []string{"TOKEN=hunter2"}},
			vars{"A": "${TOKEN}"},
		},
		"COMPOSE_FILE": {
			files{"a.yaml": db + "    environment: {A: 1}\n", "b.yaml": "services: {db: {environment: {A: 2}}}\n"},
			Options{Environ: []string{"COMPOSE_FILE=a.yaml:b.yaml"}},
			vars{"A": "2"},
		},
		"COMPOSE_FILE in .env": {
			files{".env": "COMPOSE_FILE=a.yaml;b.yaml\nCOMPOSE_PATH_SEPARATOR=;\n", "a.yaml": db + "    environment: {A: 1}\n", "b.yaml": "services: {db: {environment: {A: 2}}}\n"},
			Options{},
			vars{"A": "2"},
		},
		"interpolation": {
			files{"compose.yaml": db + `    environment:
      DEFAULT: ${UNSET:-one}
      DEFAULT_OF_EMPTY: ${EMPTY:-one}
      EMPTY_IS_SET: ${EMPTY-one}
      ALTERNATIVE: ${DB_PASSWORD:+set}
      NO_ALTERNATIVE: ${UNSET:+set}
      REQUIRED: ${DB_PASSWORD:?needed}
      NESTED: ${UNSET:-${DB_PASSWORD}}
      DEEP: ${UNSET:-${EMPTY:-${TOKEN-none}}}
      SECRET_DEFAULT: ${DB_PASSWORD:-changeme}
      NO_SECRET: ${DB_PASSWORD_FILE:-/x}
      ESCAPED: a$$b $${DB_PASSWORD}
`},
			Options{Environ: []string{"EMPTY=", "DB_PASSWORD=hunter2", "TOKEN=hunter3"}},
			vars{
				"DEFAULT": "one", "DEFAULT_OF_EMPTY": "one", "EMPTY_IS_SET": "", "ALTERNATIVE": "set", "NO_ALTERNATIVE": "",
				"REQUIRED": "${DB_PASSWORD}", "NESTED": "${DB_PASSWORD}", "DEEP": "${TOKEN}", "SECRET_DEFAULT": "${DB_PASSWORD}",
				"NO_SECRET": "/x", "ESCAPED": "a$b ${DB_PASSWORD}",
			},
		},
		"in the middle of a value": {
			files{"compose.yaml": db + "    environment: {URL: 'postgres://app:${DB_PASSWORD}@db/app?x=${MODE}'}\n"},
			Options{Environ: []string{"DB_PASSWORD=hunter2", "MODE=plain"}},
			vars{"URL": "postgres://app:${DB_PASSWORD}@db/app?x=plain"},
		},
		"anchors and merges": {
			files{"compose.yaml": "x-env: &env {A: 1, B: \"$TOKEN\"}\nx-more: &more {C: 3, A: 9}\nservices:\n  db:\n    image: x\n    environment:\n      <<: [*env, *more]\n      D: &d four\n      E: *d\n"},
			Options{Environ: []string{"TOKEN=hunter2"}},
			vars{"A": "1", "B": "${TOKEN}", "C": "3", "D": "four", "E": "four"},
		},
		"precedence: process, env files, x-compose-secure.sops": {
			files{
				"compose.yaml": "x-compose-secure: {sops: [s.enc.env]}\n" + db + "    environment: {A: $A, B: $B, C: $C, D: $D}\n",
				"s.enc.env":    "A=ENC[1]\nB=ENC[1]\nC=ENC[1]\nD=ENC[1]\nsops_mac=x\n",
				"one.env":      "A=one\nB=one\nC=one\n", "two.env": "A=two\nB=two\n",
			},
			Options{EnvFiles: []string{"one.env", "two.env"}, Environ: []string{"A=process"}},
			vars{"A": "process", "B": "two", "C": "one", "D": "${D}"},
		},
		"--env-file takes the place of .env": {
			files{"compose.yaml": db + "    environment: {A: '$A', B: '$B'}\n", ".env": "A=dot\nB=dot\n", "one.env": "A=one\n"},
			Options{EnvFiles: []string{"one.env"}},
			vars{"A": "one", "B": ""},
		},
		"COMPOSE_ENV_FILES": {
			files{"compose.yaml": db + "    environment: {A: $A, B: $B}\n", "one.env": "A=one\nB=one\n", "two.env": "B=two\n"},
			Options{Environ: []string{"COMPOSE_ENV_FILES=one.env,two.env"}},
			vars{"A": "one", "B": "two"},
		},
		"env files build on each other": {
			files{"compose.yaml": db + "    environment: {A: $A}\n", "one.env": "HOST_NAME=h\n", "two.env": "A=http://${HOST_NAME}/${FROM_PROCESS}\n"},
			Options{EnvFiles: []string{"one.env", "two.env"}, Environ: []string{"FROM_PROCESS=p"}},
			vars{"A": "http://h/p"},
		},
		"a secret of an env file in another value": {
			files{"compose.yaml": db + "    environment: {URL: $URL}\n", ".env": "DB_PASSWORD=hunter2\nURL=postgres://app:${DB_PASSWORD}@db/app\n"},
			Options{},
			vars{"URL": "${URL}"},
		},
		"a secret of an env file in a value that does not look secret": {
			files{"compose.yaml": db + "    environment: {NOTE: $NOTE, LATER: $LATER, BOTH: $BOTH}\n", ".env": "DB_PASSWORD=hunter2\nNOTE=x-${DB_PASSWORD}\nBOTH=$TOKEN+$DB_PASSWORD\n", "two.env": "LATER=<$NOTE>\n"},
			Options{EnvFiles: []string{".env", "two.env"}, Environ: []string{"TOKEN=hunter3"}},
			vars{"NOTE": "x-${DB_PASSWORD}", "LATER": "<x-${DB_PASSWORD}>", "BOTH": "${TOKEN}+${DB_PASSWORD}"},
		},
		"the same in an env_file": {
			files{"compose.yaml": db + "    env_file: a.env\n    environment: {OWN_TOKEN: hunter4}\n", "a.env": "DB_PASSWORD=hunter2\nNOTE=x-${DB_PASSWORD}\nOWN=$OWN_TOKEN\n"},
			Options{},
			vars{"NOTE": "x-${DB_PASSWORD}", "DB_PASSWORD": "${DB_PASSWORD}", "OWN": "${OWN_TOKEN}", "OWN_TOKEN": "hunter4"},
		},
		"the same in an included env file": {
			files{
				"compose.yaml": "include: [sub/compose.yaml]\n", "sub/compose.yaml": db + "    environment: {NOTE: $NOTE}\n",
				"sub/.env": "DB_PASSWORD=hunter2\nNOTE=x-${DB_PASSWORD}\n",
			},
			Options{},
			vars{"NOTE": "x-${DB_PASSWORD}"},
		},
		"an encrypted value in another env file": {
			files{"compose.yaml": db + "    environment: {NOTE: $NOTE}\n", "a.env": "X=ENC[1]\nsops_mac=x\n", "b.env": "NOTE=x-$X\n"},
			Options{EnvFiles: []string{"a.env", "b.env"}},
			vars{"NOTE": "x-${X}"},
		},
		"encrypted .env": {
			files{"compose.yaml": db + "    environment: {NAME: $NAME, MODE: $MODE}\n", ".env": "NAME=ENC[x]\nMODE=fast\nsops_mac=x\n"},
			Options{},
			vars{"NAME": "${NAME}", "MODE": "fast"},
		},
		"unencrypted part that looks secret": {
			files{"compose.yaml": db + "    environment: {TOKEN: $TOKEN}\n", ".env": "TOKEN=clear\nsops_mac=x\n"},
			Options{},
			vars{"TOKEN": "${TOKEN}"},
		},
		"declared plain, which opens nothing that is encrypted": {
			files{"compose.yaml": "x-compose-secure: {plain: [NAME, TOKEN]}\n" + db + "    environment: {NAME: $NAME, TOKEN: $TOKEN}\n", ".env": "NAME=ENC[x]\nsops_mac=x\n"},
			Options{Environ: []string{"TOKEN=shown"}},
			vars{"NAME": "${NAME}", "TOKEN": "shown"},
		},
		"declared secret": {
			files{"compose.yaml": "x-compose-secure: {secret: [LICEN*]}\n" + db + "    environment: {LICENCE: $LICENCE, MODE: $MODE}\n"},
			Options{Environ: []string{"LICENCE=hunter2", "MODE=m"}},
			vars{"LICENCE": "${LICENCE}", "MODE": "m"},
		},
		"policy as strings": {
			files{"compose.yaml": "x-compose-secure: {secret: LICENCE, plain: TOKEN}\n" + db + "    environment: {LICENCE: $LICENCE, TOKEN: $TOKEN}\n"},
			Options{Environ: []string{"LICENCE=hunter2", "TOKEN=shown"}},
			vars{"LICENCE": "${LICENCE}", "TOKEN": "shown"},
		},
		"file as a string": {
			files{"compose.yaml": "x-compose-secure: {sops: s.env}\n" + db + "    environment: {A: $A}\n", "s.env": "A=ENC[x]\nsops_mac=x\n"},
			Options{},
			vars{"A": "${A}"},
		},
		"policy as string and list": {
			files{
				"compose.yaml":          "x-compose-secure: {secret: LICENCE, plain: [A]}\n" + db + "    environment: {LICENCE: $LICENCE, SEAT: $SEAT, TOKEN: $TOKEN}\n",
				"compose.override.yaml": "x-compose-secure: {secret: [SEAT], plain: TOKEN}\n",
			},
			Options{Environ: []string{"LICENCE=hunter2", "SEAT=hunter3", "TOKEN=shown"}},
			vars{"LICENCE": "${LICENCE}", "SEAT": "${SEAT}", "TOKEN": "shown"},
		},
		"policy of a second file": {
			files{"compose.yaml": db + "    environment: {LICENCE: $LICENCE}\n", "compose.override.yaml": "x-compose-secure: {secret: [LICENCE]}\n"},
			Options{Environ: []string{"LICENCE=hunter2"}},
			vars{"LICENCE": "${LICENCE}"},
		},
		"policy of a second document": {
			files{"compose.yaml": db + "    environment: {LICENCE: $LICENCE}\n---\nx-compose-secure: {secret: [LICENCE]}\n"},
			Options{Environ: []string{"LICENCE=hunter2"}},
			vars{"LICENCE": "${LICENCE}"},
		},
		"secret of an included file": {
			files{
				"compose.yaml": "include: [sub/compose.yaml]\n", ".env": "LICENCE=hunter2\nNOTE=x-$LICENCE\n",
				"sub/compose.yaml": "x-compose-secure: {secret: [LICENCE, SEAT*]}\n" + db + "    environment: {A: $LICENCE, B: $NOTE, C: $SEATS, D: $SEAT_NOTE, E: $MODE}\n",
				"sub/.env":         "SEATS=hunter3\nMODE=fast-$SEATS\n",
			},
			Options{Environ: []string{"SEAT_NOTE=hunter4"}},
			vars{"A": "${LICENCE}", "B": "x-${LICENCE}", "C": "${SEATS}", "D": "${SEAT_NOTE}", "E": "fast-${SEATS}"},
		},
		"reference in a variable": {
			files{"compose.yaml": db + "    environment: {A: $A}\n", ".env": "A=ref+file://x\n"},
			Options{},
			vars{"A": "${A}"},
		},
		"env_file": {
			files{
				"compose.yaml": db + "    env_file:\n      - a.env\n      - {path: b.env, required: true}\n      - {path: missing.env, required: false}\n      - {path: raw.env, format: raw}\n    environment: {OWN: own, OVER: own}\n",
				"a.env":        "A=a\nOVER=file\nDB_PASSWORD=hunter2\nREFERS=$OUTER/$OWN\n", "b.env": "A=b\nAFTER=${A}\n",
				"raw.env": "# comment\nRAW=\"$A\"\nTOKEN=a # b\n\nBARE\n",
			},
			Options{Environ: []string{"OUTER=outer", "BARE=bare"}},
			vars{"A": "b", "AFTER": "a", "OVER": "own", "OWN": "own", "DB_PASSWORD": "${DB_PASSWORD}", "REFERS": "outer/own", "RAW": "\"$A\"", "TOKEN": "${TOKEN}", "BARE": "bare"},
		},
		"encrypted env_file": {
			files{"compose.yaml": db + "    env_file: a.env\n    environment: [B=own]\n", "a.env": "A=ENC[1]\nB=ENC[1]\nC=clear\nsops_mac=x\n"},
			Options{},
			vars{"A": "${A}", "B": "own", "C": "clear"},
		},
		"secret of the process in an env_file": {
			files{"compose.yaml": db + "    env_file: a.env\n", "a.env": "URL=x://u:${DB_PASSWORD}@h\n"},
			Options{Environ: []string{"DB_PASSWORD=hunter2"}},
			vars{"URL": "x://u:${DB_PASSWORD}@h"},
		},
		"include with env_file": {
			files{
				"compose.yaml":     "include:\n  - path: sub/compose.yaml\n    env_file: sub.env\n",
				"sub/compose.yaml": db + "    environment: {A: $A, DB_PASSWORD: $DB_PASSWORD, WHO: $WHO}\n",
				"sub.env":          "A=sub\nDB_PASSWORD=hunter2\nWHO=sub\n",
			},
			Options{Environ: []string{"WHO=process"}},
			vars{"A": "sub", "DB_PASSWORD": "${DB_PASSWORD}", "WHO": "process"},
		},
		"include with its own .env": {
			files{"compose.yaml": "include: [sub/compose.yaml]\n", "sub/compose.yaml": db + "    environment: {TOKEN: $TOKEN}\n", "sub/.env": "TOKEN=hunter2\n"},
			Options{},
			vars{"TOKEN": "${TOKEN}"},
		},
		"include with an encrypted env_file": {
			files{
				"compose.yaml":     "include:\n  - path: [sub/compose.yaml]\n    env_file: [sub.env]\n",
				"sub/compose.yaml": db + "    environment: {A: '<$A>', B: $B}\n", "sub.env": "A=ENC[1]\nB=clear\nsops_mac=x\n",
			},
			Options{},
			vars{"A": "<${A}>", "B": "clear"},
		},
		"include with an encrypted env_file, list form": {
			files{
				"compose.yaml":     "include:\n  - path: [sub/compose.yaml]\n    env_file: [sub.env]\n",
				"sub/compose.yaml": db + "    environment: [A, B]\n", "sub.env": "A=ENC[1]\nB=clear\nsops_mac=x\n",
			},
			Options{},
			vars{"A": "${A}", "B": "clear"},
		},
		"include of an include, encrypted .env": {
			files{
				"compose.yaml": "include: [a/compose.yaml]\n", "a/compose.yaml": "include: [b/compose.yaml]\n",
				"a/b/compose.yaml": db + "    environment: {A: $A}\n", "a/b/.env": "A=ENC[1]\nsops_mac=x\n",
			},
			Options{},
			vars{"A": "${A}"},
		},
		"include with project_directory": {
			files{
				"compose.yaml": "include: [{path: sub/compose.yaml, project_directory: other}]\n", "sub/compose.yaml": db + "    environment: {A: $A}\n    env_file: x.env\n",
				"other/.env": "A=ENC[1]\nsops_mac=x\n", "other/x.env": "B=1\n",
			},
			Options{},
			vars{"A": "${A}", "B": "1"},
		},
		"a secret of an outer include in the env file of an inner one": {
			files{
				"compose.yaml":    "include: [l1/compose.yaml]\n",
				"l1/compose.yaml": "include: [l2/compose.yaml]\n", "l1/.env": "DB_PASSWORD=hunter2\n",
				"l1/l2/compose.yaml": db + "    environment: {A: $DERIVED}\n", "l1/l2/.env": "DERIVED=l2-${DB_PASSWORD}\n",
			},
			Options{},
			vars{"A": "l2-${DB_PASSWORD}"},
		},
		"a secret of an env file in the next one of the include": {
			files{
				"compose.yaml":     "include: [{path: sub/compose.yaml, env_file: [m1.env, m2.env]}]\n",
				"sub/compose.yaml": db + "    environment: [A, 'B=$DERIVED', 'C=$X']\n", "m1.env": "DB_PASSWORD=hunter2\nX=1\n", "m2.env": "DERIVED=m2-${DB_PASSWORD}\nA=$DERIVED\nX=2\n",
			},
			Options{},
			vars{"A": "m2-${DB_PASSWORD}", "B": "m2-${DB_PASSWORD}", "C": "2"},
		},
		"an encrypted value in the next env file of the include": {
			files{
				"compose.yaml":     "include: [{path: sub/compose.yaml, env_file: [m1.env, m2.env]}]\n",
				"sub/compose.yaml": db + "    environment: [A]\n", "m1.env": "X=ENC[1]\nsops_mac=x\n", "m2.env": "A=m2-$X\n",
			},
			Options{},
			vars{"A": "m2-${X}"},
		},
		"include of a path with a variable": {
			files{
				"compose.yaml":     "include: ['${DIR}/compose.yaml']\n",
				"sub/compose.yaml": db + "    environment: {A: $DERIVED}\n", "sub/.env": "DB_PASSWORD=hunter2\nDERIVED=x-${DB_PASSWORD}\n",
			},
			Options{Environ: []string{"DIR=sub"}},
			vars{"A": "x-${DB_PASSWORD}"},
		},
		"include with variables in env_file and project_directory": {
			files{
				"compose.yaml":     "include: [{path: sub/compose.yaml, env_file: '${DIR}/a.env', project_directory: '${DIR}'}]\n",
				"sub/compose.yaml": "include: [in/compose.yaml]\n", "sub/a.env": "DB_PASSWORD=hunter2\nDERIVED=x-${DB_PASSWORD}\n",
				"sub/in/compose.yaml": db + "    environment: {A: $DERIVED, B: $OWN}\n", "sub/in/.env": "OWN=$DERIVED/$DB_PASSWORD\n",
			},
			Options{Environ: []string{"DIR=sub"}},
			vars{"A": "x-${DB_PASSWORD}", "B": "x-${DB_PASSWORD}/${DB_PASSWORD}"},
		},
		"include in a second document": {
			files{
				"compose.yaml":     "name: x\nservices: {}\n---\ninclude: [sub/compose.yaml]\n",
				"sub/compose.yaml": db + "    environment: {A: $DERIVED}\n", "sub/.env": "DB_PASSWORD=hunter2\nDERIVED=x-${DB_PASSWORD}\n",
			},
			Options{},
			vars{"A": "x-${DB_PASSWORD}"},
		},
		"what looks like a variable after interpolation": {
			files{
				"compose.yaml": db + "    env_file: [{path: raw.env, format: raw}, a.env]\n    environment: {ONE: $ONE_PASSWORD}\n",
				"raw.env":      "RAW_PASSWORD=${X:?hunter2}\nDSN=postgres://u:${hunter3}@db/x\nDB_PASSWORD=vault:hunter2\nNODE_TOKEN={{.Node.ID}}\nMODE=$HUNTER\n",
				"a.env":        "QUOTED_PASSWORD='$HUNTER'\n", ".env": "ONE_PASSWORD='${hunter2}'\n",
			},
			Options{},
			vars{
				"RAW_PASSWORD": "${RAW_PASSWORD}", "DSN": "${DSN}", "DB_PASSWORD": "${DB_PASSWORD}", "QUOTED_PASSWORD": "${QUOTED_PASSWORD}",
				"NODE_TOKEN": "{{.Node.ID}}", "MODE": "$HUNTER", "ONE": "${ONE_PASSWORD}",
			},
		},
		"a variable of the user's that starts with COMPOSE_": {
			files{"compose.yaml": db + "    environment: {A: $COMPOSE_DB_PASSWORD, B: $COMPOSE_API_TOKEN, C: $COMPOSE_PROJECT_NAME}\n", ".env": "COMPOSE_DB_PASSWORD=hunter2\n"},
			Options{Environ: []string{"COMPOSE_API_TOKEN=hunter3"}, ProjectName: "p"},
			vars{"A": "${COMPOSE_DB_PASSWORD}", "B": "${COMPOSE_API_TOKEN}", "C": "p"},
		},
		"extends": {
			files{"compose.yaml": "services:\n  base:\n    image: x\n    environment: {A: base, TOKEN: $TOKEN}\n  db:\n    extends: base\n    environment: {A: db}\n"},
			Options{Environ: []string{"TOKEN=hunter2"}},
			vars{"A": "db", "TOKEN": "${TOKEN}"},
		},
		"extends from a file with an env_file": {
			files{
				"compose.yaml":  "services:\n  db:\n    extends: {file: sub/base.yaml, service: base}\n    environment: {A: db}\n",
				"sub/base.yaml": "services:\n  base:\n    image: x\n    env_file: base.env\n    environment: {B: '${TOKEN}'}\n", "sub/base.env": "A=base\nC=ENC[1]\nsops_mac=x\n",
			},
			Options{Environ: []string{"TOKEN=hunter2"}},
			vars{"A": "db", "B": "${TOKEN}", "C": "${C}"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.options.Encrypted = fakeSOPS{}
			p, err := loadFiles(t, tt.files, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, environment(p)["db"]); diff != "" {
				t.Error("-want +got\n" + diff)
			}
			if data, err := Encode(p.Project); err != nil || bytes.Contains(bytes.ReplaceAll(data, []byte("hunter4"), nil), []byte("hunter")) || bytes.Contains(data, []byte("ENC[")) {
				t.Errorf("the model holds a value (%v)", err)
			}
		})
	}
}

func TestLoadSources(t *testing.T) {
	tests := map[string]map[string]string{
		"alone":           {"compose.yaml": db + "    secrets: [pw]\nsecrets: {pw: {x-source: 'ref+env://X'}}\n"},
		"in an override":  {"compose.yaml": db + "    secrets: [pw]\nsecrets: {pw: {file: x}}\n", "compose.override.yaml": "secrets: {pw: {x-source: 'ref+env://X'}}\n"},
		"beside a file":   {"compose.yaml": db + "    secrets: [pw]\nsecrets: {pw: {x-source: 'ref+env://X', file: y}}\n"},
		"in an include":   {"compose.yaml": "include: [b.yaml]\n", "b.yaml": db + "    secrets: [pw]\nsecrets: {pw: {x-source: 'ref+env://X'}}\n"},
		"with a variable": {"compose.yaml": db + "    secrets: [pw]\nsecrets: {pw: {x-source: 'ref+env://${V:-X}'}}\n"},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := loadFiles(t, files, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Secrets["pw"].Extensions[SourceExtension]; got != "ref+env://X" {
				t.Errorf("x-source is %v", got)
			}
			for _, file := range p.ConfigFiles {
				if !strings.HasSuffix(file, ".yaml") {
					t.Errorf("%s is no file of the user's", file)
				}
			}
			at := p.Sources().Find("secrets", "pw", "x-source").String()
			if at == "" || strings.HasPrefix(at, "/") || strings.HasPrefix(at, stdinName) {
				t.Errorf("x-source is at %q", at)
			}
		})
	}
}

// TestCover is the safety net below findIncluded: a value that it did not see.
func TestCover(t *testing.T) {
	p, err := loadFiles(t, map[string]string{
		"compose.yaml": "include: [sub/compose.yaml]\n", "sub/compose.yaml": db + "    environment: {A: $DB_PASSWORD}\n",
		"sub/.env": "DB_PASSWORD=hunter2\nSHORT_PASSWORD=abc\nDB_USER=hunter2\n",
	}, Options{Environ: []string{"TOP=hunter2"}})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ name, value, want string }{
		"made of a secret":              {"UNSEEN", "x-hunter2-y", "x-${DB_PASSWORD}-y"},
		"made of a short one":           {"UNSEEN", "abcd", "abcd"},
		"seen, and no secret":           {"DB_USER", "hunter2", "hunter2"},
		"of the project's own variable": {"TOP", "hunter2", "hunter2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := p.substitute("$"+tt.name, func(string) (string, bool) { return tt.value, true })
			if err != nil || p.Inputs.Redact(got) != tt.want {
				t.Errorf("got %q (%v), want %q", p.Inputs.Redact(got), err, tt.want)
			}
		})
	}
}

// TestWarningsHoldNoName is about compose-go's warnings of variables that are not set.
func TestWarningsHoldNoName(t *testing.T) {
	var warnings strings.Builder
	logger := logrus.StandardLogger()
	output := logger.Out
	logger.SetOutput(&warnings)
	defer logger.SetOutput(output)
	_, err := loadFiles(t, map[string]string{
		"compose.yaml": "include: [sub/compose.yaml]\nservices:\n  a:\n    image: busybox\n    env_file: a.env\n    labels: {x: $UNSET}\n", "sub/compose.yaml": db,
		".env": "B=c\nA=\"pa$hunter2\"\n", "a.env": "C=${hunter3}\n", "sub/.env": "D=\"x\n$hunter4\"\n",
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := warnings.String()
	if strings.Contains(text, "hunter") {
		t.Errorf("a warning quotes an env file:\n%s", text)
	}
	for _, want := range []string{".env: variable A refers to", "a.env: variable C refers to", "sub/.env: variable D refers to", `The \"UNSET\" variable is not set`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// TestReferencesOfIncludes is about relative references: they start where the other
// paths of the included file do.
func TestReferencesOfIncludes(t *testing.T) {
	p, err := loadFiles(t, map[string]string{
		"compose.yaml":     "include: ['${DIR}/compose.yaml', {path: b.yaml, project_directory: other}]\nservices:\n  top:\n    image: x\n    environment: {A: 'ref+file://x'}\nsecrets: {own: {x-source: 'ref+file://x', file: x}}\n",
		"sub/compose.yaml": "include: [in/compose.yaml]\n" + db + "    env_file: a.env\n    environment: {A: 'ref+file://x', B: $B, C: 'ref+env://X', D: 'ref+file:///x'}\nsecrets: {pw: {x-source: 'ref+sops://x#/k', file: x}}\n",
		"sub/.env":         "B=ref+file://x\n", "sub/a.env": "E=ref+file://x\n",
		"sub/in/compose.yaml": "services: {in: {image: x, environment: {A: 'ref+file://x'}}}\n",
		"b.yaml":              "services: {b: {image: x, environment: ['A=ref+file://x']}}\n", "other/x": "",
	}, Options{Environ: []string{"DIR=sub"}})
	if err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{"own": p.Secrets["own"].Extensions[SourceExtension].(string), "pw": p.Secrets["pw"].Extensions[SourceExtension].(string)}
	for name, s := range p.Services {
		for k, v := range s.Environment {
			got[name+"."+k] = p.Inputs.Expand(*v, func(in *secret.Input) string { return in.Ref.String() })
		}
	}
	for k, v := range got {
		got[k] = strings.ReplaceAll(v, wd, "DIR")
	}
	want := map[string]string{
		"top.A": "ref+file://x", "own": "ref+file://x", "pw": "ref+sops://DIR/sub/x#/k",
		"db.A": "ref+file://DIR/sub/x", "db.B": "ref+file://DIR/sub/x", "db.C": "ref+env://X", "db.D": "ref+file:///x", "db.E": "ref+file://DIR/sub/x",
		"in.A": "ref+file://DIR/sub/in/x", "b.A": "ref+file://DIR/other/x",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("-want +got\n" + diff)
	}
}

func TestSecretOfIncludedVariable(t *testing.T) {
	p, err := loadFiles(t, map[string]string{
		"compose.yaml": "include: [sub/compose.yaml]\n", "sub/.env": "A=ENC[1]\nsops_mac=x\n",
		"sub/compose.yaml": db + "    secrets: [pw]\nsecrets: {pw: {environment: A}}\n",
	}, Options{Encrypted: fakeSOPS{}})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Inputs.Redact(p.Secrets["pw"].Content); got != "${A}" {
		t.Errorf("the secret holds %q", got)
	}
}

// TestServicePolicy: a string is a list of one, also where files are merged.
func TestServicePolicy(t *testing.T) {
	own := func(text string) string { return db + "    x-compose-secure: " + text + "\n" }
	tests := map[string]struct {
		files map[string]string
		want  ServicePolicy
	}{
		"strings":         {map[string]string{"compose.yaml": own("{file: A, env: B}")}, ServicePolicy{File: []string{"A"}, Env: []string{"B"}}},
		"null":            {map[string]string{"compose.yaml": own("{file: , env: B}")}, ServicePolicy{Env: []string{"B"}}},
		"string, list":    {map[string]string{"compose.yaml": own("{file: A}"), "compose.override.yaml": own("{file: [B, C]}")}, ServicePolicy{File: []string{"A", "B", "C"}}},
		"list, string":    {map[string]string{"compose.yaml": own("{env: [A]}"), "compose.override.yaml": own("{env: B}")}, ServicePolicy{Env: []string{"A", "B"}}},
		"string, string":  {map[string]string{"compose.yaml": own("{env: A}"), "compose.override.yaml": own("{env: B}")}, ServicePolicy{Env: []string{"A", "B"}}},
		"string, include": {map[string]string{"compose.yaml": "include: [b.yaml]\n", "b.yaml": own("{env: A}")}, ServicePolicy{Env: []string{"A"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := loadFiles(t, tt.files, Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := ServicePolicyOf(p.Services["db"].Extensions[Extension])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
