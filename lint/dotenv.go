package lint

import (
	"strings"

	"github.com/compose-secure/compose-secure/secret"
)

// envFile is an env file with the places of its values.
type envFile struct {
	src     *source
	path    string // on disk
	vars    []envVar
	service *service // the one that names it, nil for .env
	policy  secret.Policy
	tracked bool           // git has it
	exposed bool           // in a git work tree and not ignored
	compose *composeFile   // that names it
	linter  *linter        // what it knows of the compose files around
	why     map[int]string // by start of a value, why migrate leaves it
	takenAs map[string]string
}

// envVar is one NAME=value. start..end is the value without its quotes.
type envVar struct {
	name       string
	value      string
	start, end int
	verbatim   bool // single quotes: nothing is expanded
	escapes    bool // double quotes: \$ is a $
}

// parseEnv reads the syntax of
// https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax.
// Lines that are none are passed over.
func parseEnv(src *source) []envVar {
	var vars []envVar
	data := string(src.data)
	for at := len(data) - len(strings.TrimPrefix(data, "\ufeff")); at < len(data); {
		end := len(data)
		if i := strings.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i
		}
		v, next, ok := parseEnvLine(data, at, end)
		if ok {
			vars = append(vars, v)
		}
		at = max(next, end) + 1
	}
	return vars
}

func parseEnvLine(data string, at, end int) (v envVar, next int, ok bool) {
	line := data[at:end]
	lead := len(line) - len(strings.TrimLeft(line, " \t"))
	if rest, found := strings.CutPrefix(line[lead:], "export "); found {
		lead = len(line) - len(strings.TrimLeft(rest, " \t"))
	}
	sep := strings.IndexAny(line, "=:")
	if sep <= lead || line[lead] == '#' {
		return v, end, false
	}
	v.name = strings.TrimSpace(line[lead:sep])
	if strings.ContainsAny(v.name, " \t#{}\"'/") {
		return v, end, false
	}
	v.start = at + sep + 1
	for v.start < end && (data[v.start] == ' ' || data[v.start] == '\t') {
		v.start++
	}
	if v.start < end && (data[v.start] == '"' || data[v.start] == '\'') {
		if n := closingQuote(data, v.start); n > 0 {
			v.verbatim, v.escapes = data[v.start] == '\'', data[v.start] == '"'
			v.start, v.end = v.start+1, n
			v.value = data[v.start:v.end]
			return v, n, true
		}
	}
	value := data[v.start:end]
	if i := strings.Index(value, " #"); i >= 0 {
		value = value[:i]
	}
	if strings.HasPrefix(value, "#") {
		value = ""
	}
	v.value = strings.TrimRight(value, " \t\r")
	v.end = v.start + len(v.value)
	return v, end, true
}

// closingQuote finds the quote that ends the value at open; it may stand on a
// later line. A quote that never closes is text.
func closingQuote(data string, open int) int {
	for i := open + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case data[open]:
			return i
		}
	}
	return -1
}
