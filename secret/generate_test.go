package secret

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestGenerate(t *testing.T) {
	for name, c := range map[string]struct {
		alphabet string
		length   int
		ok       bool
	}{
		"default":         {"alnum", 32, true},
		"hex":             {"hex", 16, true},
		"hex, too short":  {"hex", 15, false},
		"own":             {"äöü", 64, true},
		"one character":   {"aaaa", 64, false},
		"negative length": {"alnum", -1, false},
		"too long":        {"alnum", 5000, false},
	} {
		t.Run(name, func(t *testing.T) {
			one, err := Generate(c.alphabet, c.length)
			if (err == nil) != c.ok {
				t.Fatalf("error %v", err)
			}
			if err != nil {
				return
			}
			other, err := Generate(c.alphabet, c.length)
			if err != nil || one.Equal(other) {
				t.Errorf("two values are equal, or error %v", err)
			}
			text := string(one.Reveal())
			if utf8.RuneCountInString(text) != c.length || strings.Trim(text, Alphabet(c.alphabet)) != "" {
				t.Error("length or alphabet is not what was asked for")
			}
		})
	}
}
