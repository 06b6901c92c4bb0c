package secret

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A placeholder must name its own input however many there are.
func TestPlaceholdersAtAnyCount(t *testing.T) {
	const count = 1_000_011
	s := NewInputs()
	s.list = make([]Input, count)
	for _, n := range []int{0, 1, 9, 10, 99_999, 100_000, 999_999, 1_000_000, 1_000_001, count - 1} {
		s.list[n].Name = fmt.Sprintf("V%d", n)
		text := "<" + s.token(n) + s.token(n) + "0>"
		if got, want := s.Redact(text), fmt.Sprintf("<${V%d}${V%d}0>", n, n); got != want {
			t.Errorf("input %d: %s, want %s", n, got, want)
		}
	}
	for _, n := range []int{100_000, 1_000_000} {
		if other := s.token(n / 10); strings.HasPrefix(s.token(n), other) {
			t.Errorf("%s is the start of %s", other, s.token(n))
		}
	}
}

func TestTextThatIsNoPlaceholder(t *testing.T) {
	s := NewInputs()
	token := s.Placeholder(Input{Name: "A", Known: NewValue([]byte("x"))})
	for _, text := range []string{
		s.prefix, s.prefix + "z", s.prefix + "0", s.prefix + "1z", s.prefix + "-1z", s.prefix + "99999999999999999999999z", s.prefix + s.prefix,
	} {
		if got := s.Redact(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
		if got, want := s.Redact(text+token+text), text+"${A}"+text; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Many values of one name must not take time that grows with their square.
func TestManyValuesOfOneName(t *testing.T) {
	const count = 200_000
	s, start := NewInputs(), time.Now()
	for i := range count {
		s.Placeholder(Input{Name: "A", Literal: true, Known: NewValue(fmt.Append(nil, i))})
	}
	if len(s.list) != count {
		t.Errorf("%d inputs, want %d", len(s.list), count)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("%d values took %s", count, took)
	}
}
