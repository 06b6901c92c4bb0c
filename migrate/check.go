package migrate

import (
	"maps"
	"slices"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"
)

// check reads the edited file again. Its tree has to be the one that was
// meant, and every service has to get the variables that it got before.
func (c *file) check() error {
	data, ok := c.now[c.path]
	if !ok {
		data = c.doc.Bytes()
	}
	root, err := lint.ReadYAML(data)
	if err != nil || !sameTree(root, c.doc.Root) {
		return errMeaning
	}
	inherits := func(s *service, name string) bool { return c.baseSets(c.part, s, name, maxExtends) }
	before := effective(c.before, c.dir, c.valuesOf, c.dotenv, func(*service, yamldoc.Pair) (string, string, bool) { return "", "", false },
		func(s *service, vars map[string]string) map[string]string { return c.builtWith(s, vars, false) }, inherits)
	vars := maps.Clone(c.dotenv)
	own := c.ownEnvFiles()
	for key, values := range c.moved {
		for name := range values {
			if slices.Contains(own, key.env) {
				delete(vars, name)
			}
		}
	}
	if c.names.path != "" && !c.o.Files {
		for _, v := range c.names.values {
			if _, ok := vars[v.name]; !ok {
				vars[v.name] = v.text
			}
		}
	}
	after := effective(root, c.dir, c.fileAfter, vars, c.delivered,
		func(s *service, vars map[string]string) map[string]string { return c.builtWith(s, vars, true) }, inherits)
	if len(before) != len(after) {
		return errMeaning
	}
	for name, env := range before {
		if !maps.Equal(env, after[name]) {
			return errMeaning
		}
	}
	return nil
}

func (c *file) fileAfter(path string) map[string]string {
	if data, ok := c.now[path]; ok {
		return envValues(data)
	}
	return c.valuesOf(path)
}

// delivered tells a file variable that this plan has set from others: the
// secret must be granted and declared.
func (c *file) delivered(s *service, v yamldoc.Pair) (name, text string, ok bool) {
	if c.o.Files {
		for _, val := range c.names.values {
			if v.Value == c.fileRef(c.names, val) {
				return v.Name, val.text, true
			}
		}
	}
	d := c.mounted[[2]string{s.name, v.Name}]
	if d == nil || d.raw != v.Value {
		return "", "", false
	}
	declared := yamldoc.Get(yamldoc.Get(c.doc.Root, "secrets"), d.value.file) != nil
	for _, granted := range s.secrets() {
		if granted == d.value.file && declared {
			return d.name, d.value.text, true
		}
	}
	return "", "", false
}
