package boot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A project is tried again until the time is over, and one that is given up is told by its own process.
func TestRestoreAll(t *testing.T) {
	records := []Record{{Project: "a"}, {Project: "b"}}
	tests := map[string]struct {
		names []string
		b     error
		want  string
	}{
		"all":                {nil, nil, "<nil>"},
		"given up":           {nil, ErrGivenUp, "not restored"},
		"one of them":        {[]string{"a"}, errors.New("not asked"), "<nil>"},
		"cannot be started":  {nil, errors.New("no such program"), "no such program"},
		"in time":            {nil, ErrAgain, "project b: not restored, its containers cannot start; see the messages above, then run compose-secure up"},
		"not known":          {[]string{"a", "c"}, nil, `project "c" is not recorded as active; run compose-secure up once`},
		"given up and wrong": {[]string{"b", "c"}, ErrGivenUp, `project "c" is not recorded as active; run compose-secure up once`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			warned := 0
			err := RestoreAll(t.Context(), records, tt.names, 100*time.Millisecond, func(text string) {
				if warned++; !strings.Contains(text, "trying again in") {
					t.Errorf("warned %q", text)
				}
			}, func(_ context.Context, r Record) error {
				if r.Project == "b" {
					return tt.b
				}
				return nil
			})
			if fmt.Sprint(err) != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if errors.Is(err, ErrGivenUp) != (tt.want == "not restored") || (warned > 0) != errors.Is(tt.b, ErrAgain) {
				t.Errorf("warned %d times, error %v", warned, err)
			}
		})
	}
}
