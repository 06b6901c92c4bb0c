// Package lint finds plaintext secrets, and secrets that are delivered badly,
// in compose files, env files and Dockerfiles. It owns the rules, the reading
// of those files with positions, and the reports. It resolves nothing: it asks
// no engine, no network and no environment, and a file that would not load as
// a project is still read. It changes no file.
package lint

import (
	"fmt"
	"strings"
)

// Severity orders findings.
type Severity int

// The severities, weakest first. Info tells how a secret travels though no
// value is in sight; Warning is a risk; Error is a value that can be read.
const (
	Off Severity = iota
	Info
	Warning
	Error
)

var severityNames = [...]string{Off: "off", Info: "info", Warning: "warning", Error: "error"}

// String gives the word used on the command line.
func (s Severity) String() string { return severityNames[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Severity) UnmarshalText(b []byte) error {
	v, err := ParseSeverity(string(b))
	*s = v
	return err
}

// ParseSeverity is the reverse of String.
func ParseSeverity(text string) (Severity, error) {
	for s, name := range severityNames {
		if name == text {
			return Severity(s), nil
		}
	}
	return Off, fmt.Errorf("severity is off, info, warning or error, not %q", text)
}

// Ways of Fix.
const (
	ByFile = "file" // migrate: the image reads a file
	ByWrap = "wrap" // migrate: the value is read just before the image's own start
	ByHand = "hand" // not by migrate; Text says why
)

// Fix says whether migrate can remove the finding and how.
type Fix struct {
	By   string `json:"by"`
	Text string `json:"text"`
}

// Finding is one result. Line and Column are 1-based, Column counts
// characters; they give the place of the value, not of its key.
type Finding struct {
	Rule      string   `json:"rule"`
	Severity  Severity `json:"severity"`
	File      string   `json:"file"`
	Line      int      `json:"line"`
	Column    int      `json:"column"`
	EndLine   int      `json:"endLine"`
	EndColumn int      `json:"endColumn"`
	Service   string   `json:"service"`
	Key       string   `json:"key"`
	Message   string   `json:"message"`
	Hint      string   `json:"hint"`
	Fix       Fix      `json:"fix"`

	start, end int    // bytes in the file
	edit       string // replaces start..end if hasEdit
	hasEdit    bool
	literal    bool // its range is a value
	snippet    snippet
	path       string               // of the file, on disk
	arg        string               // the argument of a Dockerfile whose outcome is that of the finding; "": Key
	noEdit     bool                 // a variable in its place would not mend it
	unplanned  Reason               // why it stays if no plan has an outcome for it
	hintsWhy   bool                 // the hint is the reason if it stays
	staysHint  string               // the hint if it stays, unless it is ""
	handled    func(l *linter) bool // whether the image reads files, once every file was read; nil: Fix stands
}

// Fingerprint identifies a finding in a baseline. It survives edits elsewhere
// in the file and is made without the value.
func (f *Finding) Fingerprint() string {
	return strings.Join([]string{f.Rule, f.File, f.Service, f.Key}, "|")
}

// Summary counts findings.
type Summary struct {
	Files    int `json:"files"`
	Findings int `json:"findings"`
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`
	Ignored  int `json:"ignored"`  // by a comment in the source
	Baseline int `json:"baseline"` // known from the baseline
}

// Report is the outcome of a run.
type Report struct {
	Findings []Finding `json:"findings"`
	Summary  Summary   `json:"summary"`
	// Problems are files that could not be read as what they are, so that the
	// check is not complete; each is a line with its position.
	Problems []string `json:"problems,omitempty"`
	// Notes are files that another one names and that were not there to check.
	Notes []Note `json:"notes,omitempty"`
	// NothingChecked says why no file was read at all, or is "".
	NothingChecked string `json:"-"`
	// Hidden are the texts that no snippet shows, by the file and line on which they stand: values, and what may belong to one.
	Hidden map[string]map[int][]string `json:"-"`
}
