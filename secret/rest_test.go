package secret_test

import (
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/secret"
)

func TestHideRest(t *testing.T) {
	for line, want := range map[string]string{
		// Certain: the line stays.
		`A: [redacted]`:                              `A: [redacted]`,
		`A: "[redacted]"`:                            `A: "[redacted]"`,
		`A: [redacted] # why`:                        `A: [redacted] # why`,
		`A: "postgres://u:[redacted]@h/d"`:           `A: "postgres://u:[redacted]@h/d"`,
		`["A=postgres://u:[redacted]@h/d", "B=c"]`:   `["A=postgres://u:[redacted]@h/d", "B=c"]`,
		`["--password=[redacted]", "-a"]`:            `["--password=[redacted]", "-a"]`,
		`{A_TOKEN: [redacted], B: c}`:                `{A_TOKEN: [redacted], B: c}`,
		`mysql --password=[redacted] -h x`:           `mysql --password=[redacted] -h x`,
		`o: "username=x,password=[redacted],vers=3"`: `o: "username=x,password=[redacted],vers=3"`,
		`image: https://example.com:80/x`:            `image: https://example.com:80/x`,
		// Not certain: the rest goes.
		`A="[redacted]"ssSENTINEL`:                              `A="[redacted]`,
		`A="[redacted]""SENTINEL"`:                              `A="[redacted]`,
		`A='[redacted]'s SENTINEL'`:                             `A='[redacted]`,
		`A='[redacted]' SENTINEL'`:                              `A='[redacted]`,
		`psql "host=x password='[redacted] SENTINEL' dbname=z"`: `psql "host=x password='[redacted]`,
		`A: [redacted]SENTINEL`:                                 `A: [redacted]`,
		`A: "[redacted]\"SENTINEL"`:                             `A: "[redacted]`,
		`postgres://u:[redacted]@SENTINEL@h`:                    `postgres://[redacted]@h`,
		`["A=[redacted]", "R=redis://:pa/SENTINEL@h"]`:          `["A=[redacted]", "R=redis://[redacted]@h"]`,
	} {
		if got := secret.HideRest(line); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

func FuzzHideRest(f *testing.F) {
	f.Add(`A="[redacted]"ss`)
	f.Add(`x://a:b/c@d [redacted]@`)
	f.Fuzz(func(t *testing.T, line string) {
		got := secret.HideRest(line)
		if again := secret.HideRest(got); again != got {
			t.Errorf("%q gives %q, then %q", line, got, again)
		}
		if len(got) > len(line) && !strings.Contains(got, secret.Redacted) {
			t.Errorf("%q gives %q", line, got)
		}
	})
}
