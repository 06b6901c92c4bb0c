package command

import (
	"flag"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseInterspersed(t *testing.T) {
	cases := map[string]struct {
		args []string
		want []string
		flag bool
		name string
		err  bool
	}{
		"before":            {args: []string{"--dry-run", "--name", "x", "stack"}, want: []string{"stack"}, flag: true, name: "x"},
		"behind":            {args: []string{"stack", "--name=x", "secret", "--dry-run"}, want: []string{"stack", "secret"}, flag: true, name: "x"},
		"a dash is a word":  {args: []string{"stack", "--name", "-", "-"}, want: []string{"stack", "-"}, name: "-"},
		"nothing after --":  {args: []string{"stack", "--", "--dry-run"}, want: []string{"stack", "--dry-run"}},
		"unknown behind":    {args: []string{"stack", "--nope"}, err: true},
		"value is missing":  {args: []string{"stack", "--name"}, err: true},
		"turned off":        {args: []string{"stack", "--dry-run=false"}, want: []string{"stack"}},
		"nothing":           {},
		"only words":        {args: []string{"a", "b"}, want: []string{"a", "b"}},
		"the last one wins": {args: []string{"--name", "a", "s", "--name", "b"}, want: []string{"s"}, name: "b"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			set := flag.NewFlagSet("x", flag.ContinueOnError)
			set.SetOutput(io.Discard)
			dryRun, text := set.Bool("dry-run", false, ""), set.String("name", "", "")
			got, err := parseInterspersed(set, c.args)
			if (err != nil) != c.err {
				t.Fatalf("error %v", err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" || *dryRun != c.flag || *text != c.name {
				t.Errorf("dry-run %t, name %q, arguments: %s", *dryRun, *text, diff)
			}
		})
	}
}
