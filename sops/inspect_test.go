package sops_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	lib "github.com/getsops/sops/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/getsops/sops/v3/keys"

	"github.com/compose-secure/compose-secure/internal/cputime"
	"github.com/compose-secure/compose-secure/sops"
)

const (
	plainYAML = "# comment\ndb:\n    password: hunter2 # inline\n    port: 5432\n    none: null\n    empty: \"\"\n" +
		"    host_unencrypted: db.local\nlist:\n    # in a list\n    - first\n    - key: second\n"
	plainJSON = "{\n\t\"db\": {\n\t\t\"password\": \"hunter2\",\n\t\t\"ratio\": 0.5,\n\t\t\"on\": true\n\t},\n\t\"list\": [\n\t\t\"first\"\n\t]\n}\n"
	plainEnv  = "# comment\nDB_PASSWORD=hunter2\nEMPTY=\nQUOTED=\"a b\"\nHOST_unencrypted=db.local\nPEM=line1\\nline2\\n\n"
	plainINI  = "[db]\npassword = hunter2\nport     = 5432\n\n[web]\ntoken = hunter3\n"
)

func inspect(t testing.TB, path string, data []byte) *sops.File {
	t.Helper()
	f, err := sops.Inspect(path, data)
	if err != nil {
		t.Fatal(err)
	}
	if f == nil {
		t.Fatalf("%s is not recognised", path)
	}
	return f
}

