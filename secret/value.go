// Package secret owns what a secret is: the redacting Value, the ref+
// reference, the inputs of a project and their placeholders, the detection of secret names and values, and the catalogue of
// images that read secrets from files. It reads no file, opens no connection
// and never prints a value.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what every printed form of a Value shows.
const Redacted = "[redacted]"

// MaxSize is the size in bytes that a secret must stay under: 500 KiB, which a
// swarm refuses with "secret data must be larger than 0 and less than 512000 bytes". It is kept everywhere, so that a
// project can move there, see https://docs.docker.com/engine/swarm/secrets/.
const MaxSize = 512_000

// Value is the content of one secret. Every way of printing or marshaling it
// shows Redacted, also when it is a field of another struct: the bytes sit
// behind a pointer to a pointer, so that not even %+v of a struct with an
// unexported Value reaches them. The zero Value holds nothing.
type Value struct{ p **[]byte }

// NewValue takes ownership of b.
func NewValue(b []byte) Value {
	inner := &b
	return Value{p: &inner}
}

// Reveal returns the bytes themselves, not a copy. Its result may be stored, encrypted or compared; it
// must never reach an argument list, an environment or an error.
func (v Value) Reveal() []byte {
	if v.p == nil {
		return nil
	}
	return **v.p
}

// IsZero reports whether v was never given bytes (an empty secret is not zero).
func (v Value) IsZero() bool { return v.p == nil }

// IsEmpty reports whether v holds no byte at all.
func (v Value) IsEmpty() bool { return len(v.Reveal()) == 0 }

// Equal compares in constant time for equal lengths.
func (v Value) Equal(o Value) bool {
	return v.IsZero() == o.IsZero() && subtle.ConstantTimeCompare(v.Reveal(), o.Reveal()) == 1
}

// String implements fmt.Stringer.
func (Value) String() string { return Redacted }

// GoString implements fmt.GoStringer.
func (Value) GoString() string { return Redacted }

// Format implements fmt.Formatter for every verb.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements slog.LogValuer.
func (Value) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements encoding.TextMarshaler, and with it JSON and YAML.
func (Value) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON implements json.Marshaler.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalYAML implements the Marshaler of the YAML libraries in use.
func (Value) MarshalYAML() (any, error) { return Redacted, nil }

// MarshalBinary implements encoding.BinaryMarshaler, and with it gob.
func (Value) MarshalBinary() ([]byte, error) { return []byte(Redacted), nil }
