package sops_test

import (
	"context"
	"testing"

	lib "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/keys"

	"github.com/compose-secure/compose-secure/sops"
)

func TestDotenvMeansWhatComposeReads(t *testing.T) {
	key := ageHome(t)
	for _, tt := range []struct{ name, line, want string }{
		{"bare", `A=hunter2`, `hunter2`},
		{"double quotes", `A="a b"`, `a b`},
		{"single quotes", `A='a "b"'`, `a "b"`},
		{"escapes in double quotes", `A="a\"b\\c\$d\q"`, `a"b\c$d\q`},
		{"escapes in single quotes", `A='it\'s \"'`, `it's \"`},
		{"newline in double quotes", `A="a\nb"`, "a\nb"},
		{"empty quotes", `A=""`, ``},
		{"export", `export A=x`, `x`},
		{"Windows line end", "A=\"x\"\r", `x`},
		{"one quote", `A="`, `"`},
		{"quote at the start only", `A="x`, `"x`},
		{"two quoted words", `A="x" "y"`, `"x" "y"`},
		{"escaped last quote", `A="x\"`, `"x\"`},
		{"no interpolation", `A=pa$$word${X}`, `pa$$word${X}`},
		{"no comment", `A=x #y`, `x #y`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, rule := range []string{"", "A"} { // encrypted, and left plain
				r := recipe{format: sops.Dotenv, keys: []keys.MasterKey{key}, meta: func(m *lib.Metadata) {
					m.UnencryptedSuffix, m.UnencryptedRegex = "", rule
				}}
				f := inspect(t, "x", r.encrypt(t, tt.line+"\n"))
				entry := f.Entries()[0]
				if entry.Key[0] != "A" || entry.Encrypted != (rule == "") || rule != "" && entry.Plain != tt.want {
					t.Errorf("the entry is %+v", entry)
				}
				plain, err := f.Decrypt(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if v, ok := plain.Lookup([]string{"A"}); !ok || string(v.Reveal()) != tt.want {
					t.Errorf("found=%v, want %q", ok, tt.want)
				}
			}
		})
	}
}
