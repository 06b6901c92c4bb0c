package migrate

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/compose-secure/compose-secure/document"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
)

// Diff gives a change as a unified diff. No value that the plan knows shows,
// also not in a line that stays.
func (p *Plan) Diff(c *Change) string {
	mask := newMask(p.hidden, p.partly)
	mask.env, mask.onLine = isEnvFile(c.Shown), p.onLine[c.Shown]
	var b strings.Builder
	from := "a/" + c.Shown
	if c.Old == nil {
		from = "/dev/null"
	}
	fmt.Fprintf(&b, "--- %s\n+++ b/%s\n", secret.Printable(from), secret.Printable(c.Shown))
	t := document.New(c.Old)
	for _, h := range merged(regions(t, c.edits), len(linesOf(t))) {
		h.print(&b, linesOf(t), mask)
	}
	return b.String()
}

// linesOf returns the lines with their ends.
func linesOf(t *document.Text) []string {
	return strings.SplitAfter(strings.TrimSuffix(string(t.Bytes()), "\n"), "\n")
}

// region is lines from..to (0-based, to not included) and what they become.
type region struct {
	from, to int
	add      []string
}

// regions turns edits into changed lines.
func regions(t *document.Text, edits []document.Edit) []region {
	edits = slices.Clone(edits)
	document.Sort(edits)
	lines := linesOf(t)
	if len(t.Bytes()) == 0 {
		lines = nil
	}
	var list []region
	for i := 0; i < len(edits); {
		from := t.Line(edits[i].Start) - 1
		to := from + 1
		var out strings.Builder
		at := t.LineStart(from + 1)
		for ; i < len(edits) && t.Line(edits[i].Start)-1 < to; i++ {
			out.Write(t.Bytes()[at:edits[i].Start])
			out.WriteString(edits[i].Text)
			at = edits[i].End
			last := t.Line(max(edits[i].Start, at-1)) - 1
			if at > edits[i].Start && at == len(t.Bytes()) || last >= to {
				to = max(to, last+1)
			}
		}
		end := len(t.Bytes())
		if to < t.Lines() {
			end = t.LineStart(to + 1)
		}
		if at > end {
			end = at
		}
		out.Write(t.Bytes()[at:end])
		r := region{from: from, to: min(to, len(lines))}
		r.from = min(r.from, len(lines))
		if s := strings.TrimSuffix(out.String(), "\n"); s != "" {
			r.add = strings.SplitAfter(s, "\n")
		}
		list = append(list, r.trim(lines))
	}
	return list
}

// trim takes lines that stay off both ends.
func (r region) trim(lines []string) region {
	for len(r.add) > 0 && r.from < r.to && bare(r.add[0]) == bare(lines[r.from]) {
		r.add, r.from = r.add[1:], r.from+1
	}
	for len(r.add) > 0 && r.from < r.to && bare(r.add[len(r.add)-1]) == bare(lines[r.to-1]) {
		r.add, r.to = r.add[:len(r.add)-1], r.to-1
	}
	return r
}

func bare(line string) string { return strings.TrimRight(line, "\r\n") }

const around = 3 // lines of context

// hunk is regions whose context touches.
type hunk struct {
	from, to int // lines of the old file
	shift    int // lines added before
	regions  []region
}

func merged(list []region, lines int) []hunk {
	var hunks []hunk
	shift := 0
	for _, r := range list {
		from, to := max(0, r.from-around), min(lines, r.to+around)
		if n := len(hunks); n > 0 && from <= hunks[n-1].to {
			hunks[n-1].to = max(to, hunks[n-1].to)
			hunks[n-1].regions = append(hunks[n-1].regions, r)
		} else {
			hunks = append(hunks, hunk{from, to, shift, []region{r}})
		}
		shift += len(r.add) - (r.to - r.from)
	}
	return hunks
}

func (h *hunk) print(b *strings.Builder, lines []string, mask *mask) {
	added := 0
	for _, r := range h.regions {
		added += len(r.add) - (r.to - r.from)
	}
	if len(lines) == 1 && lines[0] == "" { // a new file
		lines, h.to = nil, 0
	}
	start := func(from, count int) int {
		if count == 0 {
			return from
		}
		return from + 1
	}
	count := h.to - h.from
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", start(h.from, count), count, start(h.from+h.shift, count+added), count+added)
	at := h.from
	for _, r := range h.regions {
		mask.print(b, " ", lines[at:r.from], at)
		mask.print(b, "-", lines[r.from:r.to], r.from)
		mask.added(b, r)
		at = r.to
	}
	mask.print(b, " ", lines[at:h.to], at)
}

