package lint

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// ProgramOf reads what a service runs from the nodes of its entrypoint and
// command; nil for one that is not given. A first word that takes variables is
// not known.
func ProgramOf(entrypoint, command *yaml.Node) secret.Program {
	p := secret.Program{Entrypoint: given(entrypoint)}
	if !given(command) {
		return p
	}
	word := ""
	if n := yamldoc.Follow(command); n.Kind == yaml.SequenceNode {
		if len(n.Content) == 0 {
			return p
		}
		word = yamldoc.Text(n.Content[0])
	} else if words := splitShell(n.Value, nil, 0); len(words) > 0 {
		word = words[0].text
	} else {
		return p
	}
	if strings.Contains(word, "$") {
		word = secret.Hole
	}
	p.Command = []string{word}
	return p
}

func given(n *yaml.Node) bool {
	n = yamldoc.Follow(n)
	return n != nil && !yamldoc.IsNull(n)
}

// program is what the service runs as far as its own file says.
func (s *service) program() secret.Program {
	return ProgramOf(s.fields["entrypoint"], s.fields["command"])
}

// handled is the question whether the image of a service still reads a variable
// from a file when every file was read; nil where no other file has a say.
func (c *composeFile) handled(s *service, variable string) func(*linter) bool {
	if s == nil || s.known == nil || slices.Contains(s.asFile, variable) {
		return nil
	}
	return func(l *linter) bool { return l.handles(c, s) }
}

// handles reports whether the image of a service reads files for what the
// service runs, with what other files of the project say about that.
func (l *linter) handles(c *composeFile, s *service) bool {
	for _, o := range append(l.project(c), c) {
		for _, other := range o.services {
			if other.name == s.name && !s.known.Handles(other.program()) {
				return false
			}
		}
	}
	return l.handlesBase(c, s, given(s.fields["command"]), 0)
}

// maxBases bounds how far services that extend others are followed.
const maxBases = 8

// handlesBase is handles for the services that s extends. What they run counts
// only where s gives no command of its own; their entrypoint counts always.
func (l *linter) handlesBase(c *composeFile, s *service, own bool, depth int) bool {
	e := yamldoc.Follow(s.fields["extends"])
	if e == nil || depth == maxBases {
		return true
	}
	name, file := yamldoc.Text(e), ""
	if e.Kind == yaml.MappingNode {
		name, file = yamldoc.Text(yamldoc.Get(e, "service")), c.path(yamldoc.Text(yamldoc.Get(e, "file")))
	}
	for _, o := range l.read {
		if o != c && file == "" || file != "" && o.file != file {
			continue
		}
		for _, base := range o.services {
			if base.name != name {
				continue
			}
			p := base.program()
			if own {
				p.Command = nil
			}
			known := s.known
			if known == nil {
				known = base.known
			}
			if known != nil && !known.Handles(p) || !l.handlesBase(o, base, own || len(p.Command) > 0, depth+1) {
				return false
			}
		}
	}
	return true
}

// readsItself reports whether a variable may be read by what the compose file
// itself has the service run: a command, entrypoint, healthcheck or hook that
// names it, or a script of which nobody here knows what it reads.
func (s *service) readsItself(variable string) bool {
	if given(s.fields["entrypoint"]) || isOwnScript(s.fields["command"]) {
		return true
	}
	found := false
	for _, key := range [...]string{"command", "healthcheck", "post_start", "pre_stop"} {
		scalars(s.fields[key], func(n *yaml.Node) { found = found || hasWord(n.Value, variable) })
	}
	return found
}

// isOwnScript reports whether a command runs a program by its path, or a shell
// that is given one.
func isOwnScript(command *yaml.Node) bool {
	var words []string
	for _, i := range yamldoc.Items(command) {
		words = append(words, i.Value)
	}
	if n := yamldoc.Follow(command); n != nil && n.Kind == yaml.ScalarNode {
		words = nil
		for _, w := range splitShell(n.Value, nil, 0) {
			words = append(words, w.text)
		}
	}
	if len(words) == 0 {
		return false
	}
	if strings.Contains(words[0], "/") && !isShellName(words[0]) {
		return true
	}
	return isShellName(words[0]) && slices.ContainsFunc(words[1:], func(w string) bool { return strings.Contains(w, "/") })
}

func isShellName(word string) bool {
	return slices.Contains([]string{"sh", "bash", "ash", "dash"}, path.Base(word))
}
