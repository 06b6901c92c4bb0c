package lint

import (
	"path"
	"strings"

	"github.com/compose-secure/compose-secure/secret"
)

// commandLiteral is a secret on a command line, in scalar node.
type commandLiteral struct {
	literal
	node int
}

// commandLine reads a command: one script, or a list of arguments.
func commandLine(p secret.Policy, raw []string, list bool) ([]shellWord, []commandLiteral) {
	var words []shellWord
	var found []commandLiteral
	for n, r := range raw {
		outer := expand(r, false)
		inner := expand(outer.text, true)
		origin := make([]int, len(inner.text))
		for i := range origin {
			origin[i] = outer.at(inner.at(i))
		}
		// Defaults were judged with the outer variables; those of the shell are left.
		for _, d := range inner.defaults {
			text := inner.text[d.start:d.end]
			if !strings.Contains(text, secret.Hole) && p.Classify(d.name, text).Secret {
				found = appendBounded(found, commandLiteral{literal{start: origin[d.start], end: origin[d.end-1] + 1, name: d.name, fallback: true}, n})
			}
		}
		for _, l := range fallbacks(p, "", &outer) {
			found = appendBounded(found, commandLiteral{l, n})
		}
		if !list {
			words = append(words, splitShell(inner.text, origin, n)...)
			continue
		}
		words = append(words, shellWord{text: inner.text, node: n, origin: origin, script: strings.ContainsAny(inner.text, " \n")})
	}
	return words, found
}

// inspectCommand finds the secrets on a command line.
func inspectCommand(p secret.Policy, raw []string, list bool) []commandLiteral {
	words, found := commandLine(p, raw, list)
	c := commandInspector{policy: p, found: found}
	c.script(words, 0)
	return c.found
}

type commandInspector struct {
	policy secret.Policy
	found  []commandLiteral
}

func (c *commandInspector) add(w *shellWord, start, end int, name string) {
	if name != "" && c.policy.IsPlain(strings.TrimLeft(name, "-")) {
		return
	}
	from, to := w.at(start, end)
	l := commandLiteral{literal{start: from, end: to, name: name, address: isAddress(w.text, secret.Span{Start: start, End: end})}, w.node}
	for _, f := range c.found {
		if f.node == l.node && l.start < f.end && f.start < l.end {
			return
		}
	}
	c.found = appendBounded(c.found, l)
}

// appendBounded is append up to maxLiterals of one node.
func appendBounded(found []commandLiteral, l commandLiteral) []commandLiteral {
	if n := len(found) - maxLiterals; n >= 0 && found[n].node == l.node && found[len(found)-1].node == l.node {
		found[len(found)-1].widen(l.start, l.end)
		return found
	}
	return append(found, l)
}

// script reads simple commands; words that hold blanks are read once more as
// scripts, as sh -c does.
func (c *commandInspector) script(words []shellWord, depth int) {
	var before []shellWord // the command whose output this one reads
	for len(words) > 0 {
		n := 0
		for n < len(words)-1 && !words[n].end {
			n++
		}
		c.simple(words[:n+1])
		c.fed(before, words[:n+1])
		before = nil
		if words[n].piped {
			before = words[:n+1]
		}
		for i := range words[:n+1] {
			w := &words[i]
			if w.script && depth < 3 && !isQuery(w.text) {
				c.script(splitShell(w.text, w.origin, w.node), depth+1)
			}
		}
		words = words[n+1:]
	}
}

func isQuery(s string) bool {
	return strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")
}

func (c *commandInspector) simple(words []shellWord) {
	for i := range words {
		c.word(&words[i])
	}
	for i := 0; i+1 < len(words); i++ {
		c.flag(&words[i], &words[i+1])
	}
	name, args := program(words)
	c.known(name, args)
}

// word finds what one word shows by itself: NAME=value, --name=value, a
// password in a URL, a token, SQL.
func (c *commandInspector) word(w *shellWord) {
	defer c.sql(w)
	if w.script && !isQuery(w.text) && !strings.HasPrefix(w.text, "-") && !isHeader(w.text) {
		return // read again as a script
	}
	if eq := strings.IndexByte(w.text, '='); eq > 0 && eq+1 < len(w.text) && w.text[eq+1] != '=' {
		key, value := strings.TrimLeft(w.text[:eq], "-"), w.text[eq+1:]
		if isKey(key) && c.policy.Classify(key, value).Secret {
			start, end := eq+1, len(w.text)
			if f := secret.FindCredential(value); f.Found() {
				start, end = eq+1+f.Start, eq+1+f.End
			}
			c.add(w, start, end, key)
			return
		}
	}
	for _, f := range secret.FindCredentials(w.text) {
		c.add(w, f.Start, f.End, "")
	}
	if strings.HasPrefix(w.text, "pass:") && len(w.text) > len("pass:") && c.isPassword(w.text[5:]) {
		c.add(w, 5, len(w.text), "pass") // openssl -passin pass:x
	}
}

