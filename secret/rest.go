package secret

import "strings"

// HideRest hides what may belong to a value in a line in which values are [Redacted] already: everything
// behind a mark after which it is not certain that the value has ended, such as one in quotes that end early, and the
// user information of an address that is written loosely. It is for lines of a file before a person sees them.
func HideRest(line string) string {
	line = hideLooseUsers(line)
	for from := 0; ; {
		i := strings.Index(line[from:], Redacted)
		if i < 0 {
			return line
		}
		end := from + i + len(Redacted)
		if !hasEnded(line[:from+i], line[end:]) {
			return line[:end]
		}
		from = end
	}
}

// hasEnded reports whether a value between before and rest has certainly ended there.
func hasEnded(before, rest string) bool {
	rest = strings.TrimRight(rest, " \t\r")
	if rest == "" {
		return true
	}
	for _, quote := range [...]string{`"`, `'`} {
		if (strings.Count(before, quote)+strings.Count(rest, quote))%2 != 0 {
			return false
		}
	}
	if strings.Contains(rest, `\`) {
		return false // an escape may be part of the value
	}
	var open byte // the quote that the value stands in
	if n := len(before); n > 0 && (before[n-1] == '"' || before[n-1] == '\'') && strings.Count(before, before[n-1:])%2 != 0 {
		open = before[n-1]
	}
	if next := strings.TrimLeft(rest, " \t"); strings.HasPrefix(next, "$") && !strings.HasPrefix(next, "${") {
		return false // part of the value, or the name of a variable
	}
	switch first := rest[0]; {
	case open != 0 && first != open:
		// user:password@host in quotes, or part of a quoted text
		return !isQuoteMark(first) && first != ' ' && first != '\t' && strings.IndexByte(rest, open) > 0
	case isQuoteMark(first):
		if len(rest) > 1 && isQuoteMark(rest[1]) && rest[1] != first { // '" ends both
			rest = rest[1:]
		}
		return len(rest) == 1 || strings.IndexByte(" \t,]})>;|&:", rest[1]) >= 0
	case first == '@':
		host, _, _ := strings.Cut(rest[1:], " ")
		return !strings.Contains(host, "@")
	case strings.TrimLeft(rest, " \t")[0] == '#' && first != '#':
		comment := strings.TrimLeft(rest, " \t")
		return len(comment) == 1 || comment[1] == ' ' || comment[1] == '#' // else it may be meant as part of the value
	case first == '$': // a variable follows
		return true
	default:
		return strings.IndexByte(" \t,]})>;|&?:", first) >= 0
	}
}

func isQuoteMark(c byte) bool { return c == '"' || c == '\'' }

// hideLooseUsers hides what stands between :// and an @ that comes behind a / or another @, as in a password that nobody has
// escaped. Detection takes the / for the end of the address.
func hideLooseUsers(line string) string {
	for from := 0; ; {
		i := strings.Index(line[from:], "://")
		if i < 0 {
			return line
		}
		start := from + i + len("://")
		end := start
		for end < len(line) && strings.IndexByte(" \t\"'`,", line[end]) < 0 {
			end++
		}
		from = start
		at := strings.LastIndexByte(line[start:end], '@')
		if at < 0 {
			continue
		}
		user := line[start : start+at]
		colon := strings.IndexByte(user, ':')
		if slash := strings.IndexAny(user, "/?#@"); colon >= 0 && slash > colon && !strings.Contains(user, "${") {
			line = line[:start] + Redacted + line[start+at:]
			from = start + len(Redacted)
		}
	}
}
