package secret

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
)

// Span is the place of a credential inside a longer string, in bytes.
type Span struct{ Start, End int }

// Argument is a credential in one element of an argument list, in bytes of that element.
type Argument struct {
	Index int
	Span
	Name string // of the flag or variable that it belongs to, "" when nothing tells
}

// Found reports whether the span holds anything.
func (s Span) Found() bool { return s.End > s.Start }

// FindCredential finds the first credential in s that can be told by its form
// alone: a password in a URL or a connection string, a provider's token, a
// private key, a JWT, a password hash. The cost is linear in len(s).
func FindCredential(s string) Span {
	best := Span{}
	for _, find := range finders() {
		if got := find(s, 0); got.Found() && (!best.Found() || got.Start < best.Start) {
			best = got
		}
	}
	return best
}

// FindCredentials finds all of them, in order. Of two that overlap, the first
// counts.
func FindCredentials(s string) []Span {
	var all []Span
	for _, find := range finders() {
		for from := 0; from < len(s); {
			got := find(s, from)
			if !got.Found() {
				break
			}
			all = append(all, got)
			from = got.End
		}
	}
	slices.SortStableFunc(all, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	kept := all[:0]
	for _, a := range all {
		if len(kept) == 0 || a.Start >= kept[len(kept)-1].End {
			kept = append(kept, a)
		}
	}
	return kept
}

// finder finds the first credential of one form at or behind from. It reads
// no further than to that one, so that finding all stays linear.
type finder func(s string, from int) Span

var finders = sync.OnceValue(newFinders)

func newFinders() []finder {
	list := []finder{
		ahead(findUserinfo), ahead(findPrivateKey), ahead(findToken), ahead(findHash), ahead(findSHA), ahead(findAuthorization), ahead(findEncodedKey), findAssignment,
	}
	for _, mark := range [...]string{"@tcp(", "@unix(", "@("} {
		list = append(list, ahead(func(s string) Span { return findGoDSN(s, mark) }))
	}
	for _, mark := range [...]string{
		"hooks.slack.com/services/T", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/",
		".webhook.office.com/", "outlook.office.com/webhook/", "hooks.zapier.com/hooks/catch/",
		"chat.googleapis.com/v1/spaces/",
	} {
		list = append(list, ahead(func(s string) Span { return findWebhook(s, mark) }))
	}
	return list
}

// findEncodedKey finds JSON in base64 that holds a private key, as programs take the file of a service account.
func findEncodedKey(s string) Span {
	const mark, most = "eyJ", 1 << 16 // base64 of {"
	for at := 0; ; {
		i := strings.Index(s[at:], mark)
		if i < 0 {
			return Span{}
		}
		start := at + i
		end := start
		for end < len(s) && (isAlnum(s[end]) || s[end] == '+' || s[end] == '/') {
			end++
		}
		at = max(end, start+len(mark))
		text, err := base64.RawStdEncoding.DecodeString(s[start:min(end, start+most)])
		if err == nil && bytes.Contains(text, []byte(`"private_key"`)) {
			for end < len(s) && s[end] == '=' {
				end++
			}
			return Span{start, end}
		}
	}
}

// ahead makes a finder of a function that needs nothing of what stands before.
func ahead(find func(string) Span) finder {
	return func(s string, from int) Span {
		got := find(s[from:])
		if !got.Found() {
			return Span{}
		}
		return Span{got.Start + from, got.End + from}
	}
}

// notifiers are schemes whose user is the token of a chat, as Shoutrrr and
// Apprise write it: https://containrrr.dev/shoutrrr/v0.8/services/overview/.
var notifiers = words("discord slack telegram tgram pushover pushbullet teams rocketchat zulip join pushed prowl matrixs")

// looseUserinfo returns the password at the begin of s, what follows the colon of an address, when it holds a character
// that nobody has escaped: a / or ?, which end the address for a parser, and white space and quotes where alone says that the
// address is all there is. A port is none. It returns "" for none.
func looseUserinfo(s string, alone bool) string {
	digits := 0
	for digits < len(s) && isDigit(s[digits]) {
		digits++
	}
	if digits > 0 && (digits == len(s) || !isAlnum(s[digits])) {
		return ""
	}
	end := 0
	for end < len(s) && end < maxLoose && (alone || strings.IndexByte(" \t\r\n", s[end]) < 0) {
		if !alone && isQuote(s[end]) && (end == 0 || end+1 >= len(s) || !isAlnum(s[end-1]) || !isAlnum(s[end+1])) {
			break // one inside of a word is part of it
		}
		end++
	}
	at := strings.LastIndexByte(s[:end], '@')
	if alone && at >= 0 && strings.ContainsAny(s[at:], " \t\r\n\"'`") {
		return looseUserinfo(s, false) // text follows the address
	}
	if at <= 0 || at+1 >= len(s) || !isAlnum(s[at+1]) || !isAlnum(s[0]) || strings.Contains(s[:at], "://") || strings.Contains(s[:at], "${") || isReference(s[:at]) {
		return ""
	}
	return s[:at]
}

// isScheme reports whether s is the scheme of an address, https://www.rfc-editor.org/rfc/rfc3986#section-3.1.
func isScheme(s string) bool {
	const long = 64
	if s == "" || len(s) > long || !isLetter(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("+-.", s[i]) < 0 {
			return false
		}
	}
	return true
}

// maxLoose bounds how far an @ is looked for, in bytes, so that many addresses stay linear.
const maxLoose = 256

// findUserinfo finds the password of scheme://user:password@host, and the user
// where that is the secret.
func findUserinfo(s string) Span {
	for at := 0; ; {
		i := strings.Index(s[at:], "://")
		if i < 0 {
			return Span{}
		}
		start := at + i + len("://")
		end := start
		for end < len(s) && !strings.ContainsRune("/?# \t\r\n\"'`|,;", rune(s[end])) {
			end++
		}
		authority := s[start:end]
		at = start
		host := strings.LastIndexByte(authority, '@')
		colon := strings.IndexByte(authority, ':')
		if host < 0 && colon >= 0 && i > 0 {
			if password := looseUserinfo(s[start+colon+1:], isScheme(s[:start-len("://")])); password != "" {
				return Span{start + colon + 1, start + colon + 1 + len(password)}
			}
		}
		if host < 0 || i == 0 && at == len("://") {
			continue
		}
		if colon < 0 || colon > host {
			if token := authority[:host]; notifiers.has(schemeBefore(s, start)) && token != "" && !isReference(token) {
				return Span{start, start + host}
			}
			continue
		}
		if password := authority[colon+1 : host]; password != "" && !isReference(password) {
			return Span{start + colon + 1, start + host}
		}
	}
}

// findGoDSN finds the password of user:password@tcp(host:port)/db, see
// https://github.com/go-sql-driver/mysql#dsn-data-source-name.
func findGoDSN(s, mark string) Span {
	for from := 0; ; {
		i := strings.Index(s[from:], mark)
		if i < 0 {
			return Span{}
		}
		at := from + i
		start := from + strings.LastIndexAny(s[from:at], " \t\n\"'=") + 1
		if colon := strings.IndexByte(s[start:at], ':'); colon > 0 {
			if p := s[start+colon+1 : at]; p != "" && !isReference(p) && !strings.Contains(p, "//") {
				return Span{start + colon + 1, at}
			}
		}
		from = at + len(mark)
	}
}

// findPrivateKey finds a PEM or PGP private key with a body.
func findPrivateKey(s string) Span {
	for at := 0; ; {
		i := strings.Index(s[at:], "-----BEGIN ")
		if i < 0 {
			return Span{}
		}
		start := at + i
		at = start + len("-----BEGIN ")
		end := strings.Index(s[at:], "-----")
		if end < 0 || end > 40 || !strings.Contains(s[at:at+end], "PRIVATE KEY") {
			continue
		}
		body := s[at+end+len("-----"):]
		if len(strings.TrimSpace(body)) < 16 || strings.HasPrefix(strings.TrimSpace(body), Hole) {
			continue
		}
		return Span{start, len(s)}
	}
}

// findWebhook finds addresses that are a secret as a whole: whoever knows them
// may post.
func findWebhook(s, mark string) Span {
	for from := 0; ; {
		i := strings.Index(s[from:], mark)
		if i < 0 {
			return Span{}
		}
		start := from + i
		end := start + len(mark)
		for end < len(s) && !strings.ContainsRune(" \t\r\n\"'`<>,;", rune(s[end])) {
			end++
		}
		if end-start-len(mark) >= 16 && !strings.Contains(s[start:end], Hole) {
			return Span{start, end}
		}
		from = end
	}
}

// findHash finds password hashes as htpasswd and crypt(3) write them.
func findHash(s string) Span {
	for at := 0; at < len(s); {
		i := strings.IndexByte(s[at:], '$')
		if i < 0 {
			break
		}
		start := at + i
		at = start + 1
		for _, h := range hashes {
			if rest, ok := strings.CutPrefix(s[start:], h.prefix); ok && hashLen(rest) >= h.min {
				return Span{start, start + len(h.prefix) + hashLen(rest)}
			}
		}
	}
	return Span{}
}

// findSHA finds the oldest form of htpasswd.
func findSHA(s string) Span {
	if i := strings.Index(s, ":{SHA}"); i >= 0 && hashLen(s[i+6:]) >= 27 {
		return Span{i + 1, i + 6 + hashLen(s[i+6:])}
	}
	return Span{}
}

// hashes are the crypt(5) prefixes and the least length of what follows them.
var hashes = [...]struct {
	prefix string
	min    int
}{
	{"$2a$", 50}, {"$2b$", 50}, {"$2y$", 50}, {"$apr1$", 24}, {"$1$", 24}, {"$5$", 43}, {"$6$", 80},
	{"$y$", 50}, {"$argon2id$", 30}, {"$argon2i$", 30}, {"$pbkdf2", 40}, {"$scrypt$", 40},
}

func hashLen(s string) int {
	n := 0
	for n < len(s) && (isAlnum(s[n]) || strings.IndexByte("./$=,+-", s[n]) >= 0) {
		n++
	}
	return n
}

// schemeBefore gives the scheme of the URL whose authority starts at start.
func schemeBefore(s string, start int) string {
	end := start - len("://")
	from := end
	for from > 0 && isLower(s[from-1]) {
		from--
	}
	return s[from:end]
}

// findAuthorization finds what follows Bearer, Basic or Token in the value of
// an Authorization header, which OpenTelemetry writes with %20 for the blank.
func findAuthorization(s string) Span {
	const header = "uthorization"
	for at := 0; ; {
		i := strings.Index(s[at:], header)
		if i < 0 {
			return Span{}
		}
		at += i + len(header)
		rest := strings.TrimLeft(s[at:], "\"'` :=")
		start := len(s) - len(rest)
		for start < len(s) && isLetter(s[start]) {
			start++
		}
		scheme := strings.ToLower(s[len(s)-len(rest) : start])
		if start == at || scheme != "bearer" && scheme != "basic" && scheme != "token" {
			continue
		}
		body := strings.TrimPrefix(strings.TrimLeft(s[start:], " "), "%20")
		start = len(s) - len(body)
		end := start
		for end < len(s) && (dotted.has(s[end]) || strings.IndexByte("+/=~", s[end]) >= 0) {
			end++
		}
		if end-start >= 4 && (end == len(s) || strings.IndexByte("\"'` \t\r\n,;&", s[end]) >= 0) {
			return Span{start, end}
		}
	}
}