func TestInspectEntries(t *testing.T) {
	key := ageHome(t)
	emptyHome(t) // no key is needed to inspect
	for _, tt := range []struct {
		name, plain string
		format      sops.Format
		meta        func(*lib.Metadata)
		want        []sops.Entry
	}{
		{name: "yaml", format: sops.YAML, plain: plainYAML, want: []sops.Entry{
			{Key: []string{"db", "password"}, Encrypted: true, Line: 3},
			{Key: []string{"db", "port"}, Encrypted: true, Line: 4},
			{Key: []string{"db", "none"}},
			{Key: []string{"db", "empty"}},
			{Key: []string{"db", "host_unencrypted"}, Plain: "db.local"},
			{Key: []string{"list", "0"}, Encrypted: true, Line: 10},
			{Key: []string{"list", "1", "key"}, Encrypted: true, Line: 11},
		}},
		{name: "json", format: sops.JSON, plain: plainJSON, want: []sops.Entry{
			{Key: []string{"db", "password"}, Encrypted: true, Line: 3},
			{Key: []string{"db", "ratio"}, Encrypted: true, Line: 4},
			{Key: []string{"db", "on"}, Encrypted: true, Line: 5},
			{Key: []string{"list", "0"}, Encrypted: true, Line: 8},
		}},
		{name: "dotenv", format: sops.Dotenv, plain: plainEnv, want: []sops.Entry{
			{Key: []string{"DB_PASSWORD"}, Encrypted: true, Line: 2},
			{Key: []string{"EMPTY"}},
			{Key: []string{"QUOTED"}, Encrypted: true, Line: 4},
			{Key: []string{"HOST_unencrypted"}, Plain: "db.local"},
			{Key: []string{"PEM"}, Encrypted: true, Line: 6},
		}},
		{name: "ini", format: sops.INI, plain: plainINI, want: []sops.Entry{
			{Key: []string{"db", "password"}, Encrypted: true, Line: 2},
			{Key: []string{"db", "port"}, Encrypted: true, Line: 3},
			{Key: []string{"web", "token"}, Encrypted: true, Line: 6},
		}},
		{name: "binary", format: sops.Binary, plain: "\x00\xff\r\n"},
		{
			name: "unencrypted regex", format: sops.YAML, plain: "user: app\nport: 80\nnested: {user: [a]}\npassword: x\n",
			meta: func(m *lib.Metadata) { m.UnencryptedSuffix, m.UnencryptedRegex = "", "^(user|port)$" },
			want: []sops.Entry{
				{Key: []string{"user"}, Plain: "app"},
				{Key: []string{"port"}, Plain: "80"},
				{Key: []string{"nested", "user", "0"}, Plain: "a"},
				{Key: []string{"password"}, Encrypted: true, Line: 6},
			},
		},
		{
			name: "encrypted suffix", format: sops.Dotenv, plain: "USER=app\nTOKEN_secret=x\n",
			meta: func(m *lib.Metadata) { m.UnencryptedSuffix, m.EncryptedSuffix = "", "_secret" },
			want: []sops.Entry{{Key: []string{"USER"}, Plain: "app"}, {Key: []string{"TOKEN_secret"}, Encrypted: true, Line: 2}},
		},
		{
			name: "comment regex", format: sops.YAML, plain: "a: 1\n# sops:enc\nb: two\n",
			meta: func(m *lib.Metadata) { m.UnencryptedSuffix, m.EncryptedCommentRegex = "", "sops:enc" },
			want: []sops.Entry{{Key: []string{"a"}, Plain: "1"}, {Key: []string{"b"}, Encrypted: true, Line: 3}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := recipe{format: tt.format, keys: []keys.MasterKey{key}, meta: tt.meta}
			f := inspect(t, "secrets", r.encrypt(t, tt.plain))
			if f.Path() != "secrets" || f.Format() != tt.format || f.Whole() != (tt.format == sops.Binary) {
				t.Errorf("got %s %s whole=%v", f.Path(), f.Format(), f.Whole())
			}
			if diff := cmp.Diff(tt.want, f.Entries()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInspectFormat(t *testing.T) {
	key := ageHome(t)
	enc := func(f sops.Format, plain string) string {
		return string(recipe{format: f, keys: []keys.MasterKey{key}}.encrypt(t, plain))
	}
	dataOnly := enc(sops.JSON, `{"data": "x"}`)
	for _, tt := range []struct {
		path, data string
		want       sops.Format
	}{
		{".env", enc(sops.Dotenv, plainEnv), sops.Dotenv},
		{"secrets.env.enc", enc(sops.Dotenv, plainEnv), sops.Dotenv},
		{"secrets.yaml", enc(sops.Dotenv, plainEnv), sops.Dotenv},
		{"s.env", enc(sops.YAML, plainYAML), sops.YAML},
		{"s.enc", enc(sops.INI, plainINI), sops.INI},
		{"s.yaml", enc(sops.JSON, plainJSON), sops.YAML}, // as the sops command reads it
		{"s", enc(sops.JSON, plainJSON), sops.JSON},
		{"s.json", dataOnly, sops.JSON},
		{"s.pem", dataOnly, sops.Binary},
		{"s.env", dataOnly, sops.Binary},
		{"s.yml", dataOnly, sops.YAML},
		{"bom.json", "\n\t " + enc(sops.JSON, plainJSON), sops.JSON},
		{"crlf.yaml", strings.ReplaceAll(enc(sops.YAML, plainYAML), "\n", "\r\n"), sops.YAML},
		{"crlf.ini", strings.ReplaceAll(enc(sops.INI, plainINI), "\n", "\r\n"), sops.INI},
	} {
		if got := inspect(t, tt.path, []byte(tt.data)).Format(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.path, got, tt.want)
		}
	}
}

func TestInspectLeavesPlainFilesAlone(t *testing.T) {
	for name, data := range map[string]string{
		"empty":                 "",
		"env":                   "A=b\nsops_mode=on\n",
		"yaml with sops key":    "sops:\n    version: 1\n    mac: none\n",
		"yaml of sops settings": "creation_rules:\n    - age: age1x\n",
		"json":                  `{"sops": {"mac": "x", "version": "3"}}`,
		"binary":                "\x00\x01sops",
	} {
		if f, err := sops.Inspect(name, []byte(data)); f != nil || err != nil {
			t.Errorf("%s: got %v, %v", name, f, err)
		}
	}
}

func TestInspectDamaged(t *testing.T) {
	key := ageHome(t)
	enc := func(f sops.Format, plain string) string {
		return string(recipe{format: f, keys: []keys.MasterKey{key}}.encrypt(t, plain))
	}
	y, e := enc(sops.YAML, plainYAML), enc(sops.Dotenv, plainEnv)
	j := enc(sops.JSON, plainJSON)
	loop := "\n---\na: &a [*a]\n"
	for _, tt := range []struct {
		name, data string
		want       error
	}{
		{"yaml cut off before the metadata", y[:strings.Index(y, "\nsops:")], sops.ErrDamaged},
		{"yaml cut off in the metadata", y[:strings.Index(y, "lastmodified")], sops.ErrDamaged},
		{"json cut off", j[:len(j)/2], sops.ErrDamaged},
		{"json deeply nested", strings.Repeat(`{"a":`, 1<<20) + cipher(y), sops.ErrDamaged},
		{"json nested beyond reason", `{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "," + j[1:], sops.ErrDamaged},
		{"yaml lists in a row", "a:\n  " + strings.Repeat("- ", 200) + "x\n" + y, sops.ErrDamaged},
		{"yaml flow lists", "a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "\n" + y, sops.ErrDamaged},
		{"yaml indented", nested(200) + y, sops.ErrDamaged},
		{"yaml indented with other breaks", strings.ReplaceAll(nested(200), "\n", "\r") + y, sops.ErrDamaged},
		{"yaml nested in a second document", y + "---\n" + nested(200), sops.ErrDamaged},
		{"dotenv without mac", strings.Replace(e, "sops_mac=", "sops_cam=", 1), sops.ErrDamaged},
		{"dotenv with a broken line", "hunter2\n" + e, sops.ErrDamaged},
		{"conflict marks", "<<<<<<< HEAD\n" + y, sops.ErrDamaged},
		{"metadata is a text", "sops: x\na: " + cipher(y), sops.ErrDamaged},
		{"two rules", strings.Replace(y, "unencrypted_suffix: _unencrypted", "unencrypted_suffix: a\n    encrypted_regex: b", 1), sops.ErrDamaged},
		{"no keys", strings.Replace(y, "    age:", "    eag:", 1), sops.ErrDamaged},
		{"alias to its parent", y + loop, sops.ErrDamaged},
		{"later major version", strings.Replace(y, "version: 3.", "version: 4.", 1), sops.ErrVersion},
		{"later major version of two digits", strings.Replace(y, "version: 3.", "version: 10.", 1), sops.ErrVersion},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := sops.Inspect("conf/x.enc", []byte(tt.data))
			if f != nil || !errors.Is(err, tt.want) {
				t.Fatalf("want %v, got %v", tt.want, err)
			}
			checkError(t, err, "conf/x.enc", "hunter2", "ENC[")
		})
	}
}

// nested is a YAML mapping of that depth.
func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// A depth that a person might write is fine, and brackets in comments are none.
func TestInspectNested(t *testing.T) {
	key := ageHome(t)
	enc := recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, nested(60)+strings.Repeat(" ", 60)+"b: hunter2\n# "+strings.Repeat("[", 300)+"\n")
	if f := inspect(t, "x.yaml", enc); len(f.Entries()) != 1 {
		t.Errorf("%d entries", len(f.Entries()))
	}
}

// cipher returns some encrypted value of an encrypted file.
func cipher(enc string) string {
	enc = enc[strings.Index(enc, "ENC["):]
	return enc[:strings.Index(enc, "]")+1]
}

// checkError checks that err is one line that names path and nothing secret.
func checkError(t *testing.T, err error, path string, secrets ...string) {
	t.Helper()
	text := err.Error()
	if strings.Contains(text, "\n") || !strings.Contains(text, path) || strings.HasSuffix(text, ".") {
		t.Errorf("not one line that names %s: %q", path, text)
	}
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("the error repeats content: %q", text)
		}
	}
}

// A SOPS file of a few hundred bytes neither ends the process nor takes long, whatever its aliases stand for.
func TestInspectAliases(t *testing.T) {
	key := ageHome(t)
	rest := string(recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, "b: hunter2\n"))
	var bomb strings.Builder
	bomb.WriteString("0: &a0 [x]\n")
	for i := 1; i <= 9; i++ {
		fmt.Fprintf(&bomb, "%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	for name, text := range map[string]string{
		"itself": "a: &a [*a]\n" + rest, "itself under null": "~: &a [*a]\n" + rest, "itself under a number": "1: &a {b: {c: *a}}\n" + rest,
		"in each other": "1: &a [&b [*a], *b]\n" + rest, "bomb": bomb.String() + rest, "as a key": "? &a [*a]\n: x\n" + rest,
	} {
		t.Run(name, func(t *testing.T) {
			cputime.Limit(t, len(text), func() {
				if _, err := sops.Inspect("x.yaml", []byte(text)); !errors.Is(err, sops.ErrDamaged) {
					t.Errorf("got %v", err)
				} else {
					checkError(t, err, "x.yaml")
				}
			})
		})
	}
	if _, err := sops.Inspect("x.yaml", []byte("a: &a [x]\nc: *a\n"+rest)); err != nil {
		t.Errorf("an alias that ends: %v", err)
	}
	if _, err := sops.Inspect("x.yaml", []byte("c: '*'\nd:\n"+strings.Repeat(" - x\n", 110_000)+rest)); err != nil {
		t.Errorf("a large file without aliases: %v", err)
	}
}

func FuzzInspect(f *testing.F) {
	key := ageHome(f)
	for format, plain := range map[sops.Format]string{
		sops.YAML: plainYAML, sops.JSON: plainJSON, sops.Dotenv: plainEnv, sops.INI: plainINI, sops.Binary: "x",
	} {
		f.Add(recipe{format: format, keys: []keys.MasterKey{key}}.encrypt(f, plain))
	}
	f.Add([]byte("a: &a [*a]\nb: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops: {mac: x, version: 3.9.0}\n"))
	f.Add([]byte("---\na: ENC[AES256_GCM,]\n---\nb: &b {c: *b}\nsops: {mac: x}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var file *sops.File
		var err error
		cputime.Limit(t, len(data), func() { file, err = sops.Inspect("x", data) })
		if file != nil && err != nil {
			t.Error("a file next to an error")
		}
		if err != nil && !errors.Is(err, sops.ErrDamaged) && !errors.Is(err, sops.ErrVersion) {
			t.Errorf("an error of no kind: %v", err)
		}
	})
}
