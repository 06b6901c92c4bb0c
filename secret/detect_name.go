package secret

import (
	"strings"
	"sync"
)

var vocab = sync.OnceValue(newVocabulary)

// evidence is how much a word of a name says.
type evidence int

const (
	noEvidence evidence = iota
	weak                // AUTH, PIN, OTP, SEED, USERS, an unknown X_KEY: the value decides
	strongKey           // a known X_KEY
	strongWord
	strongDSN
)

// classifyName judges by the words of name, and by value only so far as it
// shows that no secret is meant. value "" is unknown.
func classifyName(name, value string) Verdict {
	v := vocab()
	ws := splitWords(name)
	if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		// Quotes in a list of NAME="value" belong to the value, but are not meant to.
		if value = value[1 : len(value)-1]; value == "" {
			return Verdict{Reason: "the value is empty"}
		}
	}
	kind, from, to := v.find(ws)
	if kind == noEvidence {
		return Verdict{Reason: "no word of the name means a secret"}
	}
	if name == "PWD" || name == "OLDPWD" {
		return Verdict{Reason: "the working directory"}
	}
	if why := v.notByName(ws, kind, from, to, value); why != "" {
		return Verdict{Reason: why}
	}
	if value != "" {
		if why := v.notByValue(ws[from], kind, value); why != "" {
			return Verdict{Reason: why}
		}
	}
	if kind == weak && from > 0 && ws[from] != "key" && v.ofService.has(ws[from-1]) {
		return Verdict{Reason: "the name is about the " + ws[from-1] + " of a service"}
	}
	if kind == weak && !v.weakIsSecret(ws[from], value) {
		return Verdict{Reason: "the name is ambiguous and the value does not look like a secret"}
	}
	return Verdict{Secret: true, Reason: ByName}
}

// find gives the last term of the name that is evidence, as words[from:to].
func (v *vocabulary) find(ws []string) (kind evidence, from, to int) {
	for i := len(ws) - 1; i >= 0; i-- {
		w := ws[i]
		switch {
		case w == "dsn":
			return strongDSN, i, i + 1
		case v.strong.has(w), v.hasEnding(w):
			return strongWord, i, i + 1
		case (w == "key" || w == "keys") && i > 0 && v.keyOf.has(ws[i-1]),
			(w == "key" || w == "keys") && i > 1 && ws[i-1] == "in" && ws[i-2] == "logged",
			(w == "key" || w == "keys") && i > 1 && ws[i-1] == "allowed" && (ws[i-2] == "apikey" || ws[i-2] == "auth" || ws[i-2] == "token"),
			(w == "key" || w == "keys") && i > 1 && v.ranks.has(ws[i-1]) && (ws[i-2] == "encryption" || ws[i-2] == "encrypt"):
			return strongKey, i - 1, i + 1
		case i > 0 && w == "cookie" && (ws[i-1] == "erl" || ws[i-1] == "erlang" || ws[i-1] == "release"),
			i > 0 && w == "hash" && ws[i-1] == "api", // Telegram's
			i > 0 && w == "community" && ws[i-1] == "snmp",
			i > 0 && w == "claim" && ws[i-1] == "plex",
			i > 0 && w == "pat" && i == len(ws)-1,
			i > 0 && (w == "jwk" || w == "jwks") && v.keyOf.has(ws[i-1]),
			i > 0 && (w == "code" || w == "codes") && v.codeOf.has(ws[i-1]):
			return strongWord, i, i + 1
		}
	}
	i := len(ws) - 1
	if i > 0 && ws[i] == "v" { // KEY_V1
		i--
	}
	if i < 0 {
		return noEvidence, 0, 0
	}
	switch ws[i] {
	case "jwt", "sk", "auth", "basicauth", "httpauth", "pin", "otp", "seed", "users", "userinfo", "hosts", "admin", "keyring", "keyrings":
		return weak, i, i + 1
	case "info": // BASIC_AUTH_USER_INFO of Confluent's clients
		if i > 0 && ws[i-1] == "user" {
			return weak, i - 1, i + 1
		}
	case "key", "keys":
		if i == 0 || !v.notKeyOf.has(ws[i-1]) {
			return weak, i, i + 1
		}
	}
	return noEvidence, 0, 0
}

// isMapping reports whether a variable says which attribute of a directory is
// which, attribute being one: LDAP_PASS_ATTRS=uid=user,userPassword=password.
func isMapping(name, attribute string) bool {
	ws := splitWords(name)
	if len(ws) == 0 || strings.ContainsFunc(attribute, func(r rune) bool { return r >= 0x80 || !isLetter(byte(r)) }) {
		return false
	}
	switch ws[len(ws)-1] {
	case "attrs", "attributes", "mapping", "mappings":
		return true
	}
	return false
}

