package lint

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document"
	"go.yaml.in/yaml/v4"
)

const whyOdd = "write NAME=value: Compose takes the whole entry for a name"

// whyLiteral gives the reason why migrate leaves a literal, or "".
func (c *composeFile) whyLiteral(l *envLiteral) string {
	n, raw := l.pair.node, l.pair.value
	text := raw[l.start:l.end]
	verbatim := c.src.verbatim(n, l.pair.at, raw)
	whole := l.start == 0 && l.end == len(raw) && !l.fallback
	switch {
	case l.stray != "":
		return fmt.Sprintf("Compose knows no key %q of a service; variables stand under environment", l.stray)
	case l.key:
		return "the key has to leave this place"
	case l.pair.odd:
		return whyOdd
	case n.Style&yaml.TaggedStyle != 0:
		return "migrate cannot edit a value with a tag"
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && c.src.indented(n):
		return "migrate cannot edit a block that says how far it is indented"
	case ChangesInCompose(n):
		return "put it into quotes, so that it means the same to everybody"
	case whole && !Open(raw, nil) && len(Variables(raw)) == 0:
		return ""
	case !verbatim && (Open(raw, nil) || len(Variables(raw)) > 0):
		return "it holds variables, and is written with escapes or on several lines"
	case verbatim && (Open(text, nil) || len(Variables(text)) > 0):
		return "the secret itself takes variables"
	}
	if l.fallback {
		if FallbackOp(raw[:l.start], l.name) == "" {
			if !strings.HasSuffix(raw[:l.start], "$${"+l.name+":-") {
				return "migrate moves a default, ${NAME:-value}, as a whole alone"
			}
			return ""
		}
		return c.whyDefault(l.name, evaluate(text, nil))
	}
	return ""
}

// whyDefault gives the reason why a variable cannot be defined with the text of
// its default, or "".
func (c *composeFile) whyDefault(name, text string) string {
	for _, u := range c.unheldHere() {
		if u.Name == name {
			return u.Why("")
		}
	}
	if c.otherDefault(name, text) {
		return "another place takes " + name + " with another default, or with none"
	}
	return ""
}

// verbatim reports whether a part of a scalar stands in the source as it is.
func (s *source) verbatim(n *yaml.Node, from int, text string) bool {
	at := s.scalar(n, from, from+len(text))
	return string(s.data[at.start:at.end]) == text
}

// indented reports whether the header of a block scalar may have a digit.
func (s *source) indented(n *yaml.Node) bool {
	at := s.Offset(document.Pos{Line: n.Line, Column: n.Column})
	return bytes.ContainsAny(s.data[at:s.LineEnd(at)], "123456789")
}

// FallbackOp gives what stands between the name and the default of
// ${NAME:-default}, of which before ends where the default starts; "" if that
// is not the default of NAME as a whole.
func FallbackOp(before, name string) string {
	for _, op := range []string{":-", "-", ":"} {
		if b, ok := strings.CutSuffix(before, "${"+name+op); ok && !strings.HasSuffix(b, "$") {
			return op
		}
	}
	return ""
}

// otherDefault reports whether a variable that is set to text would change
// anything in the file.
func (c *composeFile) otherDefault(name, text string) bool {
	if c.takers == nil {
		c.takers = map[string][]string{}
		noteTakers(c.root, c.takers)
	}
	set := map[string]string{name: text}
	return slices.ContainsFunc(c.takers[name], func(raw string) bool { return evaluate(raw, nil) != evaluate(raw, set) })
}

// noteTakers lists, by variable, the scalars that take it.
func noteTakers(n *yaml.Node, takers map[string][]string) {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "$") {
		for _, name := range Variables(n.Value) {
			takers[name] = append(takers[name], n.Value)
		}
	}
	for _, name := range BareVariables(n) {
		takers[name] = append(takers[name], "${"+name+"}")
	}
	for _, child := range n.Content {
		noteTakers(child, takers)
	}
}

// ChangesInCompose reports whether a plain scalar is a number or switch that
// Compose would write in another way: 0123 and 1e3 are.
func ChangesInCompose(n *yaml.Node) bool {
	if n.Tag == "!!str" || n.Tag == "" {
		return false
	}
	var v any
	return n.Decode(&v) != nil || fmt.Sprint(v) != n.Value
}

// Extendable reports whether a service, given as the mapping under its own key,
// has an environment of its own that a variable can be added to.
func Extendable(own *yaml.Node) bool {
	if own == nil || own.Kind != yaml.MappingNode || own.Anchor != "" {
		return false
	}
	for i := 0; i+1 < len(own.Content); i += 2 {
		if n := own.Content[i+1]; own.Content[i].Value == "environment" {
			return n.Kind != yaml.AliasNode && n.Kind != yaml.ScalarNode && n.Anchor == "" && (len(n.Content) > 0 || n.Style&yaml.FlowStyle != 0)
		}
	}
	return get(own, "environment") == nil
}

// ownService gives the mapping under a service's own key; nil if it is an alias.
func (c *composeFile) ownService(name string) *yaml.Node {
	for i := 0; i+1 < len(c.root.Content); i += 2 {
		if list := c.root.Content[i+1]; c.root.Content[i].Value == "services" && list.Kind == yaml.MappingNode {
			for k := 0; k+1 < len(list.Content); k += 2 {
				if list.Content[k].Value == name && list.Content[k+1].Kind == yaml.MappingNode {
					return list.Content[k+1]
				}
			}
		}
	}
	return nil
}

