package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/compose-secure/compose-secure/secret"
)

// logger writes messages for people, or one JSON object a line, to stderr.
// What it is given holds no value: errors and names only.
type logger struct {
	out     io.Writer
	json    bool
	verbose bool
	about   string // stands in front of every message
}

func (l logger) error(text string) { l.write("error", text) }
func (l logger) warn(text string)  { l.write("warning", text) }

func (l logger) debugf(format string, args ...any) {
	if l.verbose {
		l.write("debug", fmt.Sprintf(format, args...))
	}
}

func (l logger) write(level, text string) {
	if l.out == nil {
		return
	}
	text = secret.Printable(l.about + strings.TrimRight(text, " "))
	if !l.json {
		_, _ = fmt.Fprintf(l.out, "compose-secure: %s%s\n", map[string]string{"warning": "warning: "}[level], text)
		return
	}
	encoder := json.NewEncoder(l.out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(map[string]string{"time": time.Now().UTC().Format(time.RFC3339), "level": level, "message": text}) // nowhere left to report to
}
