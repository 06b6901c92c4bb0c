package secret

import (
	"math"
	"strings"
)

// Hole stands, inside a value given to this package, for a part that comes
// from elsewhere, such as ${X}. What a hole fills is never plaintext.
const Hole = "\x00"

// WithoutHoles returns value, as it stands in a file or a model, with another control character of the same length
// in place of each NUL, which would count as a [Hole] otherwise.
func WithoutHoles(value string) string { return strings.ReplaceAll(value, Hole, "\x01") }

// isReference reports whether value names a place where the secret is, and so
// holds none itself.
func isReference(value string) bool {
	s := strings.TrimSpace(value)
	if strings.Contains(s, Hole) {
		return true
	}
	for _, p := range [...]string{
		"$(", "`", "{{", "%env(", "op://", "vault:", "env:", "file:/", "arn:aws:secretsmanager:", "arn:aws:ssm:",
		SOPSMark, "{cipher}", "@Microsoft.KeyVault(", "docker-secret:",
	} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	if strings.HasPrefix(s, "projects/") && strings.Contains(s, "/secrets/") || callsEnv(s) ||
		len(s) == 2 && s[0] == '%' && isLetter(s[1]) { // what the program fills in, as %p of Roundcube
		return true
	}
	rest, ok := strings.CutPrefix(s, "$")
	if !ok {
		return false
	}
	if strings.HasPrefix(rest, "{") {
		return strings.HasSuffix(rest, "}")
	}
	// $NAME in capitals is read by a shell or an entrypoint; $ecret is not.
	return rest != "" && strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && !isDigit(rest[0])
}

