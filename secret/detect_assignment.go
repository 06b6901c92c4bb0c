package secret

import (
	"strings"
	"sync"
)

// findAssignment finds a key and its value inside a longer string where the
// key's name means a secret: ODBC and libpq connection strings, URL queries,
// JVM options, JSON, YAML, INI, PHP and Ruby settings. What follows a key is
// looked at once, so that the cost stays linear.
func findAssignment(s string, from int) Span {
	odbc := sync.OnceValue(func() bool { return isODBC(s) })
	for i := max(from, 1); i < len(s); i++ {
		key, value := assignmentAt(s, i)
		if value == nil {
			continue
		}
		if key == "PWD" && odbc() {
			key = "Pwd" // not the working directory of a shell
		}
		if kind, _, _ := vocab().find(splitWords(key)); kind <= weak && !secretByContext(s, i, key) {
			continue
		}
		v := value(s, i+1)
		if v.Found() && hasAlnum(s[v.Start:v.End]) && (classifyName(key, s[v.Start:v.End]).Secret || secretByContext(s, i, key) && !isReference(s[v.Start:v.End])) {
			return v
		}
		i = max(i, v.End-1)
	}
	return Span{}
}

// isODBC reports whether s is a connection string of ODBC, as far as its keys tell.
func isODBC(s string) bool {
	lower := strings.ToLower(s)
	return strings.Contains(lower, "uid=") && strings.Contains(lower, "server=")
}

// assignmentAt gives the key in front of the separator at s[i], and what reads
// the value behind it; nil when s[i] separates nothing.
func assignmentAt(s string, i int) (key string, value func(string, int) Span) {
	switch s[i] {
	case '=':
		if i+1 < len(s) && s[i+1] == '=' || strings.IndexByte("=!<>", s[i-1]) >= 0 { // compares
			return "", nil
		}
		arrow := i+1 < len(s) && s[i+1] == '>'
		end := i
		for end > 0 && s[end-1] == ' ' {
			end--
		}
		switch {
		case end == 0:
			return "", nil
		case arrow && isQuote(s[end-1]): // "key" => "value"
			return memberBefore(s, end), func(s string, at int) Span { return member(s, at+1) }
		case arrow:
			return "", nil
		case s[end-1] == ']' && end > 1 && isQuote(s[end-2]): // settings['key'] = "value"
			return memberBefore(s, end-1), member
		case end < i: // key = "value"
			return keyBefore(s, end), member
		}
		return keyBefore(s, i), assigned
	case ':':
		if isQuote(s[i-1]) {
			return memberBefore(s, i), member
		}
		if i+1 < len(s) && s[i+1] == ' ' { // a line of YAML
			key := keyBefore(s, i)
			if start := i - len(key); key != "" && startsLine(s, start) {
				return key, line
			}
		}
	case ',':
		if isQuote(s[i-1]) { // define('key', 'value')
			key := memberBefore(s, i)
			if start := i - len(key) - len("''"); start >= 0 && strings.HasSuffix(s[:start], "define(") {
				return key, member
			}
		}
	}
	return "", nil
}

func isQuote(c byte) bool { return c == '"' || c == '\'' }

func hasAlnum(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 || isAlnum(byte(r)) })
}

// startsLine reports whether only blanks and a dash stand between start and
// the line break before it. The first line of a text that has others counts.
func startsLine(s string, start int) bool {
	for start > 0 && (s[start-1] == ' ' || s[start-1] == '-') {
		start--
	}
	return start > 0 && s[start-1] == '\n' || start == 0 && strings.IndexByte(s, '\n') > 0
}

// secretByContext reports whether key, in front of s[i], means a secret
// because of what stands around it: user_NAME of a JAAS login module is a
// password, d and k of a JSON web key are its private half.
func secretByContext(s string, i int, key string) bool {
	const reach = 4096
	switch {
	case strings.HasPrefix(key, "user_"):
		return strings.Contains(s[max(0, i-reach):i], "LoginModule")
	case key == "d" || key == "k":
		return strings.Contains(s[max(0, i-reach):min(len(s), i+reach)], `"kty"`)
	}
	return false
}

// maxKey bounds how far a key is looked for.
const maxKey = 64

func keyBefore(s string, eq int) string {
	start := eq
	for start > 0 && eq-start < maxKey && (isAlnum(s[start-1]) || strings.IndexByte("_.-", s[start-1]) >= 0) {
		start--
	}
	return s[start:eq]
}

func memberBefore(s string, colon int) string {
	before := s[max(0, colon-1-maxKey) : colon-1]
	return before[strings.LastIndexByte(before, s[colon-1])+1:]
}

func assigned(s string, at int) Span {
	if at < len(s) && (s[at] == '"' || s[at] == '\'') {
		n := strings.IndexByte(s[at+1:], s[at])
		return Span{at + 1, at + 1 + max(n, 0)}
	}
	n := strings.IndexAny(s[at:], "; &\t\r\n\"',")
	if n < 0 {
		return Span{at, len(s)}
	}
	return Span{at, at + n}
}

func member(s string, at int) Span {
	for at < len(s) && (s[at] == ' ' || s[at] == '\n' || s[at] == '\t') {
		at++
	}
	if at >= len(s) || s[at] != '"' && s[at] != '\'' {
		return Span{}
	}
	end := at + 1
	for end < len(s) && s[end] != s[at] {
		if s[end] == '\\' {
			end++
		}
		end++
	}
	return Span{at + 1, min(end, len(s))}
}

// line gives the rest of a line, without quotes and comment.
func line(s string, at int) Span {
	end := at
	for end < len(s) && s[end] != '\n' {
		end++
	}
	if i := strings.Index(s[at:end], " #"); i >= 0 {
		end = at + i
	}
	for at < end && s[at] == ' ' {
		at++
	}
	for end > at && (s[end-1] == ' ' || s[end-1] == '\r') {
		end--
	}
	if end-at >= 2 && isQuote(s[at]) && s[end-1] == s[at] {
		return Span{at + 1, end - 1}
	}
	return Span{at, end}
}
