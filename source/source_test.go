package source_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/source"
)

// fake is a source that gives every reference its own path as the value.
type fake struct {
	scheme  string
	calls   atomic.Int32
	asked   []string
	resolve func(refs []secret.Ref) ([]secret.Value, error)
}

func (f *fake) Scheme() string { return f.scheme }

func (f *fake) Resolve(_ context.Context, refs []secret.Ref) ([]secret.Value, error) {
	f.calls.Add(1)
	var values []secret.Value
	for _, r := range refs {
		f.asked = append(f.asked, r.String())
		values = append(values, secret.NewValue([]byte(r.Path)))
	}
	if f.resolve != nil {
		return f.resolve(refs)
	}
	return values, nil
}

func refs(t *testing.T, texts ...string) []secret.Ref {
	t.Helper()
	var out []secret.Ref
	for _, s := range texts {
		r, err := secret.ParseRef(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func TestResolveAsksEachSourceOnce(t *testing.T) {
	a, b := &fake{scheme: "a"}, &fake{scheme: "b"}
	got, err := source.Resolve(context.Background(), []source.Source{a, b},
		refs(t, "ref+b://2", "ref+a://1", "ref+b://1", "ref+b://2", "ref+a://1#/k"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for k, v := range got {
		values[k] = string(v.Reveal())
	}
	want := map[string]string{"ref+a://1": "1", "ref+a://1#/k": "1", "ref+b://1": "1", "ref+b://2": "2"}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ref+b://1", "ref+b://2"}, b.asked); diff != "" {
		t.Error(diff)
	}
	if a.calls.Load() != 1 || b.calls.Load() != 1 {
		t.Errorf("calls: %d and %d, want 1 each", a.calls.Load(), b.calls.Load())
	}
}

func TestResolveAsksSourcesAtTheSameTime(t *testing.T) {
	meet := make(chan struct{})
	wait := func(refs []secret.Ref) ([]secret.Value, error) {
		select {
		case meet <- struct{}{}:
		case <-meet:
		case <-time.After(10 * time.Second):
			return nil, errors.New("the other source was not asked meanwhile")
		}
		return make([]secret.Value, len(refs)), nil
	}
	_, err := source.Resolve(context.Background(),
		[]source.Source{&fake{scheme: "a", resolve: wait}, &fake{scheme: "b", resolve: wait}}, refs(t, "ref+a://1", "ref+b://1"))
	if err != nil {
		t.Error(err)
	}
}

func TestResolveJoinsErrorsInOrder(t *testing.T) {
	fail := func(text string) func([]secret.Ref) ([]secret.Value, error) {
		return func([]secret.Ref) ([]secret.Value, error) { return nil, errors.New(text) }
	}
	sources := []source.Source{
		&fake{scheme: "b", resolve: fail("b is down")},
		&fake{scheme: "a", resolve: fail("a is down")},
		&fake{scheme: "c", resolve: func([]secret.Ref) ([]secret.Value, error) { return nil, nil }},
	}
	got, err := source.Resolve(context.Background(), sources, refs(t, "ref+y://1", "ref+c://1", "ref+b://1", "ref+x://1", "ref+a://1"))
	if err == nil || got != nil {
		t.Fatal("want an error and no values")
	}
	want := strings.Join([]string{
		`resolve ref+x://1: unknown scheme "x"; known are ref+a, ref+b, ref+c`,
		`resolve ref+y://1: unknown scheme "y"; known are ref+a, ref+b, ref+c`,
		`a is down`,
		`b is down`,
		`the source of ref+c:// gave 0 values for 1 references`,
	}, "\n")
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestResolveNothing(t *testing.T) {
	got, err := source.Resolve(context.Background(), nil, nil)
	if err != nil || len(got) != 0 {
		t.Errorf("got %d values and %v", len(got), err)
	}
}