func (v *vocabulary) hasEnding(w string) bool {
	if v.notEnd.has(w) {
		return false
	}
	w = strings.TrimSuffix(w, "s")
	for _, e := range v.endings {
		// A short ending needs something in front that may be a word.
		if rest, ok := strings.CutSuffix(w, e); ok && (len(e) > 4 || len(rest) >= 2) {
			return true
		}
	}
	// "pass" has lost its last letter above.
	rest, ok := strings.CutSuffix(w, "pas")
	return ok && len(rest) >= 2 && !v.notEnd.has(w+"s")
}

// notByName gives the reason why the words around the term deny a secret.
func (v *vocabulary) notByName(ws []string, kind evidence, from, to int, value string) string {
	term := ws[from:to]
	for n, w := range ws[to:] {
		if w == "for" { // KEY_FOR_PLUGIN: who takes it
			break
		}
		if !v.after.has(w) || kind == strongKey && v.afterKey.has(w) {
			continue
		}
		if w == "id" && n == 0 && idIsHalf(ws[:from], term[0]) {
			continue
		}
		return "the name is about the " + w + " of a secret"
	}
	if v.public.hasAny(ws) {
		return "the name says that it is public"
	}
	if v.before.hasAny(ws[:from]) && (value == "" || v.isSwitch(value) || isQuantity(value, v.units, false)) {
		return "the name is a switch or a limit"
	}
	return ""
}

// idIsHalf reports whether the ID of a term is one half of a login or all of
// it: AWS_ACCESS_KEY_ID, and Vault's SECRET_ID and VAULT_DEV_ROOT_TOKEN_ID.
func idIsHalf(before []string, term string) bool {
	root := len(before) > 0 && before[len(before)-1] == "root"
	return term == "access" || term == "secret" || term == "token" && root
}

// notByValue gives the reason why value is no secret, whatever the name says.
func (v *vocabulary) notByValue(term string, kind evidence, value string) string {
	password := strings.HasPrefix(term, "pass") || strings.HasSuffix(term, "pass") ||
		strings.HasSuffix(term, "password") || strings.HasSuffix(term, "pwd") || term == "pw"
	switch {
	case v.isSwitch(value), !password && (value == "0" || value == "1"):
		return "the value is a switch"
	case !hasAlnum(value) && !isMasked(value) && !strings.Contains(value, Hole): // ... and []
		return "the value is left out"
	case isReference(value):
		return aReference
	case isPath(value):
		return "the value is a path"
	case isPublicMaterial(value):
		return "the value is public"
	case strings.Contains(value, "://") && !(kind == strongDSN && hasUserinfo(value)):
		return "the value is an address without credentials"
	case strings.HasPrefix(term, "cred") && namesCredentials(value):
		return "the value is the name of a file"
	case !password && isFingerprint(value):
		return "the value is a fingerprint or an address"
	case kind == strongDSN && !hasUserinfo(value):
		return "the value holds no password"
	case term == "tokens" && isQuantity(value, v.units, false),
		!password && isQuantity(value, v.units, true):
		return "the value is a quantity"
	case term == "community" && value == "public":
		return "the value is the public default"
	}
	return ""
}

// weakIsSecret decides about a word that needs the value's support.
func (v *vocabulary) weakIsSecret(term, value string) bool {
	if term == "admin" { // RECOVERY_ADMIN=name:password; group:ops is none
		user, _, _ := strings.Cut(value, ":")
		return !v.principals.has(user) && pairWithPassword(value)
	}
	if isPlaceholder(value) {
		return true
	}
	switch term {
	case "pin":
		return value == "" || len(value) >= 4 && len(value) <= 12 && strings.Trim(value, "0123456789") == ""
	case "otp":
		return len(value) >= 6
	case "seed":
		return len(value) >= 16 && strings.Trim(value, "0123456789") != ""
	case "jwt", "sk":
		return looksRandom(value)
	case "key", "keys":
		return looksRandom(value) || looksTyped(value) || looksShuffled(value) || isBlankForm(value)
	case "keyring", "keyrings":
		return ringWithKey(value)
	case "hosts":
		return hostWithPassword(value)
	case "users", "user", "userinfo": // SFTP_USERS=name:password:uid; 1000:1000 is none
		return !strings.HasPrefix(value, "User:") && pairWithPassword(value) // a Kafka principal
	}
	if value == "" {
		return true
	}
	for _, w := range strings.FieldsFunc(strings.ToLower(value), func(r rune) bool {
		return r == ',' || r == ' ' || r == '-' || r == '_' || r == '+'
	}) {
		if !v.methods.has(w) && strings.Trim(w, "0123456789") != "" {
			return true
		}
	}
	return false
}

func (v *vocabulary) isSwitch(value string) bool {
	return v.switches.has(strings.ToLower(value))
}
