package source

import (
	"context"
	"errors"
	"fmt"

	"github.com/compose-secure/compose-secure/secret"
)

// Env resolves ref+env://NAME: the value of an environment variable, byte for
// byte. A variable that is set to nothing is an empty value.
type Env struct {
	lookup func(name string) (string, bool)
}

var _ Source = (*Env)(nil)

// NewEnv returns the source over lookup, which works as os.LookupEnv does.
func NewEnv(lookup func(name string) (string, bool)) *Env { return &Env{lookup: lookup} }

// Scheme implements Source.
func (*Env) Scheme() string { return "env" }

// Resolve implements Source.
func (e *Env) Resolve(ctx context.Context, refs []secret.Ref) ([]secret.Value, error) {
	return resolveEach(ctx, refs, e.one)
}

func (e *Env) one(ref secret.Ref) (secret.Value, error) {
	if len(ref.Params) > 0 || len(ref.Key) > 0 {
		return secret.Value{}, errors.New("ref+env takes a variable name only; remove what follows it")
	}
	v, ok := e.lookup(ref.Path)
	if !ok {
		return secret.Value{}, fmt.Errorf("the environment variable %q is not set; export it first", ref.Path)
	}
	if err := checkSize(len(v)); err != nil {
		return secret.Value{}, err
	}
	return secret.NewValue([]byte(v)), nil
}
