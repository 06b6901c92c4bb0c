package ui

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestWriterEscapes(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"plain":           {"a\tb\nc ä 日\n", "a\tb\nc ä 日\n"},
		"escape":          {"x\x1b[31my\n", `x\u001b[31my` + "\n"},
		"carriage return": {"good\rbad\r\n", `good\u000dbad\u000d` + "\n"},
		"bidi":            {"a\u202eb", `a\u202eb`},
		"C1":              {"\u009b31m", `\u009b31m`},
		"no UTF-8":        {"a\xffb", `a\xffb`},
		"bell":            {"\a", `\u0007`},
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(tt.text); size++ { // however the bytes are cut
				var b bytes.Buffer
				w := NewWriter(&b)
				for from := 0; from < len(tt.text); from += size {
					part := []byte(tt.text[from:min(from+size, len(tt.text))])
					if n, err := w.Write(part); n != len(part) || err != nil {
						t.Fatal(n, err)
					}
				}
				if b.String() != tt.want {
					t.Errorf("in pieces of %d: got %q, want %q", size, b.String(), tt.want)
				}
			}
		})
	}
	if w := NewWriter(&bytes.Buffer{}); NewWriter(w) != w {
		t.Error("a Writer on a Writer")
	}
}

func TestPrintfKeepsLines(t *testing.T) {
	var b strings.Builder
	if err := Printf(&b, "%s:%d: %v %q\n", "a\nforged: x", 3, errors.New("e\tf"), "q"); err != nil {
		t.Fatal(err)
	}
	if want := `a\u000aforged: x:3: e\u0009f "q"` + "\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func FuzzWriter(f *testing.F) {
	f.Add("a\x1b[2Jb\xe6\x97", 2)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		var whole, parts bytes.Buffer
		_, _ = NewWriter(&whole).Write([]byte(text + "."))
		w := NewWriter(&parts)
		if cut = max(0, min(cut, len(text))); cut >= 0 {
			_, _ = w.Write([]byte(text[:cut]))
			_, _ = w.Write([]byte(text[cut:] + "."))
		}
		if whole.String() != parts.String() {
			t.Errorf("%q against %q", whole.String(), parts.String())
		}
		for _, r := range whole.String() {
			if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
				t.Errorf("%q", whole.String())
			}
		}
	})
}
