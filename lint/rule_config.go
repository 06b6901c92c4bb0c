package lint

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

func ruleConfigContent() Rule {
	return Rule{
		ID: "CS009", Name: "secret in the content of a config", Severity: Error, Plaintext: true,
		Why: "The content of a config stands in the compose file and, outside Swarm, in the container's writable layer. " +
			"Interpolate the value from a variable, or make the whole config a secret.",
		compose: func(p *pass, c *composeFile) {
			for _, section := range []string{"configs", "secrets"} {
				for _, e := range yamldoc.Entries(yamldoc.Get(c.root, section)) {
					n := yamldoc.Follow(yamldoc.Get(e.Value, "content"))
					if n == nil || n.Kind != yaml.ScalarNode {
						continue
					}
					for _, l := range inspectText(c.policy, n.Value) {
						p.literalAt(p.hideScalar(n, l.start, l.end), l, Finding{
							Key: e.Key.Value, Message: fmt.Sprintf("the content of %s holds a plaintext secret", e.Key.Value),
							Hint: "interpolate it from a variable; up then stores the whole content in RAM",
							Fix:  Fix{ByHand, "migrate does not edit inside other formats"},
						})
					}
				}
			}
		},
	}
}

// inspectText finds secrets in a configuration file of any format: lines of
// key: value, key = value and, for Redis, key value.
func inspectText(p secret.Policy, raw string) []literal {
	e := expand(raw, false)
	found := appendCredentials(fallbacks(p, "", &e), "", &e)
	at := 0
	for line := range strings.Lines(e.text) {
		key, start, end, ok := setting(line)
		value := line[start:end]
		if ok && value != "" && !strings.Contains(value, secret.Hole) && p.Classify(key, value).Secret {
			from, to := e.raw(at+start, at+end)
			found = appendLiteral(found, literal{start: from, end: to, name: key})
		}
		at += len(line)
	}
	return found
}

// setting reads one line of a configuration file.
func setting(line string) (key string, start, end int, ok bool) {
	body := strings.TrimRight(line, " \t\r\n,;")
	lead := len(body) - len(strings.TrimLeft(body, " \t-"))
	rest := body[lead:]
	if rest == "" || rest[0] == '#' || rest[0] == ';' || strings.HasPrefix(rest, "//") {
		return "", 0, 0, false
	}
	sep := strings.IndexAny(rest, ":=")
	if fields := strings.Fields(rest); len(fields) == 2 && (fields[0] == "requirepass" || fields[0] == "masterauth") {
		sep = len(fields[0])
	}
	if sep <= 0 || strings.HasPrefix(rest[sep:], "://") {
		return "", 0, 0, false
	}
	key = strings.Trim(rest[:sep], " \t\"'")
	if strings.ContainsAny(key, " \t\r{[(<$") {
		return "", 0, 0, false
	}
	start, end = lead+sep+1, len(body)
	for start < end && strings.IndexByte(" \t=", body[start]) >= 0 {
		start++
	}
	if end-start >= 2 && (body[start] == '"' || body[start] == '\'') && body[end-1] == body[start] {
		start, end = start+1, end-1
	}
	return key, start, end, true
}
