package dotenv

import (
	"bytes"
	"strings"
	"testing"

	oracle "github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

var seeds = []string{
	"", "A=1\n", "A=1", "export A=1\nexport  B=2", "A: 1\n", "A = b # c\n", "A=b#c\n", "A= # c\n", "A=\"x\\\"y\" # c\nB='it\\'s'\n",
	"A=\"two\nlines\"\nB=1\n", "\uFEFFA=1\n", "A=1\r\nB=\"2\"\r\n", "A\nB=1\n", "A", "A B=1\nC=2\n", "A=\"pa\"ssword\nB=1\n", "=x\n", "A='open\nB=1\n",
	"ä.b-[0]=1\n", "A=\u00a0x\n", "# A=1\n  # B\n\n\nC=1", "exportA=1\n", "export=1\n", "A={\"a\": \"b\"}\n", "A==b\n", "A:=b\n", "A\t=\tb\n", "A=\nB=1\n", "A=\\\nB=1\n",
}

// FuzzParse holds Parse against docker compose's own parser: where that takes a file, both find the same names, no
// fault is told, and a value that nothing is expanded in is the same.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var vars []Var
		var faults []Fault
		cputime.Limit(t, len(data), func() { vars, faults = Parse(data) })
		got := map[string]Var{}
		for _, v := range vars {
			if v.Value.Start < 0 || v.Value.End < v.Value.Start || v.Value.End > len(data) {
				t.Fatalf("%q: the value of %q is at %+v", data, v.Name, v.Value)
			}
			if !v.Alone && string(data[v.Value.Start:v.Value.End]) != v.Text {
				t.Fatalf("%q: %q stands at the place of %q", data, data[v.Value.Start:v.Value.End], v.Text)
			}
			got[v.Name] = v
		}
		values, err := oracle.ParseWithLookup(bytes.NewReader(data), func(string) (string, bool) { return "", true })
		if err != nil {
			// An interpolation may be at fault, which is not read here.
			if len(faults) == 0 && !strings.Contains(string(data), "$") {
				t.Fatalf("%q: no fault, want %v", data, err)
			}
			return
		}
		if _, nameless := values[""]; nameless { // a mistake that compose-go takes
			if len(faults) == 0 {
				t.Fatalf("%q: no fault, want one of a missing name", data)
			}
			return
		}
		if len(faults) > 0 {
			t.Fatalf("%q: faults %+v, want none", data, faults)
		}
		for name := range values {
			if _, found := got[name]; !found {
				t.Fatalf("%q: %q is missing", data, name)
			}
		}
		for name, v := range got {
			value, found := values[name]
			if !found {
				t.Fatalf("%q: %q is no variable", data, name)
			}
			if !v.Alone && !strings.ContainsAny(v.Text, "$\\") && v.Text != value {
				t.Fatalf("%q: %s=%q, want %q", data, name, v.Text, value)
			}
		}
	})
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       []string // NAME=text, NAME alone, a quote before the text
		faults     []string
	}{
		{"comments", "A=b#c # d\nB=# e\n# C=1\n", []string{"A=b#c", "B=# e"}, nil},
		{"quotes", "A=\"x # y\" # z\nB='it\\'s'\n", []string{"A=\"x # y", "B='it\\'s"}, nil},
		{"text behind a quote", "A=\"pa\"ss\nB=1\n", []string{"A=\"pa", "ss", "B=1"}, nil},
		{"a quote that does not close", "A='x\nB=1\n", []string{"A='x", "B=1"}, []string{"'x\nB=1\n"}},
		{"a space in a name", "A B=1\nC=2\n", []string{"C=2"}, []string{"A B=1"}},
		{"a key over lines", "A=1\nKEY\nB=2", []string{"A=1", "KEY", "B=2"}, nil},
		{"base64 lines", "K=a\nMII/+x==\nB=2\n", []string{"K=a", "B=2"}, []string{"MII/+x=="}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			vars, faults := Parse([]byte(tt.data))
			var got, wrong []string
			for _, v := range vars {
				text := v.Name
				if !v.Alone {
					text += "="
				}
				if v.Quote != 0 {
					text += string(v.Quote)
				}
				got = append(got, text+v.Text)
			}
			for _, f := range faults {
				wrong = append(wrong, tt.data[f.Range.Start:f.Range.End])
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.faults, wrong); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRaw(t *testing.T) {
	const data = "\uFEFF# c\n A=a$b${c} # d\r\nB='x'\nC\nD E=1\n=x\n"
	vars, faults := ParseRaw([]byte(data))
	var got []string
	for _, v := range vars {
		if !v.Verbatim() {
			t.Errorf("%s is not verbatim", v.Name)
		}
		got = append(got, v.Name+"|"+data[v.Value.Start:v.Value.End])
	}
	if diff := cmp.Diff([]string{"A|a$b${c} # d", "B|'x'", "C|"}, got); diff != "" {
		t.Error(diff)
	}
	if len(faults) != 2 {
		t.Errorf("faults are %+v, want 2", faults)
	}
}