// isHeader reports whether s is a header of HTTP, which holds a blank and is no
// script.
func isHeader(s string) bool {
	name, _, ok := strings.Cut(s, ": ")
	return ok && strings.EqualFold(name, "authorization")
}

func isKey(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isNameByte(s[i]) && s[i] != '-' && s[i] != '.' && s[i] != ':' && s[i] != '/' {
			return false
		}
	}
	return s != ""
}

// flag finds --name value.
func (c *commandInspector) flag(w, next *shellWord) {
	if w.end || next.text == "" || strings.HasPrefix(next.text, "-") {
		return
	}
	name := strings.TrimLeft(w.text, "-")
	switch strings.ToLower(name) {
	case "requirepass", "masterauth":
	default:
		if len(name) < 3 || w.text[0] != '-' || strings.ContainsAny(name, "= ") || negated(name) {
			return
		}
		if !c.policy.Classify(name, next.text).Secret || secret.FindCredential(next.text).Found() {
			return
		}
	}
	if c.isPassword(next.text) {
		c.add(next, 0, len(next.text), name)
	}
}

// negated reports whether a flag is a switch, so that the next word is not its value.
func negated(name string) bool {
	for _, p := range [...]string{"no-", "without-", "use-", "skip-", "enable-", "disable-", "allow-", "require-"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

func (c *commandInspector) isPassword(value string) bool {
	return value != "" && c.policy.Classify("PASSWORD", value).Secret
}

// sql finds IDENTIFIED BY 'x' and PASSWORD 'x'.
func (c *commandInspector) sql(w *shellWord) {
	lower := lowerASCII(w.text)
	for _, mark := range [...]string{"identified by '", "password '", "identified by \"", "password \"", "password('", "set_password('"} {
		for from := 0; ; {
			i := strings.Index(lower[from:], mark)
			if i < 0 {
				break
			}
			start := from + i + len(mark)
			n := strings.IndexByte(w.text[start:], mark[len(mark)-1])
			if n < 0 {
				break
			}
			if c.isPassword(w.text[start : start+n]) {
				c.add(w, start, start+n, "password")
			}
			from = start + n
		}
	}
}

// program gives the name of the program of a simple command and its arguments.
func program(words []shellWord) (string, []shellWord) {
	for i := range words {
		text := words[i].text
		switch {
		case strings.Contains(text, "=") && isKey(strings.SplitN(text, "=", 2)[0]), strings.HasPrefix(text, "-"):
			continue
		}
		switch text {
		case "CMD", "CMD-SHELL", "sudo", "exec", "env", "time", "nohup", "if", "then", "else", "elif", "do", "while", "until", "!", "{", "$", "gosu", "docker-entrypoint.sh", "tini", "timeout":
			continue
		}
		return strings.TrimLeft(path.Base(text), "$("), words[i+1:]
	}
	return "", nil
}

// known reads arguments whose meaning depends on the program.
func (c *commandInspector) known(name string, args []shellWord) {
	switch name {
	case "redis-cli", "valkey-cli", "keydb-cli":
		c.short(args, "-a", false)
	case "mysql", "mysqladmin", "mysqldump", "mysqlcheck", "mysqlimport", "mysqlshow", "mariadb", "mariadb-admin", "mariadb-dump", "mariadb-check":
		c.short(args, "-p", true)
	case "mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "sshpass", "cypher-shell", "clickhouse-client", "cqlsh", "airflow":
		c.short(args, "-p", true)
		c.short(args, "-p", false)
	case "docker", "podman", "helm", "az", "oc":
		if len(args) > 0 && strings.HasSuffix(args[0].text, "login") {
			c.short(args, "-p", false)
		}
	case "sqlcmd", "bcp", "osql":
		c.short(args, "-P", true)
		c.short(args, "-P", false)
	case "ldapsearch", "ldapadd", "ldapmodify", "ldapwhoami", "ldapdelete", "ldappasswd":
		c.short(args, "-w", false)
	case "curl", "wget", "etcdctl", "http", "https":
		for _, f := range [...]string{"-u", "--user", "-a", "--proxy-user"} {
			c.userPassword(args, f, ':')
		}
		c.headers(args)
	case "ttyd":
		c.userPassword(args, "-c", ':')
	case "fabric-ca-server":
		c.userPassword(args, "-b", ':')
	case "smbclient", "rpcclient":
		c.userPassword(args, "-U", '%')
	case "rabbitmqctl":
		c.positional(args, []string{"add_user", "change_password", "authenticate_user"}, 2)
	case "mc", "mcli", "minio-client":
		if len(args) > 1 && args[1].text == "user" {
			c.positional(args, []string{"add"}, 3)
			return
		}
		c.positional(args, []string{"set", "add"}, 4)
	case "neo4j-admin":
		c.positional(args, []string{"set-initial-password"}, 1)
	case "snmpget", "snmpwalk", "snmpbulkwalk":
		c.short(args, "-c", false)
	case "htpasswd", "mosquitto_passwd":
		c.htpasswd(args)
	case "add-user.sh": // of WildFly and JBoss
		c.short(args, "-p", false)
		if len(args) > 1 && !strings.HasPrefix(args[0].text, "-") && !strings.HasPrefix(args[1].text, "-") && c.isPassword(args[1].text) {
			c.add(&args[1], 0, len(args[1].text), "add-user.sh")
		}
	case "useradd", "usermod", "adduser":
		c.short(args, "-p", false)
	case "net", "net.exe":
		c.netUser(args)
	}
}

// short finds -x value, or -xvalue if joined.
func (c *commandInspector) short(args []shellWord, flag string, joined bool) {
	for i := range args {
		w := &args[i]
		switch {
		case joined && strings.HasPrefix(w.text, flag) && len(w.text) > len(flag):
			if c.isPassword(w.text[len(flag):]) {
				c.add(w, len(flag), len(w.text), flag)
			}
		case !joined && w.text == flag && i+1 < len(args) && !strings.HasPrefix(args[i+1].text, "-"):
			if c.isPassword(args[i+1].text) {
				c.add(&args[i+1], 0, len(args[i+1].text), flag)
			}
		}
	}
}

// userPassword finds -u user:password and -uuser:password.
func (c *commandInspector) userPassword(args []shellWord, flag string, separator byte) {
	for i := range args {
		w := &args[i]
		from := 0
		switch {
		case len(flag) == 2 && len(w.text) > 2 && strings.HasPrefix(w.text, flag):
			from = 2
		case w.text == flag && i+1 < len(args):
			w = &args[i+1]
		default:
			continue
		}
		colon := strings.IndexByte(w.text[from:], separator)
		if colon >= 0 && c.isPassword(w.text[from+colon+1:]) {
			c.add(w, from+colon+1, len(w.text), flag)
		}
	}
}

// headers finds -H 'X-Api-Key: value'.
func (c *commandInspector) headers(args []shellWord) {
	for i := range args {
		w := &args[i]
		key, value, ok := strings.Cut(w.text, ": ")
		if !ok || !isKey(key) || i == 0 || args[i-1].text != "-H" && args[i-1].text != "--header" {
			continue
		}
		if c.policy.Classify(key, value).Secret && !secret.FindCredential(w.text).Found() {
			c.add(w, len(key)+len(": "), len(w.text), key)
		}
	}
}

// positional finds the nth argument behind a subcommand.
func (c *commandInspector) positional(args []shellWord, subcommands []string, n int) {
	for i := range args {
		for _, s := range subcommands {
			if args[i].text == s && i+n < len(args) && c.isPassword(args[i+n].text) {
				c.add(&args[i+n], 0, len(args[i+n].text), s)
			}
		}
	}
}

// htpasswd finds the password of htpasswd -b file user password, and of -nb
// user password.
func (c *commandInspector) htpasswd(args []shellWord) {
	batch, at := false, 2
	var plain []*shellWord
	for i := range args {
		if f := args[i].text; strings.HasPrefix(f, "-") {
			batch = batch || strings.Contains(f, "b")
			if strings.Contains(f, "n") {
				at = 1
			}
			continue
		}
		plain = append(plain, &args[i])
	}
	if batch && at < len(plain) && c.isPassword(plain[at].text) {
		c.add(plain[at], 0, len(plain[at].text), "htpasswd")
	}
}

// netUser finds the password of net user NAME PASSWORD on Windows, where
// options start with a slash.
func (c *commandInspector) netUser(args []shellWord) {
	var plain []*shellWord
	for i := range args {
		if !strings.HasPrefix(args[i].text, "/") {
			plain = append(plain, &args[i])
		}
	}
	if len(plain) > 2 && strings.EqualFold(plain[0].text, "user") && c.isPassword(plain[2].text) {
		c.add(plain[2], 0, len(plain[2].text), "net user")
	}
}

// lowerASCII is strings.ToLower that keeps the length, also of what is not ASCII.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}
