package migrate

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
)

// mountDir is where a service finds its secrets.
const mountDir = "/run/secrets/"

// form says how the image of a service reads a variable from a file that any
// secret can be. programs are what it runs, as every file of the project says.
func (s *service) form(name string, programs []secret.Program) (secret.FileForm, bool) {
	if slices.Contains(s.asEnv, name) || s.mentions(name) {
		return secret.FileForm{}, false
	}
	f := secret.FileForm{Variable: name + "_FILE", ValueFormat: "%s"}
	if !slices.Contains(s.asFile, name) {
		for _, p := range programs {
			known, ok := s.image.FileFor(name, p)
			if !ok || known.Target != "" || s.image.Owner != nil {
				return secret.FileForm{}, false
			}
			f = known
		}
	}
	for _, v := range s.environment() {
		if v.Name == f.Variable && f.Variable != name {
			return secret.FileForm{}, false
		}
	}
	return f, true
}

// form is the form of a service that shares its variables with no other: of two
// that are merged, one could get the plain variable beside the file.
// An env file, but for the one that gives up its entry, would give the plain one too.
func (c *file) form(s *service, name, from string) (secret.FileForm, bool) {
	inEnvFile := slices.ContainsFunc(s.envFiles(c.dir), func(f envFileRef) bool {
		_, ok := c.valuesOf(f.path)[name]
		return ok && f.path != from
	})
	if inEnvFile || c.linked[s.name] || c.setElsewhere(s.name, name) != "" || c.readers.Sets(c.root.path, s.name, name) != "" {
		return secret.FileForm{}, false
	}
	return s.form(name, c.programs(s))
}

// programs are what a service runs by its own file and by every other that says
// something about it. A file that cannot be read may say anything.
func (c *file) programs(s *service) []secret.Program {
	list := []secret.Program{lint.ProgramOf(yamldoc.Get(s.merged, "entrypoint"), yamldoc.Get(s.merged, "command"))}
	for _, o := range c.others(c.part) {
		if o.out != nil {
			if o.mentions(s.name) && (o.mentions("entrypoint") || o.mentions("command")) {
				list = append(list, secret.Program{Entrypoint: true})
			}
			continue
		}
		for _, other := range o.services() {
			if other.name == s.name {
				list = append(list, lint.ProgramOf(yamldoc.Get(other.merged, "entrypoint"), yamldoc.Get(other.merged, "command")))
			}
		}
	}
	return list
}

// mayGrant reports whether services of the file can be granted a value: a file
// that is included has to declare what it grants, and no other may do the same.
func (c *file) mayGrant(v *value) bool {
	return v.owner == nil || v.owner == c.unit()
}

// unit is the file that stands for all that are merged into one project.
func (n *part) unit() *part {
	if n.included {
		return n
	}
	return n.root
}

// mentions reports whether a command of the service takes the variable from
// its environment.
func (s *service) mentions(name string) bool {
	for _, key := range []string{"command", "entrypoint", "healthcheck", "post_start", "pre_stop"} {
		if mentions(yamldoc.Get(s.merged, key), name, 0) {
			return true
		}
	}
	return false
}

func mentions(n *yaml.Node, name string, depth int) bool {
	if n = yamldoc.Follow(n); n == nil || depth > maxDepth {
		return false
	}
	return n.Kind == yaml.ScalarNode && strings.Contains(n.Value, name) ||
		slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return mentions(c, name, depth+1) })
}

// toFile gives a scalar of an environment, and the services that see it, the
// form of a file: the image's own variable, the grant and the secret.
func (c *file) toFile(n *yaml.Node, name string, of func(*service) *value) bool {
	uses := c.uses[n]
	if c.simple || len(uses) == 0 || n.Anchor != "" || !c.canDeclare() {
		return false
	}
	form, ok := c.form(uses[0].service, name, "")
	if !ok {
		return false
	}
	for _, u := range uses {
		f, ok := c.form(u.service, name, "")
		if !ok || f != form || u.v.Name != name || !u.service.grantable() {
			return false
		}
	}
	key := uses[0].v.Key
	if key != n && (key.Anchor != "" || !c.doc.Settable(key) || key.Kind != yaml.ScalarNode) {
		return false
	}
	v := of(uses[0].service)
	if v == nil || !c.mayGrant(v) {
		return false
	}
	raw := fmt.Sprintf(form.ValueFormat, mountDir+v.file)
	if key == n {
		c.doc.Set(n, form.Variable+"="+raw)
	} else {
		if key.Value != form.Variable {
			c.doc.Set(key, form.Variable)
		}
		c.doc.Set(n, raw)
	}
	for _, u := range uses {
		c.grant(u.service, v)
		c.mounted[[2]string{u.service.name, form.Variable}] = &delivery{name, raw, v}
	}
	c.declareSecret(v)
	return true
}

