package secret

import "strings"

// Program is what a compose file, and what is merged into it, says about the
// program of a container.
type Program struct {
	Entrypoint bool     // an entrypoint is given, so that the image's own does not run
	Command    []string // the command; empty for the image's own. A first word that is not known holds [Hole]
}

// FileFor reports how the image reads variable from a file when it runs p:
// [Image.File] for the image's own entrypoint with a command that this reads
// files for, no file for any other. It is the one answer that the plan, the
// linter and the migration give.
func (i *Image) FileFor(variable string, p Program) (FileForm, bool) {
	if !i.Handles(p) {
		return FileForm{}, false
	}
	return i.File(variable)
}

// Handles reports whether the image's own start reads files when the container
// runs p. An entrypoint such as PostgreSQL's reads them for its server only and
// becomes any other command as it is. A word that starts with a dash is an
// option of the image's own program.
func (i *Image) Handles(p Program) bool {
	if i == nil || p.Entrypoint {
		return false
	}
	if len(i.runs) == 0 || len(p.Command) == 0 {
		return true
	}
	word := p.Command[0]
	return !strings.Contains(word, Hole) && (strings.HasPrefix(word, "-") || matches(i.runs, word))
}
