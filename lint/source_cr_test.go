package lint

import "testing"

// A lone CR is a line break for YAML and not for an editor; a position behind
// it may lie past the end of the file.
func TestLineEndOfLoneCarriageReturns(t *testing.T) {
	s := &source{data: []byte("a\rb")}
	for _, at := range []int{0, 3, 7} {
		if got := s.lineEnd(at); got != len(s.data) {
			t.Errorf("lineEnd(%d) = %d, want %d", at, got, len(s.data))
		}
	}
}
