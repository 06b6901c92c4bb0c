package compose

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamesIn(t *testing.T) {
	tests := map[string]struct {
		path []string
		text string
		want []string
	}{
		"whole":                      {[]string{"environment", "DB_PASSWORD"}, "$PW", []string{"PW"}},
		"whole with a default":       {[]string{"environment", "DB_PASSWORD"}, "${PW:-${OLD_PW}}", []string{"PW", "OLD_PW"}},
		"whole in a list":            {[]string{"environment", "DB_PASSWORD"}, "DB_PASSWORD=${PW}", []string{"PW"}},
		"an address":                 {[]string{"environment", "URL"}, "postgres://u:${PW}@db", []string{"PW"}},
		"an address, secret by name": {[]string{"environment", "API_TOKEN"}, "https://u:${PW}@db", []string{"PW"}},
		"two in a row":               {[]string{"environment", "API_TOKEN"}, "${A}${B}", []string{"A", "B"}},
		"unbraced":                   {[]string{"environment", "DB_PASSWORD"}, "Sup3r$ecret", nil},
		"unbraced behind a mark":     {[]string{"environment", "DB_PASSWORD"}, "Sup3r!$ecret", nil},
		"unbraced at the start":      {[]string{"environment", "DB_PASSWORD"}, "$ecret-9", nil},
		"braced":                     {[]string{"environment", "DB_PASSWORD"}, "p4ss${w?ord}", nil},
		"braced, inner":              {[]string{"environment", "DB_PASSWORD"}, "p4ss${w:-$ord}x", nil},
		"in a default":               {[]string{"environment", "DB_PASSWORD"}, "${PW:-Sup3r$ecret}", []string{"PW"}},
		"in an element of a list":    {[]string{"services", "db", "environment"}, "DB_PASSWORD=Sup3r$ecret", nil},
		"in an address":              {[]string{"environment", "URL"}, "postgres://u:Sup3r$ecret@db", nil},
		"in a command":               {[]string{"services", "db", "command"}, "x --requirepass Sup3r$ecret $PORT", []string{"PORT"}},
		"an image":                   {[]string{"services", "db", "image"}, "registry/$NAME:${TAG}", []string{"NAME", "TAG"}},
		"an escaped dollar":          {[]string{"services", "db", "command"}, "echo $$HOME", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, (&Project{}).NamesIn(tt.path, tt.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
