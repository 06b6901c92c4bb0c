package document

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFinder(t *testing.T) {
	tests := map[string]struct {
		texts []string
		in    string
		want  []Range
	}{
		"none":        {nil, "abc", nil},
		"empty text":  {[]string{""}, "abc", nil},
		"one":         {[]string{"bc"}, "abcbc", []Range{{1, 3}, {3, 5}}},
		"longest":     {[]string{"ab", "abc"}, "abcab", []Range{{0, 3}, {3, 5}}},
		"suffix":      {[]string{"bcd", "c"}, "abcabcd", []Range{{2, 3}, {4, 7}}},
		"overlapping": {[]string{"abc", "cde"}, "abcde", []Range{{0, 5}}},
		"inside":      {[]string{"b", "abcd"}, "abcd", []Range{{0, 4}}},
		"periodic":    {[]string{"aa"}, "aaaaa", []Range{{0, 5}}},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, NewFinder(tt.texts).Find(tt.in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Every byte of every occurrence must be found, and no other.
func TestFinderFindsWhatIndexFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same texts at each run
	word := func(size int) string {
		b := make([]byte, size)
		for i := range b {
			b[i] = "abc"[random.IntN(3)]
		}
		return string(b)
	}
	for range 2000 {
		var texts []string
		for range random.IntN(6) {
			texts = append(texts, word(1+random.IntN(4)))
		}
		in := word(random.IntN(40))
		want, got := make([]bool, len(in)), make([]bool, len(in))
		for _, text := range texts {
			for i := range in {
				if strings.HasPrefix(in[i:], text) {
					for k := range text {
						want[i+k] = true
					}
				}
			}
		}
		for _, r := range NewFinder(texts).Find(in) {
			for i := r.Start; i < r.End; i++ {
				got[i] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q in %q: %s", texts, in, diff)
		}
	}
}

func TestFinderIsLinear(t *testing.T) {
	start := time.Now()
	half := strings.Repeat("a", 1<<19)
	NewFinder([]string{half + "b", half}).Find(half + half)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}
