package lint

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// findAliases returns, by variable, the secret whose value it is.
func (c *composeFile) findAliases() map[string]string {
	aliases := map[string]string{}
	note := func(list []yamldoc.Pair) {
		for _, pr := range list {
			named := !isLogin(pr.Name) && c.policy.Classify(pr.Name, "").Secret
			for _, name := range wholeVariables(pr.Value) {
				if aliases[name] == "" && name != pr.Name && named {
					aliases[name] = pr.Name
				}
			}
			for _, name := range partsOf(pr.Value, named) {
				if aliases[name] == "" {
					aliases[name] = strings.TrimSuffix(pr.Name, "_PASSWORD") + "_PASSWORD"
				}
			}
		}
	}
	for _, s := range c.services {
		note(s.env)
		if b := c.buildOf(s); b != nil {
			note(yamldoc.Pairs(b.args))
		}
	}
	return aliases
}

// isLogin reports whether a name is that of an access key, which a store of its
// own takes as the name of a user.
func isLogin(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "")
	return strings.Contains(name, "accesskey") && !strings.Contains(name, "secret")
}

// wholeVariables lists the variables that raw consists of, which is more than
// one in ${A:-${B}}.
func wholeVariables(raw string) []string {
	if !strings.HasPrefix(raw, "$") {
		return nil
	}
	e := expand(raw, false)
	var list []string
	for _, d := range e.defaults {
		if d.start == 0 && d.end == len(e.text) && !strings.HasPrefix(strings.TrimPrefix(raw[len("${")+len(d.name):], ":"), "+") {
			list = append(list, d.name)
		}
	}
	if len(e.open) == 1 && e.text == secret.Hole {
		list = append(list, e.open[0])
	}
	return list
}

// partsOf lists the variables of which the password in an address is made, and with secret, all that a value is made of
// in which no address stands: postgres://app:${X}@db, pre-${X}.
func partsOf(raw string, secretName bool) []string {
	if !strings.Contains(raw, "$") {
		return nil
	}
	text := evaluate(raw, nil) // a variable stands as its name between holes
	from, to := 0, len(text)
	if i := strings.Index(text, "://"); i >= 0 {
		from = i + len("://")
		if to = strings.LastIndexByte(text, '@'); to < from {
			return nil
		}
		colon := strings.IndexByte(text[from:to], ':')
		if colon < 0 {
			return nil
		}
		from += colon + 1
	} else if !secretName {
		return nil
	}
	parts := strings.Split(text[from:to], secret.Hole) // text, variable, text, ...
	var list []string
	for i := 1; i < len(parts); i += 2 {
		list = append(list, parts[i])
	}
	return list
}

// envFile makes what the rules see of an env file. Compose files in its directory
// say more about .env and what is called after it, such as .env.example, which
// somebody copies to .env.
func (l *linter) envFile(ref fileRef, src *source) *envFile {
	f := &envFile{src: src, vars: parseEnv(src, ref.raw), service: ref.user, policy: l.policy, path: ref.path, compose: ref.compose, raw: ref.raw}
	base := strings.ToLower(filepath.Base(ref.path))
	if strings.HasPrefix(base, ".env") || strings.HasPrefix(base, "env") {
		f.aliases = map[string]string{}
		for _, c := range l.beside[filepath.Dir(ref.path)] {
			f.policy.Secret = append(slices.Clip(f.policy.Secret), c.policy.Secret...)
			f.policy.Plain = append(slices.Clip(f.policy.Plain), c.policy.Plain...)
			for name, as := range c.aliases {
				if f.aliases[name] == "" {
					f.aliases[name] = as
				}
			}
		}
	}
	if ref.compose != nil {
		f.policy = ref.compose.policy
	}
	return f
}
