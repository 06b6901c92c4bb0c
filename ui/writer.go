// Package ui owns how text reaches a person: what a file, an engine or a registry says cannot command the
// terminal that it is printed on. It does not decide what is said, and it hides no value.
package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/compose-secure/compose-secure/secret"
)

// Writer writes text for people to another writer. Control characters but line feed and tab, characters that
// change the direction of writing, and bytes that are no UTF-8 are written as escapes, as [secret.Printable] gives them.
// It is safe for concurrent use.
type Writer struct {
	out  io.Writer
	mu   sync.Mutex
	tail []byte // the begin of a character whose other bytes have not been written yet
}

var _ io.Writer = (*Writer)(nil)

// NewWriter returns a Writer on out. nil gives nil, so that a stream that is not there stays so.
func NewWriter(out io.Writer) io.Writer {
	if out == nil {
		return nil
	}
	if w, ok := out.(*Writer); ok {
		return w
	}
	return &Writer{out: out}
}

// Write implements io.Writer. The bytes of a character may come in several calls.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := p
	if len(w.tail) > 0 {
		text = append(w.tail, p...)
		w.tail = nil
	}
	if n := incomplete(text); n > 0 {
		w.tail = bytes.Clone(text[len(text)-n:])
		text = text[:len(text)-n]
	}
	if _, err := io.WriteString(w.out, printable(string(text))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// incomplete returns how many bytes at the end of text are the begin of a character.
func incomplete(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if c := text[len(text)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(text[len(text)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// printable is secret.Printable for text of several lines and columns.
func printable(text string) string {
	if isPrintable(text) {
		return text
	}
	var b strings.Builder
	for text != "" {
		n := strings.IndexAny(text, "\n\t")
		if n < 0 {
			n = len(text)
		}
		b.WriteString(secret.Printable(text[:n]))
		if n < len(text) {
			b.WriteByte(text[n])
			n++
		}
		text = text[n:]
	}
	return b.String()
}

// isPrintable reports whether printable leaves text as it is, as it does nearly always.
func isPrintable(text string) bool {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\t' }) {
		if secret.Printable(part) != part {
			return false
		}
	}
	return true
}

// Printf is fmt.Fprintf for a message with text of strangers in it: each string, error and Stringer among args is
// written with its line feeds and tabs as escapes too, so that it cannot pass for a line of its own.
func Printf(w io.Writer, format string, args ...any) error {
	safe := make([]any, len(args))
	for i, arg := range args {
		switch a := arg.(type) {
		case string:
			safe[i] = secret.Printable(a)
		case error:
			safe[i] = secret.Printable(a.Error())
		case fmt.Stringer:
			safe[i] = secret.Printable(a.String())
		default:
			safe[i] = arg
		}
	}
	_, err := fmt.Fprintf(w, format, safe...)
	return err
}