// isPath reports whether value is where a file is.
func isPath(value string) bool {
	if strings.ContainsAny(value, " \n,;=+") || value == "/" {
		return false
	}
	for _, p := range [...]string{"./", "../", "~/", "/run/", "/var/", "/etc/", "/home/", "/opt/", "/usr/", "/root/", "/app/", "/data/", "/config/", "/secrets/", "/certs/"} {
		if strings.HasPrefix(value, p) {
			return true
		}
	}
	base := value[strings.LastIndexAny(value, `/\`)+1:]
	dot := strings.LastIndexByte(base, '.')
	if dot > 0 && pathSuffixes.has(strings.ToLower(base[dot+1:])) {
		return true
	}
	windows := len(value) > 3 && isLetter(value[0]) && value[1] == ':' && value[2] == '\\'
	return windows || value[0] == '/' && strings.Count(value, "/") > 1 && !looksRandom(base)
}

var pathSuffixes = words("pem key crt cer cert p12 pfx jks json txt yml yaml toml ini conf env pub gpg asc secret")

// isPublicMaterial reports whether value is the half of a key pair that may be
// known to everybody.
func isPublicMaterial(value string) bool {
	s := strings.TrimSpace(value)
	for _, p := range [...]string{
		"ssh-rsa ", "ssh-ed25519 ", "ssh-dss ", "ecdsa-sha2-", "sk-ssh-", "age1",
		"-----BEGIN PUBLIC KEY", "-----BEGIN CERTIFICATE", "-----BEGIN RSA PUBLIC KEY", "-----BEGIN PGP PUBLIC KEY",
	} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// isFingerprint reports whether value is made to be compared in public: the
// SHA-1 of an OpenPGP key as gpg writes it, or an Ethereum address.
func isFingerprint(value string) bool {
	if rest, ok := strings.CutPrefix(value, "0x"); ok {
		return len(rest) == 40 && strings.Trim(rest, "0123456789abcdefABCDEF") == ""
	}
	return len(value) == 40 && strings.Trim(value, "0123456789ABCDEF") == ""
}

// namesCredentials reports whether value is the name of a file of credentials,
// as images of Kafka take it: broker_keystore_creds.
func namesCredentials(value string) bool {
	if strings.ContainsAny(value, ":= ") {
		return false
	}
	ws := splitWords(value)
	if len(ws) < 2 {
		return false
	}
	last := ws[len(ws)-1]
	return last == "creds" || last == "credentials"
}

// isPlaceholder reports whether value says that a secret belongs in its place.
func isPlaceholder(value string) bool {
	if len(value) > 80 || strings.ContainsAny(value, "/{}") {
		return false
	}
	ws := splitWords(value)
	for i, w := range ws {
		switch w {
		case "changeme", "changethis", "changeit", "replaceme":
			return true
		case "change", "replace":
			if i+1 < len(ws) && (ws[i+1] == "me" || ws[i+1] == "this" || ws[i+1] == "it" || ws[i+1] == "with") {
				return true
			}
		case "your", "my", "some", "secret", "dev", "insecure":
			for _, next := range ws[i+1:] {
				if next == "password" || next == "secret" || next == "key" || next == "token" {
					return true
				}
			}
		}
	}
	return false
}

// IsSample reports whether value is one that samples and defaults have, such as changeme, password or admin123, so that two
// secrets which have it need not be one.
func IsSample(value string) bool {
	word := strings.TrimRight(strings.ToLower(value), "0123456789!@#$")
	return isPlaceholder(value) || word == "" || sampleWords.has(word)
}

var sampleWords = words(`password passwd pass pwd pw secret token key apikey admin administrator root user username test testing tester example
	default demo guest postgres postgresql mysql mariadb mongo mongodb redis minio minioadmin rabbitmq dev development local docker
	qwerty letmein welcome change replace toor superuser sa`)

// isMasked reports whether value is ***, which a program takes as it stands.
func isMasked(value string) bool {
	return strings.HasSuffix(value, "***") && strings.Trim(value, "*=") == ""
}

// isBlankForm reports whether value marks the place of a key: <32 bytes>,
// [[to be filled]], xxxx-xxxx, ***.
func isBlankForm(value string) bool {
	marked := strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">") ||
		strings.HasPrefix(value, "[[") && strings.HasSuffix(value, "]]")
	return marked && !strings.ContainsAny(value, `"'`) || isMasked(value) ||
		strings.Count(value, "x") >= 4 && strings.Trim(value, "x-") == ""
}

// callsEnv reports whether value is code that reads the environment:
// sys.env("X"), os.getenv('X'), os.environ["X"].
func callsEnv(value string) bool {
	i := strings.IndexAny(value, "([")
	if i < 0 || i+1 == len(value) || !isQuote(value[i+1]) {
		return false
	}
	switch value[strings.LastIndexByte(value[:i], '.')+1 : i] {
	case "env", "getenv", "environ":
		return true
	}
	return false
}

// pairWithPassword reports whether value is name:password, whatever follows
// behind another colon.
func pairWithPassword(value string) bool {
	_, rest, _ := strings.Cut(value, ":")
	password, _, _ := strings.Cut(rest, ":")
	return strings.Trim(password, "0123456789") != "" && !strings.Contains(value, "//") && !strings.ContainsAny(value, " {[")
}

// ringWithKey reports whether value is id:key, or several of these, and not the
// name of a key ring.
func ringWithKey(value string) bool {
	for _, part := range strings.Split(value, ",") {
		_, key, named := strings.Cut(part, ":")
		if !named {
			key = part
		}
		if looksRandom(key) && (named || !strings.ContainsAny(key, "-_./")) {
			return true
		}
	}
	return false
}

// looksTyped reports whether value may be a secret that somebody thought up:
// one word of letters and digits, such as abc123def. Names have separators.
func looksTyped(value string) bool {
	digits := 0
	for i := 0; i < len(value); i++ {
		if !isAlnum(value[i]) {
			return false
		}
		if isDigit(value[i]) {
			digits++
		}
	}
	return len(value) >= 10 && digits >= 2 && digits < len(value)
}

// isQuantity reports whether value is a number, with a unit if withUnit.
func isQuantity(value string, units set, withUnit bool) bool {
	s := strings.ToLower(strings.TrimSpace(value))
	n := 0
	for n < len(s) && (isDigit(s[n]) || n > 0 && (s[n] == '.' || s[n] == '_')) {
		n++
	}
	if n == 0 {
		return false
	}
	unit := strings.TrimSpace(s[n:])
	if unit == "" {
		return !withUnit
	}
	return units.has(unit)
}

// hostWithPassword reports whether value is label:host:port:database:password,
// as Redis Commander and others list their servers.
func hostWithPassword(value string) bool {
	for _, host := range strings.Split(value, ",") {
		part := strings.SplitN(host, ":", 5)
		if len(part) == 5 && part[4] != "" && isNumber(part[2]) && isNumber(part[3]) && !isReference(part[4]) {
			return true
		}
	}
	return false
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// hasUserinfo reports whether value is an URL with something before an @.
func hasUserinfo(value string) bool {
	_, rest, ok := strings.Cut(value, "://")
	if !ok {
		return false
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return strings.LastIndexByte(rest, '@') > 0
}

// looksShuffled reports whether value is random with marks of several kinds in
// between, as password generators put them.
func looksShuffled(value string) bool {
	const marks = "!@#$%^&*~?"
	kinds := 0
	for _, m := range marks {
		if strings.ContainsRune(value, m) {
			kinds++
		}
	}
	return kinds >= 2 && looksRandom(strings.Map(func(r rune) rune {
		if strings.ContainsRune(marks, r) {
			return -1
		}
		return r
	}, value))
}

// looksRandom reports whether s is long and irregular enough to be made by a
// generator: letters and digits mixed, no words.
func looksRandom(s string) bool {
	if len(s) < 20 {
		return false
	}
	var count [256]int
	digits := 0
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && !strings.ContainsRune("+/=_-.", rune(s[i])) {
			return false
		}
		if isDigit(s[i]) {
			digits++
		}
		count[s[i]]++
	}
	entropy := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			entropy -= p * math.Log2(p)
		}
	}
	return digits >= 2 && digits < len(s) && entropy >= 3.0
}
