package lint

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/compose-secure/compose-secure/secret"
)

// Formats lists the names that Write takes.
func Formats() []string { return []string{"text", "json", "sarif", "github"} }

// Write writes a report. colour counts for text only, which leaves out
// problems and notes: they are for standard error.
func Write(w io.Writer, r *Report, format, version string, colour bool) error {
	switch format {
	case "json":
		return writeJSON(w, r)
	case "sarif":
		return writeJSON(w, sarifOf(r, version))
	case "github":
		return writeGitHub(w, r)
	}
	return writeText(w, r, colour)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Colours of a terminal, https://www.ecma-international.org/publications-and-standards/standards/ecma-48/.
const (
	bold, red, yellow, blue, dim, plain = "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[34m", "\x1b[2m", "\x1b[0m"
)

func writeText(w io.Writer, r *Report, colour bool) error {
	paint := func(style, s string) string {
		if !colour || s == "" {
			return s
		}
		return style + s + plain
	}
	out := bufio.NewWriter(w)
	for i := range r.Findings {
		f := &r.Findings[i]
		style := map[Severity]string{Error: red, Warning: yellow, Info: blue}[f.Severity]
		where := fmt.Sprintf("%s:%d:%d:", secret.Printable(f.File), f.Line, f.Column)
		fmt.Fprintf(out, "%s %s %s\n", paint(bold, where), paint(style, f.Severity.String()+": "+secret.Printable(f.Message)), paint(dim, "["+f.Rule+"]"))
		margin := fmt.Sprintf("%5d | ", f.Line)
		fmt.Fprintf(out, "%s%s\n", paint(dim, margin), printable(f.snippet.line))
		caret := strings.Repeat("^", max(1, f.snippet.end-f.snippet.start))
		fmt.Fprintf(out, "%s%s%s\n", paint(dim, "      | "), indentLike(f.snippet.line, f.snippet.start), paint(style, caret))
		fmt.Fprintf(out, "  hint: %s\n", secret.Printable(f.Hint))
		fmt.Fprintf(out, "  fix: %s: %s\n", f.Fix.By, secret.Printable(f.Fix.Text))
	}
	fmt.Fprintln(out, summaryLine(&r.Summary))
	return out.Flush()
}

func summaryLine(s *Summary) string {
	line := fmt.Sprintf("%s in %s: %s, %s", count(s.Findings, "finding"), count(s.Files, "file"), count(s.Errors, "error"), count(s.Warnings, "warning"))
	if s.Infos > 0 {
		line += ", " + count(s.Infos, "info")
	}
	if s.Ignored > 0 {
		line += fmt.Sprintf("; %d ignored", s.Ignored)
	}
	if s.Baseline > 0 {
		line += fmt.Sprintf("; %d in the baseline", s.Baseline)
	}
	return line
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// indentLike gives the blanks that put the next character below column n of
// line, tabs kept.
func indentLike(line string, n int) string {
	var b strings.Builder
	for _, r := range line {
		if n == 0 {
			break
		}
		n--
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// printable is secret.Printable for a line of a file below which carets stand: each character stays one.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && secret.Printable(string(r)) != string(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// writeGitHub writes workflow commands, see
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands.
func writeGitHub(w io.Writer, r *Report) error {
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	out := bufio.NewWriter(w)
	for i := range r.Findings {
		f := &r.Findings[i]
		level := map[Severity]string{Error: "error", Warning: "warning", Info: "notice"}[f.Severity]
		fmt.Fprintf(out, "::%s file=%s,line=%d,endLine=%d,col=%d,endColumn=%d,title=%s::%s\n", level, property.Replace(secret.Printable(f.File)),
			f.Line, f.EndLine, f.Column, f.EndColumn, property.Replace("compose-secure "+f.Rule), data.Replace(secret.Printable(f.Message+"; hint: "+f.Hint)))
	}
	for _, p := range r.Problems {
		fmt.Fprintf(out, "::error::%s\n", data.Replace(secret.Printable(p)))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(out, "::warning file=%s,line=%d,col=%d::%s\n", property.Replace(secret.Printable(n.File)), n.Line, n.Column, data.Replace(secret.Printable(n.Text)))
	}
	return out.Flush()
}