// mask replaces values.
type mask struct {
	long   *document.Finder
	short  []string          // that count as a word of their own alone, or nothing would be left to read
	partly map[string]string // what stands for texts of which a part is a value
	beside *document.Finder  // these texts
	env    bool              // the lines are those of an env file
	onLine map[int][]string  // by line (1-based) of the old file, what is hidden on it
}

// short is below how many bytes a value counts as a word of its own alone.
const short = 4

func newMask(texts []string, partly map[string]string) *mask {
	m := &mask{partly: partly, beside: document.NewFinder(slices.Collect(maps.Keys(partly)))}
	var long []string
	for _, text := range slices.Compact(slices.Sorted(slices.Values(texts))) {
		if len(text) < short {
			m.short = append(m.short, text)
		} else {
			long = append(long, text)
		}
	}
	m.long = document.NewFinder(long)
	return m
}

// print prints lines of the old file from line from (0-based) on.
func (m *mask) print(b *strings.Builder, sign string, lines []string, from int) {
	for i, l := range lines {
		b.WriteString(sign + m.shown(bare(l), m.onLine[from+i+1]) + "\n")
	}
}

// added prints what the lines of a region become. What is hidden on any of these is hidden on all of those.
func (m *mask) added(b *strings.Builder, r region) {
	var hidden []string
	for line := r.from; line < r.to; line++ {
		hidden = append(hidden, m.onLine[line+1]...)
	}
	for _, l := range r.add {
		line := m.shown(bare(l), hidden)
		if i := strings.Index(line, " #"); i >= 0 && len(line) > i+2 && line[i+2] != ' ' && line[i+2] != '#' {
			line = line[:i+2] + secret.Redacted // it may be meant as part of the value that has moved
		}
		b.WriteString("+" + line + "\n")
	}
}

// shown is a line as a person may see it: what lint hides on it, what the plan does not know, or what may belong to a value, is hidden as well.
func (m *mask) shown(line string, hidden []string) string {
	if m.env && !isAssignment(line) {
		return secret.Redacted
	}
	line = m.line(line)
	for _, text := range hidden {
		if len(text) < short {
			line = replaceWord(line, text)
		} else {
			line = strings.ReplaceAll(line, text, secret.Redacted)
		}
	}
	return withoutControl(lint.MaskLine(secret.Policy{}, line))
}

// isEnvFile reports whether a changed file is an env file, by its name: those that are edited are these,
// compose files, Dockerfiles and ignore files.
func isEnvFile(name string) bool {
	base := strings.ToLower(filepath.Base(name))
	switch filepath.Ext(base) {
	case ".yaml", ".yml", ".json":
		return false
	}
	return !strings.Contains(base, "dockerfile") && !strings.HasSuffix(base, "ignore")
}

// isAssignment reports whether a line of an env file stands by itself: it is no line of a value that somebody broke
// over several, such as a key in base64.
func isAssignment(line string) bool {
	text := strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
	if text == "" || text[0] == '#' {
		return true
	}
	name, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(text, "export ")), "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" || strings.HasPrefix(value, "=") {
		return false
	}
	for i := range len(name) {
		if !wordAt(name, i) && name[i] != '.' && name[i] != '-' {
			return false
		}
	}
	const longest = 20 // of a name in mixed case without a mark, which a line of base64 looks like
	return len(name) <= longest || value != "" || strings.ContainsAny(name, "_.-")
}

// line replaces every value in a line.
func (m *mask) line(s string) string {
	s = replaceFound(s, m.beside.Find(s), func(text string) string {
		if shown, ok := m.partly[text]; ok {
			return shown
		}
		return secret.Redacted // several that overlap
	})
	s = replaceFound(s, m.long.Find(s), func(string) string { return secret.Redacted })
	for _, t := range m.short {
		s = replaceWord(s, t)
	}
	return s
}

// withoutControl replaces what could command a terminal.
func withoutControl(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func replaceFound(s string, found []document.Range, with func(string) string) string {
	if len(found) == 0 {
		return s
	}
	var b strings.Builder
	at := 0
	for _, r := range found {
		b.WriteString(s[at:r.Start] + with(s[r.Start:r.End]))
		at = r.End
	}
	return b.String() + s[at:]
}

// replaceWord replaces a short value where it is a word of its own.
func replaceWord(s, word string) string {
	if word == "" || !strings.Contains(s, word) {
		return s
	}
	var b strings.Builder
	for at := 0; ; {
		i := strings.Index(s[at:], word)
		if i < 0 {
			return b.String() + s[at:]
		}
		i += at
		if wordAt(s, i-1) || wordAt(s, i+len(word)) {
			b.WriteString(s[at : i+1])
			at = i + 1
			continue
		}
		b.WriteString(s[at:i] + secret.Redacted)
		at = i + len(word)
	}
}

func wordAt(s string, i int) bool {
	return i >= 0 && i < len(s) && (s[i] == '_' || s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z')
}
