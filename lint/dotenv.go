package lint

import (
	"strings"

	"github.com/compose-secure/compose-secure/document/dotenv"
	"github.com/compose-secure/compose-secure/secret"
)

// envFile is an env file with the places of its values.
type envFile struct {
	src     *source
	path    string // on disk
	vars    []envVar
	service *service // the one that names it, nil for .env
	policy  secret.Policy
	tracked bool              // git has it
	exposed bool              // in a git work tree and not ignored
	compose *composeFile      // that names it
	raw     bool              // it has the format raw
	aliases map[string]string // of compose files, by variable
}

// envVar is one NAME=value. start..end is the value without its quotes.
type envVar struct {
	name       string
	value      string
	start, end int
	verbatim   bool // single quotes: nothing is expanded
	escapes    bool // double quotes: \$ is a $
}

// parseEnv lists the variables of an env file that have a value of their own. A line that docker compose refuses
// still counts when it looks like NAME=value: it is as readable. A value that starts with # is
// part of the value for docker compose, but was meant as a comment, and is no secret.
func parseEnv(src *source, raw bool) []envVar {
	parse := dotenv.Parse
	if raw {
		parse = dotenv.ParseRaw
	}
	found, faults := parse(src.data)
	vars := make([]envVar, 0, len(found))
	for _, v := range found {
		if v.Alone {
			continue
		}
		e := envVar{name: v.Name, value: v.Text, start: v.Value.Start, end: v.Value.End, verbatim: v.Verbatim(), escapes: v.Quote == '"'}
		if v.Quote == 0 && !v.Raw && strings.HasPrefix(v.Text, "#") {
			e.value, e.end = "", e.start
		}
		vars = append(vars, e)
	}
	for _, f := range faults {
		line := string(src.data[f.Range.Start:src.LineEnd(f.Range.Start)])
		if name, value, ok := strings.Cut(line, "="); ok && name != "" && !strings.ContainsAny(name, " \t#{}\"'/") {
			start := f.Range.Start + len(line) - len(value)
			vars = append(vars, envVar{name: name, value: value, start: start, end: start + len(value)})
		}
	}
	return vars
}
