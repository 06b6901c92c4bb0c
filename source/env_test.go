package source_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/source"
	"github.com/compose-secure/compose-secure/source/sourcetest"
)

func TestEnvConforms(t *testing.T) {
	sourcetest.Run(t, func(*testing.T) sourcetest.Place {
		env := map[string]string{}
		return sourcetest.Place{
			Source: source.NewEnv(func(name string) (string, bool) { v, ok := env[name]; return v, ok }),
			Put: func(_ *testing.T, value string) secret.Ref {
				name := fmt.Sprint("VALUE", len(env))
				env[name] = value
				return secret.Ref{Scheme: "env", Path: name}
			},
			Missing: secret.Ref{Scheme: "env", Path: "NOT_SET"},
		}
	})
}

func TestEnvRefusesWhatItWouldIgnore(t *testing.T) {
	s := source.NewEnv(func(string) (string, bool) { return "set", true })
	for _, ref := range []string{"ref+env://X#/key", "ref+env://X?a=b"} {
		r, err := secret.ParseRef(ref)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Resolve(context.Background(), []secret.Ref{r})
		if err == nil || !strings.Contains(err.Error(), "variable name only") {
			t.Errorf("%s: want an error, got %v", ref, err)
		}
	}
}
