package transform

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// secretsOf lists a plan's secrets as NAME = PARTS: FILES.
func secretsOf(plan *Plan) []string {
	var list []string
	for _, s := range plan.Secrets {
		var text strings.Builder
		for _, p := range s.Parts {
			if p.Input != nil {
				text.WriteString(p.Input.String())
			} else {
				text.WriteString("literal")
			}
		}
		text.WriteString(":")
		for _, f := range s.Files {
			fmt.Fprintf(&text, " %s(%d:%d %04o)%v", f.Name, f.UID, f.GID, f.Mode, f.Services)
		}
		list = append(list, s.Name+" = "+text.String())
	}
	slices.Sort(list)
	return list
}

func TestSecretNames(t *testing.T) {
	const image = "{image: postgres:16, environment: "
	tests := map[string]struct {
		yaml string
		want []string
	}{
		"one placeholder, one secret": {
			"services:\n  a: " + image + "{POSTGRES_PASSWORD: $DB_PASSWORD}}\n  b: " + image + "{POSTGRES_PASSWORD: $DB_PASSWORD, POSTGRES_INITDB_ARGS: $DB_PASSWORD}}\n",
			[]string{"db_password = ${DB_PASSWORD}: db_password(0:0 0444)[a b]"},
		},
		"equal text around it, one secret": {
			"services:\n  a: " + image + "{POSTGRES_INITDB_ARGS: x$DB_PASSWORD}}\n  b: " + image + "{POSTGRES_INITDB_ARGS: x$DB_PASSWORD}}\n  c: " + image + "{POSTGRES_INITDB_ARGS: y$DB_PASSWORD}}\n",
			[]string{"a_postgres_initdb_args = literal${DB_PASSWORD}: a_postgres_initdb_args(0:0 0444)[a b]", "c_postgres_initdb_args = literal${DB_PASSWORD}: c_postgres_initdb_args(0:0 0444)[c]"},
		},
		"equal references, one secret": {
			"services:\n  a: " + image + "{POSTGRES_PASSWORD: 'ref+file://x'}}\n  b: " + image + "{POSTGRES_PASSWORD: 'ref+file://x'}}\n",
			[]string{"a_postgres_password = ref+file://x: a_postgres_password(0:0 0444)[a b]"},
		},
		"equal literals are two": {
			"services:\n  a: " + image + "{POSTGRES_PASSWORD: hunter4}}\n  b: " + image + "{POSTGRES_PASSWORD: hunter4}}\n",
			[]string{"a_postgres_password = literal: a_postgres_password(0:0 0444)[a]", "b_postgres_password = literal: b_postgres_password(0:0 0444)[b]"},
		},
		"the name is the user's": {
			"services:\n  a: " + image + "{POSTGRES_PASSWORD: $DB_PASSWORD}}\nsecrets: {db_password: {file: ./x}}\n",
			[]string{"a_postgres_password = ${DB_PASSWORD}: a_postgres_password(0:0 0444)[a]"},
		},
		"both names are the user's": {
			"services:\n  a: " + image + "{POSTGRES_PASSWORD: $DB_PASSWORD}}\nsecrets: {db_password: {file: ./x}, a_postgres_password: {file: ./y}}\n",
			[]string{"a_postgres_password_2 = ${DB_PASSWORD}: a_postgres_password_2(0:0 0444)[a]"},
		},
		"the user's is the same value": {
			"services:\n  a:\n    image: postgres:16\n    environment: {POSTGRES_PASSWORD: $DB_PASSWORD}\n    secrets: [own]\nsecrets: {own: {environment: DB_PASSWORD}}\n",
			[]string{"own = ${DB_PASSWORD}: own(0:0 0444)[a]"},
		},
		"the same with an owner": {
			"services:\n  a:\n    image: postgres:16\n    environment: {POSTGRES_PASSWORD: $DB_PASSWORD}\n    secrets: [{source: own, uid: '70', mode: 0o400}]\nsecrets: {own: {environment: DB_PASSWORD}}\n",
			[]string{"own = ${DB_PASSWORD}: own.70-0-0400(70:0 0400)[a]"},
		},
		"unusual names": {
			"services:\n  A_b.c: " + image + "{POSTGRES_PASSWORD: hunter4}}\n",
			[]string{"a_b.c_postgres_password = literal: a_b.c_postgres_password(0:0 0444)[A_b.c]"},
		},
		"long names": {
			"services:\n  " + strings.Repeat("x", 80) + ": " + image + "{POSTGRES_PASSWORD: hunter4, POSTGRES_INITDB_ARGS: 'postgres://u:hunter5@h/d'}}\n",
			[]string{
				strings.Repeat("x", 60) + " = literal: " + strings.Repeat("x", 60) + "(0:0 0444)[" + strings.Repeat("x", 80) + "]",
				strings.Repeat("x", 60) + "_2 = literal: " + strings.Repeat("x", 60) + "_2(0:0 0444)[" + strings.Repeat("x", 80) + "]",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for range 5 { // the same every time, whatever the order of maps
				plan, err := New(load(t, map[string]string{"compose.yaml": tt.yaml}), Options{Dir: "/store"})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, secretsOf(plan)); diff != "" {
					t.Fatal("-want +got\n" + diff)
				}
				holdsNoValue(t, plan)
			}
		})
	}
}