// setWhy says of every secret of an env file why migrate leaves it, as far as
// the file itself tells.
func setWhy(vars []EnvVar) {
	count, at := map[string]int{}, map[string]int{}
	for i, v := range vars {
		count[v.Name]++
		at[v.Name] = i
	}
	for i := range vars {
		v := &vars[i]
		switch {
		case !v.Secret:
		case v.Opens:
			v.Why = "the key has to leave this place"
		case count[v.Name] > 1:
			v.Why = "it is defined more than once; keep one"
		case slices.ContainsFunc(v.Takes(), func(name string) bool { return count[name] == 0 }):
			v.Why = "its value depends on other variables"
		}
	}
	for again := true; again; { // entries that stay keep what they are made of
		again = false
		for i := range vars {
			if v := &vars[i]; v.Secret && v.Why == "" && !v.Ignored {
				continue
			}
			for _, name := range vars[i].Takes() {
				if k, ok := at[name]; ok && vars[k].Secret && vars[k].Why == "" {
					vars[k].Why, again = vars[i].Name+" of the same file is made of it", true
				}
			}
		}
	}
}

func expandOpen(raw string) []string {
	e := expand(raw, false)
	list := e.open
	for _, d := range e.defaults {
		list = append(list, d.name)
	}
	return list
}

// whyEnv gives the reason why migrate leaves a variable of an env file that c
// names, or "".
func (c *composeFile) whyEnv(path, name string, l *linter) string {
	dotenv := slices.Contains(c.vars, path)
	if dotenv && slices.ContainsFunc(c.vars, func(other string) bool { _, ok := c.files.vars([]string{other})[name]; return ok && other != path }) {
		return TwoEnvFiles
	}
	if dotenv && c.inEnvFiles()[name] {
		return "a value of an env file is made of it"
	}
	if dotenv && c.parent != nil && c.parent.knows(name) {
		return "the file that includes this one takes " + name + " as well"
	}
	for _, o := range l.takers(path) {
		if why := o.whyUnheld(name, l); why != "" {
			return why
		}
	}
	for _, o := range l.byName {
		if s := NamedByVariable(o.root, o.dir, path, l.varsOf(o)); s != "" {
			return byVariable(s)
		}
	}
	for _, o := range l.envUsers[path] {
		if why := o.whyEnvFile(path, name, dotenv, l); why != "" {
			return why
		}
	}
	if len(l.envUsers[path]) == 0 && !dotenv {
		return "no service reads it; encrypt it with SOPS, which an include reads as well"
	}
	return ""
}

// TwoEnvFiles is why an entry stays that two files of --env-file define: what one gives up, the other would give.
const TwoEnvFiles = "another --env-file defines it as well; remove one of the two"

func byVariable(service string) string {
	return "service " + service + " reads the file under a name with variables in it; write the name out"
}

// whyEnvFile is about the services that read the env file.
func (c *composeFile) whyEnvFile(path, name string, dotenv bool, l *linter) string {
	for _, s := range c.services {
		for _, n := range c.envFiles(s) {
			if c.path(text(n)) != path {
				continue
			}
			if c.hasFormat(s) {
				return "env_file reads it with a format of its own"
			}
			if slices.ContainsFunc(s.env, func(p pair) bool { return p.name == name }) {
				continue
			}
			if file := l.setElsewhere(c, s.name, name); file != "" && !dotenv {
				return file + " sets it for service " + s.name + " too"
			}
			if !Extendable(c.ownService(s.name)) {
				return "the environment of service " + s.name + " is shared or merged; add ${" + name + "} there"
			}
		}
	}
	return ""
}

// noteNames lists the variables that mean something here, for included files.
func (c *composeFile) noteNames() {
	c.names = map[string]bool{}
	takers := map[string][]string{}
	noteTakers(c.root, takers)
	for name := range takers {
		c.names[name] = true
	}
	for name := range c.files.vars(c.vars) {
		c.names[name] = true
	}
}

// knows reports whether a variable means something to the file or to one that
// includes it.
func (c *composeFile) knows(name string) bool {
	for range maxParents { // files may include each other
		if c == nil {
			return false
		}
		if c.names[name] {
			return true
		}
		c = c.parent
	}
	return false
}

// hasFormat reports whether a service reads an env file with a format of its own.
func (c *composeFile) hasFormat(s *service) bool {
	return slices.ContainsFunc(items(s.fields["env_file"]), func(n *yaml.Node) bool { return get(n, "format") != nil })
}

// inEnvFiles gives the variables that values of env_file are made of: Compose
// looks for them in .env first.
func (c *composeFile) inEnvFiles() map[string]bool {
	if c.inFiles == nil {
		c.inFiles = map[string]bool{}
		for _, s := range c.services {
			for _, n := range c.envFiles(s) {
				path := c.path(text(n))
				data, err := c.files.read(path)
				if err != nil || slices.Contains(c.vars, path) || isEncrypted(data) || !bytes.ContainsRune(data, '$') {
					continue
				}
				for _, v := range parseEnv(newSource("", data), false) {
					if !v.verbatim {
						for _, name := range Variables(v.value) {
							c.inFiles[name] = true
						}
					}
				}
			}
		}
	}
	return c.inFiles
}
