package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/compose-secure/compose-secure/secret"
)

const sentinel = "sentinel-4f1d"

type nested struct {
	Name     string
	Exported secret.Value
	hidden   secret.Value
	pointer  *secret.Value
	list     []secret.Value
	byName   map[string]secret.Value
	any      any
	inner    struct{ deep secret.Value }
}

// holders are all the ways a value may stand in something that is printed.
func holders() map[string]any {
	v := secret.NewValue([]byte(sentinel))
	n := nested{Name: "n", Exported: v, hidden: v, pointer: &v, list: []secret.Value{v}, byName: map[string]secret.Value{"k": v}, any: v}
	n.inner.deep = v
	return map[string]any{
		"value": v, "pointer": &v, "slice": []secret.Value{v}, "array": [1]secret.Value{v},
		"map": map[string]secret.Value{"k": v}, "struct": n, "struct pointer": &n, "slice of structs": []nested{n},
		"slice of pointers": []*nested{&n}, "any": []any{v, &v, n}, "embedded": struct{ secret.Value }{v},
		"key of a map": map[secret.Value]int{v: 1}, "wrapped error": fmt.Errorf("x: %w", fmt.Errorf("value %v", v)),
	}
}

// forms are the ways in which bytes of the value could show up.
func forms() map[string]string {
	bytesOf := fmt.Sprint([]byte(sentinel))
	return map[string]string{
		"text": sentinel, "hex": fmt.Sprintf("%x", sentinel), "HEX": fmt.Sprintf("%X", sentinel),
		"decimal": strings.Trim(bytesOf, "[]"), "base64": "c2VudGluZWwtNGYxZ",
		"Go syntax": strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(sentinel)), "[]byte{"), "}"),
	}
}

func checkHidden(t *testing.T, how, out string) {
	t.Helper()
	for form, s := range forms() {
		if strings.Contains(out, s) {
			t.Errorf("%s shows the value as %s: %s", how, form, out)
		}
	}
}

func TestValueIsNotPrinted(t *testing.T) {
	for name, h := range holders() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s", "%x", "%X", "% x", "%d", "%p", "%t", "%e", "%10.3s", "%!"} {
			checkHidden(t, verb+" of "+name, fmt.Sprintf(verb, h))
		}
		checkHidden(t, "Sprint of "+name, fmt.Sprint(h))
		checkHidden(t, "an error with "+name, fmt.Errorf("x: %v", h).Error())
		checkHidden(t, "a joined error with "+name, errors.Join(fmt.Errorf("%+v", h)).Error())
	}
	if got := fmt.Sprintf("%v %s %q %#v %d", v("x"), v("x"), v("x"), v("x"), v("x")); got != strings.TrimSpace(strings.Repeat(secret.Redacted+" ", 5)) {
		t.Errorf("a value prints as %q", got)
	}
}

func v(s string) secret.Value { return secret.NewValue([]byte(s)) }

func TestValueIsNotMarshaled(t *testing.T) {
	for name, h := range holders() {
		if b, err := json.Marshal(h); err == nil {
			checkHidden(t, "JSON of "+name, string(b))
		}
		if b, err := yaml.Marshal(h); err == nil {
			checkHidden(t, "YAML of "+name, string(b))
		}
		var buf bytes.Buffer
		_ = gob.NewEncoder(&buf).Encode(h) // what it wrote before an error counts, too
		checkHidden(t, "gob of "+name, buf.String())
	}
	for form, marshal := range map[string]func(any) ([]byte, error){"JSON": json.Marshal, "YAML": yaml.Marshal} {
		b, err := marshal(map[string]secret.Value{"k": v(sentinel)})
		if err != nil || !strings.Contains(string(b), secret.Redacted) {
			t.Errorf("%s gives %s, %v; want the redaction", form, b, err)
		}
	}
}

func TestValueIsNotLogged(t *testing.T) {
	for name, h := range holders() {
		var out bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			l := slog.New(handler)
			l.Info("x", "v", h)
			l.With("v", h).WithGroup("g").Info(fmt.Sprint(h), slog.Any("w", h))
		}
		checkHidden(t, "slog of "+name, out.String())
	}
}

func TestValue(t *testing.T) {
	var zero secret.Value
	empty, a, b := v(""), v("a"), v("b")
	if !zero.IsZero() || empty.IsZero() || a.IsZero() {
		t.Error("IsZero: only a value that was never given bytes is zero")
	}
	if !zero.IsEmpty() || !empty.IsEmpty() || a.IsEmpty() {
		t.Error("IsEmpty: a value without bytes is empty")
	}
	if zero.Reveal() != nil || string(a.Reveal()) != "a" {
		t.Error("Reveal gives something else")
	}
	for _, tt := range []struct {
		name string
		x, y secret.Value
		want bool
	}{
		{"same bytes", a, v("a"), true},
		{"other bytes", a, b, false},
		{"longer", a, v("aa"), false},
		{"empty", empty, v(""), true},
		{"zero", zero, secret.Value{}, true},
		{"zero and empty", zero, empty, false},
	} {
		if got := tt.x.Equal(tt.y); got != tt.want {
			t.Errorf("%s: Equal gives %v", tt.name, got)
		}
	}
}