func TestDeclared(t *testing.T) {
	const head = "services:\n  a:\n    image: example/app\n"
	tests := map[string]struct {
		yaml    string
		files   map[string]string
		names   []string
		mounted []string
	}{
		"environment":             {yaml: head + "    secrets: [s]\nsecrets: {s: {environment: TOKEN}}\n", names: []string{"s = ${TOKEN}: s(0:0 0444)[a]"}, mounted: []string{"s -> /run/secrets/s"}},
		"environment, plain":      {yaml: head + "    secrets: [s]\nsecrets: {s: {environment: MODE}}\n", names: []string{"s = literal: s(0:0 0444)[a]"}, mounted: []string{"s -> /run/secrets/s"}},
		"environment, empty":      {yaml: head + "    secrets: [s]\nsecrets: {s: {environment: EMPTY_PASSWORD}}\n", names: []string{"s = literal: s(0:0 0444)[a]"}, mounted: []string{"s -> /run/secrets/s"}},
		"x-source":                {yaml: head + "    secrets: [{source: s, target: /etc/x}]\nsecrets: {s: {x-source: 'ref+env://X'}}\n", names: []string{"s = ref+env://X: s(0:0 0444)[a]"}, mounted: []string{"s -> /etc/x"}},
		"x-source, variable":      {yaml: head + "    secrets: [s]\nsecrets: {s: {x-source: '$TOKEN'}}\n", names: []string{"s = ${TOKEN}: s(0:0 0444)[a]"}, mounted: []string{"s -> /run/secrets/s"}},
		"file":                    {yaml: head + "    secrets: [s]\nsecrets: {s: {file: /x}}\n", mounted: []string{"s -> /run/secrets/s"}},
		"file, owner":             {yaml: head + "    secrets: [{source: s, uid: '1', gid: '2', mode: 0o440}]\nsecrets: {s: {file: /x}}\n", names: []string{"s = ref+file:///x: s.1-2-0440(1:2 0440)[a]"}, mounted: []string{"s.1-2-0440 -> /run/secrets/s"}},
		"two owners":              {yaml: head + "    secrets: [{source: s, mode: 0o400}]\n  b: {image: x, secrets: [s]}\nsecrets: {s: {environment: TOKEN}}\n", names: []string{"s = ${TOKEN}: s.0-0-0400(0:0 0400)[a] s(0:0 0444)[b]"}, mounted: []string{"s.0-0-0400 -> /run/secrets/s"}},
		"external":                {yaml: head + "    secrets: [s]\nsecrets: {s: {external: true}}\n", mounted: []string{"s -> /run/secrets/s"}},
		"used by nobody":          {yaml: head + "secrets: {s: {environment: TOKEN}}\n"},
		"of a build":              {yaml: "services:\n  a:\n    build: {context: ., secrets: [s]}\nsecrets: {s: {environment: TOKEN}}\n", names: []string{"s = ${TOKEN}: s(0:0 0444)[a]"}},
		"of an included file":     {yaml: "include: [b.yaml]\n", files: map[string]string{"b.yaml": head + "    secrets: [s]\nsecrets: {s: {environment: TOKEN}}\n"}, names: []string{"s = ${TOKEN}: s(0:0 0444)[a]"}, mounted: []string{"s -> /run/secrets/s"}},
		"of an included env file": {yaml: "include: [{path: b.yaml, env_file: b.env}]\n", files: map[string]string{"b.env": "IN_FILE=hunter9\n", "b.yaml": head + "    secrets: [s]\nsecrets: {s: {environment: IN_FILE}}\n"}, names: []string{"s = literal: s(0:0 0444)[a]"}, mounted: []string{"s -> /run/secrets/s"}},
		"config with content":     {yaml: head + "    configs: [c]\nconfigs: {c: {content: 'password: $DB_PASSWORD'}}\n", names: []string{"config_c = literal${DB_PASSWORD}: config_c(0:0 0444)[a]"}},
		"config, no secret":       {yaml: head + "    configs: [c]\nconfigs: {c: {content: 'mode: $MODE'}}\n"},
		"config, plain variable":  {yaml: head + "    configs: [c]\nconfigs: {c: {environment: MODE}}\n"},
		"config, environment":     {yaml: head + "    configs: [c]\nconfigs: {c: {environment: TOKEN}}\n", names: []string{"config_c = ${TOKEN}: config_c(0:0 0444)[a]"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"compose.yaml": tt.yaml}
			for k, v := range tt.files {
				files[k] = v
			}
			plan, err := New(load(t, files), Options{Dir: "/store"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.names, secretsOf(plan)); diff != "" && name != "used by nobody" {
				t.Error("secrets, -want +got\n" + diff)
			}
			if diff := cmp.Diff(tt.mounted, outcome(plan, "a").Secrets); diff != "" {
				t.Error("mounts, -want +got\n" + diff)
			}
			if c := plan.Project.Configs["c"]; c.Environment != "" || strings.Contains(name, "plain variable") && c.Content != "plain" {
				t.Errorf("the config is %+v", c)
			}
			for name, c := range plan.Project.Secrets {
				if c.Environment != "" {
					t.Errorf("secrets.%s still wants a variable", name)
				}
			}
			holdsNoValue(t, plan)
		})
	}
}

func FuzzSecretName(f *testing.F) {
	f.Add("DB_PASSWORD")
	f.Add("...")
	f.Add(strings.Repeat("é", 90))
	f.Fuzz(func(t *testing.T, text string) {
		name := secretName(text)
		ok := len(name) > 0 && len(name) <= maxName && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == "" &&
			!strings.ContainsAny(name[:1]+name[len(name)-1:], "._-")
		if !ok {
			t.Errorf("%q became %q", text, name)
		}
	})
}
