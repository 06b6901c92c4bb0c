package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/compose-secure/compose-secure/secret"
)

// Logger writes messages for people, or one JSON object a line, to stderr.
// What it is given holds no value: errors and names only.
type Logger struct {
	Out     io.Writer // nil for none
	JSON    bool
	Verbose bool
	About   string // stands in front of every message
}

// Error writes what ends a command.
func (l Logger) Error(text string) { l.write("error", text) }

// Warn writes what does not end it.
func (l Logger) Warn(text string) { l.write("warning", text) }

// Debugf writes what --verbose asks for.
func (l Logger) Debugf(format string, args ...any) {
	if l.Verbose {
		l.write("debug", fmt.Sprintf(format, args...))
	}
}

func (l Logger) write(level, text string) {
	if l.Out == nil {
		return
	}
	text = secret.Printable(l.About + strings.TrimRight(text, " "))
	if !l.JSON {
		_, _ = fmt.Fprintf(l.Out, "compose-secure: %s%s\n", map[string]string{"warning": "warning: "}[level], text)
		return
	}
	encoder := json.NewEncoder(l.Out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(map[string]string{"time": time.Now().UTC().Format(time.RFC3339), "level": level, "message": text}) // nowhere left to report to
}
