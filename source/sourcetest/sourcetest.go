// Package sourcetest is the conformance suite that every source of a ref+
// scheme must pass. It is used by tests only.
package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/source"
)

// Place is a source under test together with what it reads from.
type Place struct {
	Source source.Source
	// Put stores a value at a place of its own and gives the reference to it.
	Put func(t *testing.T, value string) secret.Ref
	// Missing refers to a file, variable, ... that does not exist.
	Missing secret.Ref
	// AbsentKey refers to a key that is not in an existing document. Its zero
	// value says that the scheme has no keys.
	AbsentKey secret.Ref
}

// sentinel stands in a value that must not show up anywhere else.
const sentinel = "sentinel-b7e1c9"

// Run checks the source that newPlace gives; every case gets a new one.
func Run(t *testing.T, newPlace func(t *testing.T) Place) {
	t.Run("values", func(t *testing.T) { testValues(t, newPlace) })
	t.Run("order", func(t *testing.T) { testOrder(t, newPlace(t)) })
	t.Run("over the limit", func(t *testing.T) { testLimit(t, newPlace(t)) })
	t.Run("missing", func(t *testing.T) { testMissing(t, newPlace(t)) })
	t.Run("errors of all references", func(t *testing.T) { testAllErrors(t, newPlace(t)) })
	t.Run("concurrent", func(t *testing.T) { testConcurrent(t, newPlace(t)) })
	t.Run("canceled", func(t *testing.T) { testCanceled(t, newPlace(t)) })
}

func testValues(t *testing.T, newPlace func(t *testing.T) Place) {
	for name, value := range map[string]string{
		"plain":            "hunter2",
		"empty":            "",
		"newline at end":   "hunter2\n",
		"newlines":         "\n\nhunter2\n\n",
		"CRLF":             "hunter2\r\nhunter3\r\n",
		"blanks":           "  hunter2\t ",
		"syntax":           `$X ${Y} $$ 'a' "b" \n #c: d=e {f}`,
		"unicode":          "пароль ✓ 𝄞",
		"number like":      "0123",
		"400 KB":           strings.Repeat("0123456789abcde\n", 25_000),
		"just under limit": strings.Repeat("x", secret.MaxSize-1),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			ref := p.Put(t, value)
			if ref.Scheme != p.Source.Scheme() {
				t.Fatalf("reference of scheme %q for a source of scheme %q", ref.Scheme, p.Source.Scheme())
			}
			got, err := p.Source.Resolve(context.Background(), []secret.Ref{ref})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].IsZero() || string(got[0].Reveal()) != value {
				t.Error("the value is not what was put there, byte for byte")
			}
		})
	}
}

func testOrder(t *testing.T, p Place) {
	var refs []secret.Ref
	for i := range 20 {
		refs = append(refs, p.Put(t, fmt.Sprint("value ", i)))
	}
	refs = append(refs, refs[3])
	got, err := p.Source.Resolve(context.Background(), refs)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(refs) {
		t.Fatalf("%d values for %d references", len(got), len(refs))
	}
	for i, v := range got {
		want := fmt.Sprint("value ", i)
		if i == 20 {
			want = "value 3"
		}
		if string(v.Reveal()) != want {
			t.Errorf("value %d stands in the wrong place", i)
		}
	}
}

func testLimit(t *testing.T, p Place) {
	ref := p.Put(t, sentinel+strings.Repeat("x", secret.MaxSize-len(sentinel)))
	err := mustFail(t, p, ref)
	if !strings.Contains(err.Error(), fmt.Sprint(secret.MaxSize)) {
		t.Errorf("the error does not name the limit: %v", err)
	}
}

func testMissing(t *testing.T, p Place) {
	_ = mustFail(t, p, p.Missing) // it checks the message
	if p.AbsentKey.Scheme == "" {
		return
	}
	err := mustFail(t, p, p.AbsentKey)
	last := p.AbsentKey.Key[len(p.AbsentKey.Key)-1]
	if !strings.Contains(err.Error(), fmt.Sprintf("%q", last)) {
		t.Errorf("the error does not name the key %q: %v", last, err)
	}
}

// mustFail checks the form of the error of one reference.
func mustFail(t *testing.T, p Place, ref secret.Ref) error {
	t.Helper()
	got, err := p.Source.Resolve(context.Background(), []secret.Ref{ref})
	if err == nil {
		t.Fatalf("%s resolves", ref)
	}
	if got != nil {
		t.Error("values next to an error")
	}
	text := err.Error()
	if strings.Contains(text, "\n") || strings.HasSuffix(text, ".") || strings.Contains(text, "failed to") {
		t.Errorf("not one line in the style of the project: %q", text)
	}
	if !strings.Contains(text, ref.String()) {
		t.Errorf("the error does not name %s: %v", ref, err)
	}
	if strings.Contains(fmt.Sprintf("%+v %#v", err, err), sentinel) {
		t.Error("the error contains a value")
	}
	return err
}

func testAllErrors(t *testing.T, p Place) {
	good := p.Put(t, sentinel)
	other := p.Missing
	other.Path += "2"
	got, err := p.Source.Resolve(context.Background(), []secret.Ref{p.Missing, good, other})
	if err == nil || got != nil {
		t.Fatal("a missing reference among others is no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], p.Missing.String()) || !strings.Contains(lines[1], other.String()) {
		t.Errorf("want one line per failing reference, in order, got:\n%v", err)
	}
	if strings.Contains(err.Error(), sentinel) {
		t.Error("the error contains a value")
	}
}

func testConcurrent(t *testing.T, p Place) {
	refs := []secret.Ref{p.Put(t, "one"), p.Put(t, "two")}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := p.Source.Resolve(context.Background(), refs)
			if err != nil {
				t.Error(err)
				return
			}
			if string(got[0].Reveal()) != "one" || string(got[1].Reveal()) != "two" {
				t.Error("wrong values under concurrent use")
			}
		})
	}
	wg.Wait()
}

func testCanceled(t *testing.T, p Place) {
	ctx, cancel := context.WithCancel(context.Background())
	ref := p.Put(t, sentinel)
	cancel()
	got, err := p.Source.Resolve(ctx, []secret.Ref{ref})
	if !errors.Is(err, context.Canceled) || got != nil {
		t.Errorf("want context.Canceled and no values, got %v", err)
	}
}
