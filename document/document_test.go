package document

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds are what editors and other systems write.
var seeds = []string{
	"", "a", "\n", "a\n", "a\nb", "a\r\nb\r\n", "\ufeffa: b\n", "ä\n€𝄞x\n\n", "a\rb\nc", "\r\n\r\n", "a\xff\xfe\nb", "x\u2028y\n",
}

// FuzzPos holds that offset and place lead to each other at every character of
// any text, and that lines put together are the text.
func FuzzPos(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 4<<10)] // each place of a line is counted from its start
		text := New(data)
		var whole strings.Builder
		for n := 1; n <= text.Lines(); n++ {
			from, to := text.LineStart(n), text.LineStart(n+1)
			whole.Write(data[from:to])
			if got := strings.TrimRight(string(data[from:to]), "\r\n"); got != text.LineText(n) {
				t.Errorf("LineText(%d) = %q, want %q", n, text.LineText(n), got)
			}
			if end := text.LineEnd(from); end < from || end > to || bytes.ContainsRune(data[from:end], '\n') {
				t.Errorf("LineEnd(%d) = %d, the line is %d..%d", from, end, from, to)
			}
		}
		if whole.String() != string(data) {
			t.Errorf("the lines are %q, want %q", whole.String(), data)
		}
		for at := 0; at < len(data); {
			p := text.Pos(at)
			if back := text.Offset(p); back != at {
				t.Fatalf("Offset(Pos(%d)) = %d by %+v in %q", at, back, p, data)
			}
			if p.Line != 1+bytes.Count(data[:at], []byte{'\n'}) {
				t.Fatalf("Pos(%d).Line = %d in %q", at, p.Line, data)
			}
			_, size := utf8.DecodeRune(data[at:])
			at += size
		}
		if p := text.Pos(len(data)); text.Offset(p) != len(data) {
			t.Errorf("Offset(Pos(end)) = %d, want %d", text.Offset(p), len(data))
		}
	})
}

func TestOutside(t *testing.T) {
	text := New([]byte("ab\r\ncd"))
	for _, tt := range []struct {
		pos  Pos
		want int
	}{{Pos{0, 0}, 0}, {Pos{-1, 5}, 0}, {Pos{3, 1}, 6}, {Pos{1, 99}, 3}, {Pos{2, 99}, 6}, {Pos{1, 0}, 0}} {
		if got := text.Offset(tt.pos); got != tt.want {
			t.Errorf("Offset(%+v) = %d, want %d", tt.pos, got, tt.want)
		}
	}
	if p := text.Pos(-5); p != (Pos{1, 1}) {
		t.Errorf("Pos(-5) = %+v", p)
	}
	if p := text.Pos(99); p != (Pos{2, 3}) {
		t.Errorf("Pos(99) = %+v", p)
	}
	if got := text.Newline(); got != "\r\n" {
		t.Errorf("Newline() = %q", got)
	}
	if text.LineText(0) != "" || text.LineText(3) != "" {
		t.Error("a line that is not there has text")
	}
}

func TestSplice(t *testing.T) {
	for _, tt := range []struct {
		name  string
		edits []Edit
		want  string
		fails bool
	}{
		{"nothing", nil, "abcdef", false},
		{"out of order", []Edit{{Range{4, 5}, "E", 0}, {Range{0, 1}, "A", 0}}, "AbcdEf", false},
		{"inserts at one place", []Edit{{Range{3, 3}, "2", 1}, {Range{3, 3}, "1", 0}}, "abc12def", false},
		{"an insert before a cut", []Edit{{Range{2, 4}, "", 0}, {Range{2, 2}, "x", 0}}, "abxef", false},
		{"overlap", []Edit{{Range{0, 3}, "", 0}, {Range{2, 4}, "", 0}}, "", true},
		{"outside", []Edit{{Range{5, 7}, "", 0}}, "", true},
		{"backwards", []Edit{{Range{3, 2}, "", 0}}, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := []byte("abcdef")
			got, err := Splice(data, tt.edits)
			if (err != nil) != tt.fails || string(got) != tt.want {
				t.Errorf("Splice() = %q, %v, want %q", got, err, tt.want)
			}
			if string(data) != "abcdef" {
				t.Errorf("the original is %q", data)
			}
		})
	}
}

// A lone CR is a line break for YAML but not for editors, nor here.
func TestLoneCarriageReturn(t *testing.T) {
	text := New([]byte("a: 1\rb: 2\r"))
	for at := 0; at <= 10; at++ {
		if got := text.LineEnd(at); got != 10 {
			t.Errorf("LineEnd(%d) = %d, want 10", at, got)
		}
	}
	if text.Lines() != 1 {
		t.Errorf("Lines() = %d, want 1", text.Lines())
	}
}