// grantable reports whether the service has a place of its own for secrets.
func (s *service) grantable() bool {
	if s.node == nil {
		return false
	}
	own := yamldoc.Own(s.node, "secrets")
	if own == nil {
		return yamldoc.Get(s.merged, "secrets") == nil
	}
	return own.Kind == yaml.SequenceNode && (own.Anchor == "" || own.Style&yaml.FlowStyle != 0) && (len(own.Content) > 0 || own.Style&yaml.FlowStyle != 0)
}

// grant gives the service a secret, and notes it for those who have to read it.
func (c *file) grant(s *service, v *value) {
	s.grant(v)
	c.grants = append(c.grants, grant{c.part, s.name, v.file})
}

// grant gives the service a secret.
func (s *service) grant(v *value) {
	if slices.Contains(s.secrets(), v.file) {
		return
	}
	if own := yamldoc.Own(s.node, "secrets"); own != nil {
		own.Content = append(own.Content, yamldoc.Str(v.file))
		return
	}
	at := yamldoc.OwnIndex(s.node, "environment")
	if at < 0 {
		at = len(s.node.Content) - 2
	}
	s.node.Content = slices.Insert(s.node.Content, at+2, yamldoc.Str("secrets"), yamldoc.Seq(v.file))
}

// canDeclare reports whether there is a place for top-level secrets.
func (c *file) canDeclare() bool {
	own := yamldoc.Own(c.doc.Root, "secrets")
	return !c.extended && (own == nil || own.Kind == yaml.MappingNode && (len(own.Content) > 0 || own.Style&yaml.FlowStyle != 0))
}

// declareSecret says where a secret comes from. environment is for docker
// compose alone, which wants a source that it knows.
func (c *file) declareSecret(v *value) {
	v.owner = c.unit()
	own := yamldoc.Own(c.doc.Root, "secrets")
	if own == nil {
		own = yamldoc.Mapping()
		c.doc.Root.Content = append(c.doc.Root.Content, yamldoc.Str("secrets"), own)
	}
	if yamldoc.Own(own, v.file) != nil {
		return
	}
	path := c.names.path
	if c.o.Files {
		path = filepath.Join(path, v.file)
	}
	if rel, err := filepath.Rel(c.dir, path); err == nil {
		path = filepath.ToSlash(rel)
	}
	ref := secret.Ref{Scheme: "sops", Path: path, Key: []string{v.name}}
	source := yamldoc.Mapping(yamldoc.Str("environment"), yamldoc.Str(v.name), yamldoc.Str("x-source"), yamldoc.Str(ref.ID()))
	if c.o.Files { // x-source has up give a user of the container what only ours reads here
		ref.Scheme, ref.Key = "file", nil
		if !filepath.IsAbs(path) && !strings.HasPrefix(path, "../") {
			path = "./" + path
		}
		source = yamldoc.Mapping(yamldoc.Str("file"), yamldoc.Str(path), yamldoc.Str("x-source"), yamldoc.Str(ref.ID()))
	}
	own.Content = append(own.Content, yamldoc.Str(v.file), source)
}

// addVariable gives a service a variable that an env file gave it.
func (c *file) addVariable(s *service, from, name string, v *value) {
	raw := "${" + v.name + "}"
	if c.o.Files {
		raw = c.fileRef(c.names, v)
	}
	variable := name
	if form, ok := c.form(s, name, from); ok && c.mayGrant(v) && !c.simple && s.grantable() && c.canDeclare() {
		variable, raw = form.Variable, fmt.Sprintf(form.ValueFormat, mountDir+v.file)
		c.grant(s, v)
		c.declareSecret(v)
		c.mounted[[2]string{s.name, variable}] = &delivery{name, raw, v}
	}
	own := yamldoc.Own(s.node, "environment")
	switch {
	case own == nil:
		at := yamldoc.OwnIndex(s.node, "env_file")
		if at < 0 {
			at = len(s.node.Content) - 2
		}
		s.node.Content = slices.Insert(s.node.Content, at+2, yamldoc.Str("environment"), yamldoc.Mapping(yamldoc.Str(variable), yamldoc.Str(raw)))
	case own.Kind == yaml.SequenceNode:
		own.Content = append(own.Content, yamldoc.Str(variable+"="+raw))
	default:
		own.Content = append(own.Content, yamldoc.Str(variable), yamldoc.Str(raw))
	}
}

// extendable reports whether a service, given as the mapping under its own key,
// has an environment of its own that a variable can be added to.
func extendable(own *yaml.Node) bool {
	if own == nil || own.Kind != yaml.MappingNode || own.Anchor != "" {
		return false
	}
	n := yamldoc.Own(own, "environment")
	if n == nil {
		return yamldoc.Get(own, "environment") == nil
	}
	return n.Kind != yaml.AliasNode && n.Kind != yaml.ScalarNode && n.Anchor == "" && (len(n.Content) > 0 || n.Style&yaml.FlowStyle != 0)
}
