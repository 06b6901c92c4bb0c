package sops

import "strings"

// SOPS keeps a dotenv line as it is: an `export `, the quotes around a value
// and the CR of a Windows line end belong to key and value. Compose takes them
// as syntax, and a file that worked as a plain env file must mean the same
// after it was encrypted. What Compose would do beyond that, interpolation and
// comments behind a value, would damage a secret and is not done.
//
// See https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax.

// dotenvKey gives the name of the variable.
func dotenvKey(key string) string {
	key = strings.TrimSpace(key)
	if rest, ok := strings.CutPrefix(key, "export "); ok {
		key = strings.TrimSpace(rest)
	}
	return key
}

// dotenvValue takes the line end and a pair of quotes off a value.
func dotenvValue(v string) string {
	v = strings.TrimSuffix(v, "\r")
	if len(v) < 2 || v[0] != '"' && v[0] != '\'' || v[len(v)-1] != v[0] {
		return v
	}
	quote, inner := v[0], v[1:len(v)-1]
	escapes := `'`
	if quote == '"' {
		escapes = `"\$`
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		if c == quote {
			return v // the quotes are no pair: they are part of the value
		}
		if c == '\\' && i+1 < len(inner) && strings.IndexByte(escapes, inner[i+1]) >= 0 {
			i++
			c = inner[i]
		} else if c == '\\' && i+1 == len(inner) && quote == '"' {
			return v // the last quote is escaped
		}
		b.WriteByte(c)
	}
	return b.String()
}
