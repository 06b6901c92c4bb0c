package secret

import "strings"

// alphabet is what a token may be made of behind its prefix.
type alphabet int

const (
	alnum  alphabet = iota
	word            // and _
	dashed          // and _ -
	dotted          // and _ - . =
	capital
	hexDigits
)

func (a alphabet) has(c byte) bool {
	switch a {
	case capital:
		return isUpper(c) || isDigit(c)
	case hexDigits:
		return isDigit(c) || c >= 'a' && c <= 'f'
	case word:
		return isAlnum(c) || c == '_'
	case dashed:
		return isAlnum(c) || c == '_' || c == '-'
	case dotted:
		return isAlnum(c) || c == '_' || c == '-' || c == '.' || c == '='
	}
	return isAlnum(c)
}

// tokens are the prefixes by which providers mark what they issue, with the
// least and the most (0: open) that follows. Sources are the providers'
// documentation of secret scanning, collected at
// https://docs.github.com/code-security/secret-scanning/introduction/supported-secret-scanning-patterns.
var tokens = [...]struct {
	prefix   string
	min, max int
	of       alphabet
}{
	{"ghp_", 36, 0, alnum}, {"gho_", 36, 0, alnum}, {"ghu_", 36, 0, alnum}, {"ghs_", 36, 0, alnum}, {"ghr_", 36, 0, alnum},
	{"github_pat_", 50, 0, word},
	{"glpat-", 20, 0, dashed}, {"gldt-", 20, 0, dashed}, {"glrt-", 20, 0, dashed}, {"GR1348941", 20, 0, dashed},
	{"AKIA", 16, 16, capital}, {"ASIA", 16, 16, capital},
	{"xoxb-", 20, 0, dashed}, {"xoxp-", 20, 0, dashed}, {"xoxa-", 20, 0, dashed}, {"xoxr-", 20, 0, dashed},
	{"xoxs-", 20, 0, dashed}, {"xapp-", 20, 0, dashed},
	{"sk_live_", 16, 0, word}, {"sk_test_", 16, 0, word}, {"rk_live_", 16, 0, word}, {"rk_test_", 16, 0, word},
	{"whsec_", 24, 0, dotted},
	{"sk-ant-", 24, 0, dashed}, {"sk-proj-", 24, 0, dashed}, {"sk-or-", 24, 0, dashed}, {"sk-lf-", 24, 0, dashed}, {"sk-", 32, 0, alnum},
	{"AIza", 35, 35, dashed}, {"ya29.", 30, 0, dashed}, {"GOCSPX-", 24, 0, dashed},
	{"hf_", 30, 0, alnum}, {"npm_", 36, 36, alnum}, {"pypi-AgE", 40, 0, dashed}, {"dckr_pat_", 20, 0, dashed},
	{"SG.", 40, 0, dotted}, {"dop_v1_", 64, 64, hexDigits}, {"doo_v1_", 64, 64, hexDigits}, {"shpat_", 32, 0, hexDigits}, {"shpss_", 32, 0, hexDigits},
	{"tskey-", 16, 0, dashed}, {"hvs.", 24, 0, dashed}, {"hvb.", 24, 0, dashed},
	{"glsa_", 32, 0, word}, {"glc_", 32, 0, dotted}, {"lin_api_", 32, 0, alnum}, {"ATATT3", 40, 0, dotted}, {"NRAK-", 27, 27, alnum},
	{"gsk_", 40, 0, alnum}, {"xai-", 40, 0, alnum}, {"pplx-", 40, 0, alnum}, {"r8_", 37, 37, alnum}, {"nvapi-", 40, 0, dashed},
	{"sntrys_", 40, 0, dotted}, {"dp.st.", 40, 0, dotted}, {"dp.pt.", 40, 0, alnum}, {"pat-na1-", 36, 36, dashed},
	{"sq0csp-", 40, 0, dashed}, {"EAAA", 60, 60, dashed}, {"PMAK-", 50, 0, dashed}, {"rubygems_", 48, 48, hexDigits},
	{"ops_eyJ", 100, 0, dotted}, {"AGE-SECRET-KEY-1", 40, 0, capital}, {"re_", 30, 40, word}, {"fio-u-", 40, 0, dashed},
	{"secret_", 43, 43, alnum}, {"ntn_", 40, 0, alnum},
}

// tokenStart holds the first bytes of tokens, of eyJ and of digits, so that
// most of a string is passed over quickly.
const tokenStart = "gGAxsrwyhpSdtlNnoEPRf0123456789e"

// findToken finds a provider's token, a JWT or a Telegram bot token. It must
// not be the middle of a longer word.
func findToken(s string) Span {
	for i := 0; i < len(s); i++ {
		if i > 0 && (isAlnum(s[i-1]) || s[i-1] == '_') || strings.IndexByte(tokenStart, s[i]) < 0 {
			continue
		}
		if n := tokenLen(s[i:]); n > 0 {
			return Span{i, i + n}
		}
	}
	return Span{}
}

func tokenLen(s string) int {
	for _, t := range tokens {
		if s[0] != t.prefix[0] || !strings.HasPrefix(s, t.prefix) {
			continue
		}
		n := len(t.prefix)
		for n < len(s) && t.of.has(s[n]) {
			n++
		}
		if body := n - len(t.prefix); body >= t.min && (t.max == 0 || body <= t.max) && mixed(s[len(t.prefix):n]) {
			return n
		}
	}
	if strings.HasPrefix(s, "eyJ") {
		return jwtLen(s)
	}
	if isDigit(s[0]) {
		return telegramLen(s)
	}
	return 0
}

// mixed refuses prose that happens to follow a prefix, such as sk-some-words:
// a generated token has a digit or both cases.
func mixed(s string) bool {
	var upper, lower, digit bool
	for i := 0; i < len(s); i++ {
		upper = upper || isUpper(s[i])
		lower = lower || isLower(s[i])
		digit = digit || isDigit(s[i])
	}
	return digit || upper && lower || upper && len(s) > 30
}

// jwtLen gives the length of a JSON web token at the start of s: three parts
// of base64url, the first two of them JSON objects.
func jwtLen(s string) int {
	n, dots := 0, 0
	for n < len(s) && (dashed.has(s[n]) || s[n] == '.' && dots < 2) {
		if s[n] == '.' {
			dots++
			if dots == 1 && !strings.HasPrefix(s[n+1:], "eyJ") {
				return 0
			}
		}
		n++
	}
	if dots < 2 || n < 40 {
		return 0
	}
	return n
}

// telegramLen gives the length of 123456789:AAF... at the start of s.
func telegramLen(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n < 8 || n > 10 || n >= len(s) || s[n] != ':' {
		return 0
	}
	end := n + 1
	for end < len(s) && dashed.has(s[end]) {
		end++
	}
	if end-n-1 != 35 || !mixed(s[n+1:end]) {
		return 0
	}
	return end
}
