package migrate

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document"
	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
)

// envValues gives the values of an env file as Compose reads them; what it
// takes from elsewhere stands as a hole. A file that Compose would refuse has none.
func envValues(data []byte) map[string]string {
	own := map[string]bool{}
	for _, v := range lint.EnvVars(data, secret.Policy{}, nil) {
		own[v.Name] = true
	}
	values, err := dotenv.ParseWithLookup(bytes.NewReader(data), func(name string) (string, bool) {
		return secret.Hole + name + secret.Hole, !own[name]
	})
	if err != nil {
		return nil // the cause quotes the file
	}
	return values
}

// valuesOf returns the values of an env file as it is on disk, which is read once; nil if it has none or is encrypted.
// They are not to be changed.
func (p *planner) valuesOf(path string) map[string]string {
	values, ok := p.onFile[path]
	if !ok {
		if data, err := original(path); err == nil && data != nil && !secret.IsSOPS(data) {
			values = envValues(data)
		}
		p.onFile[path] = values
	}
	return values
}

// envState is an env file on its way out.
type envState struct {
	path   string
	data   []byte
	vars   []lint.EnvVar
	values map[string]string
	users  []*service
	dotenv bool // it is the .env of the project
	raw    bool
}

// envFiles moves the secrets of .env and of every file of env_file.
func (c *file) envFiles() error {
	own := c.ownEnvFiles()
	c.dotenv = c.envOf(c.part)
	c.taken = c.takenIn(c.part)
	paths := slices.Clone(own)
	if c.root != c.part && !c.included {
		paths = nil // the file that extends this one sees to it
	}
	c.inFile = map[string]bool{}
	users := map[string][]*service{}
	raw := map[string]bool{}
	for _, s := range c.services {
		for _, f := range s.envFiles(c.dir) {
			if f.path == "" {
				continue
			}
			if !slices.Contains(paths, f.path) {
				paths = append(paths, f.path)
				c.takeFrom(f.path)
			}
			users[f.path] = append(users[f.path], s)
			raw[f.path] = raw[f.path] || f.raw
		}
	}
	for _, path := range paths {
		data, err := original(path)
		if err != nil || data == nil || secret.IsSOPS(data) {
			continue
		}
		var aliases map[string]string
		if slices.Contains(own, path) {
			aliases = c.facts.Aliases()
		}
		e := &envState{
			path: path, data: data, vars: lint.EnvVars(data, c.facts.Policy(), aliases), values: envValues(data),
			users: users[path], dotenv: slices.Contains(own, path), raw: raw[path],
		}
		if err := c.envFile(e); err != nil {
			return fmt.Errorf("%s: %w", c.shown(path), err)
		}
	}
	return nil
}

// movedFrom gives what the store of c gets from an env file.
func (c *file) movedFrom(path string) map[string]*value {
	key := movedKey{path, c.names.path}
	if c.moved[key] == nil {
		c.moved[key] = map[string]*value{}
	}
	return c.moved[key]
}

// movedOwn returns the value that a variable of the env files of c has in the store, or nil.
func (c *file) movedOwn(name string) *value {
	for _, path := range c.ownEnvFiles() {
		if v := c.movedFrom(path)[name]; v != nil {
			return v
		}
	}
	return nil
}

// hasMoved reports whether a variable leaves an env file, to any store.
func (p *planner) hasMoved(path, name string) bool {
	for key, values := range p.moved {
		if key.env == path && values[name] != nil {
			return true
		}
	}
	return false
}

// takeFrom notes what the values of an env file are made of: Compose looks for
// it in .env first.
func (c *file) takeFrom(path string) {
	data, err := original(path)
	if err != nil || data == nil || secret.IsSOPS(data) {
		return // envFiles reports it
	}
	for _, v := range lint.EnvVars(data, secret.Policy{}, nil) {
		for _, name := range v.Takes() {
			c.inFile[name] = true
		}
	}
}

// takenIn returns the variables that mean something in the project of a part, so that no store may define them anew.
func (p *planner) takenIn(n *part) map[string]bool {
	if taken := p.takenNames[n.root.dir]; taken != nil {
		return taken
	}
	taken := map[string]bool{}
	for _, o := range append(p.others(n), n) {
		if o.out != nil {
			maps.Copy(taken, o.words())
		} else {
			maps.Copy(taken, o.takes())
		}
		for name := range p.envOf(o) {
			taken[name] = true
		}
	}
	p.takenNames[n.root.dir] = taken
	return taken
}

// noteBare notes the variables that are taken by their names alone: a store
// that defined them would give them to whoever passes them on.
func noteBare(n *yaml.Node, taken map[string]bool) {
	for _, name := range lint.BareVariables(n) {
		taken[name] = true
	}
	for _, child := range n.Content {
		noteBare(child, taken)
	}
}

// envFile moves the secrets of one file.
func (c *file) envFile(e *envState) error {
	going := c.movable(e)
	moved := c.movedFrom(e.path)
	t := document.New(e.data)
	edits := c.edits[e.path]
	for i := range e.vars {
		v := &e.vars[i]
		if v.Secret {
			c.hide(v.Raw)
		}
		if !going[v.Name] {
			continue
		}
		c.noteSecret(e.path, v.Name)
		text := e.values[v.Name]
		c.hide(text)
		cut := !c.hasMoved(e.path, v.Name) // and not for another project
		val := moved[v.Name]
		if val == nil {
			val = c.envValue(e, v.Name, text, t.Line(v.Start))
			moved[v.Name] = val
		}
		if cut {
			from := t.LineStart(t.Line(v.Start))
			to := t.LineEnd(v.End)
			if next := t.Line(to); next < t.Lines() {
				to = t.LineStart(next + 1)
			}
			edits = append(edits, document.Edit{Range: document.Range{Start: from, End: to}})
		}
		c.moves(lint.Place{Path: e.path, Line: t.Line(v.Start), Name: v.Name})
		for _, s := range e.users {
			if c.gets(s, e, v.Name) {
				c.addVariable(s, e.path, v.Name, val)
			}
		}
	}
	return c.stage(e.path, e.data, edits)
}

// envValue names the value of a variable of an env file. Those of .env keep
// their name.
func (c *file) envValue(e *envState, name, text string, line int) *value {
	var v *value
	switch {
	case e.dotenv:
		if v = c.names.byName[name]; v == nil {
			v = c.names.add(name, text)
		}
	default:
		v = c.value(e.users[0].name, name, text, nil)
	}
	v.places = append(v.places, fmt.Sprintf("%s:%d", c.shown(e.path), line))
	return v
}

// gets reports whether a variable of the env file reaches the service: neither
// environment, that of a service which it extends included, nor a later env file defines it.
func (c *file) gets(s *service, e *envState, name string) bool {
	if s.sets(name) || c.baseSets(c.part, s, name, maxExtends) {
		return false
	}
	last := ""
	for _, f := range s.envFiles(c.dir) {
		if _, ok := c.valuesOf(f.path)[name]; ok {
			last = f.path
		}
	}
	return last == e.path
}

// maxExtends bounds how far a service is followed to those that it extends.
const maxExtends = 20

// baseSets reports whether the environment of a service that s extends, directly or not, sets a variable.
func (p *planner) baseSets(n *part, s *service, name string, depth int) bool {
	extends := yamldoc.Get(s.merged, "extends")
	base := yamldoc.Text(extends)
	if extends != nil && extends.Kind == yaml.MappingNode {
		base = yamldoc.Text(yamldoc.Get(extends, "service"))
		if file := yamldoc.Text(yamldoc.Get(extends, "file")); file != "" {
			path := onDisk(n.dir, file)
			i := slices.IndexFunc(p.all, func(o *part) bool { return o.path == path })
			if i < 0 {
				return false
			}
			n = p.all[i]
		}
	}
	if base == "" || depth == 0 {
		return false
	}
	return slices.ContainsFunc(n.services(), func(b *service) bool {
		return b.name == base && (b.sets(name) || p.baseSets(n, b, name, depth-1))
	})
}

// movable decides which variables can go, and says of the others why not.
func (c *file) movable(e *envState) map[string]bool {
	going := map[string]bool{}
	for i := range e.vars {
		v := &e.vars[i]
		if !v.Secret && !c.secretFor[e.path][v.Name] || v.Ignored {
			continue
		}
		if why := c.whyNot(e, v); why.Given() {
			c.stays(lint.Place{Path: e.path, Line: document.New(e.data).Line(v.Start), Name: v.Name}, why)
			c.keepFor(e, v.Name, why)
			continue
		}
		going[v.Name] = true
	}
	c.keepReferenced(e, going)
	return going
}

// keepFor keeps a variable that a file has to leave where it is from the other files of the plan: from one that was
// planned before and has moved it, and if services get the env file here, from those that are still to come.
func (c *file) keepFor(e *envState, name string, why lint.Reason) {
	if len(e.users) > 0 || c.hasMoved(e.path, name) {
		c.keep(e.path, name, why)
	}
}

// noteSecret notes that a variable of an env file moves, for the files whose services get that one too: what is a
// password in the address of one may be called by another name, and be no secret, in another.
func (c *file) noteSecret(path, name string) {
	if !slices.ContainsFunc(c.all, func(n *part) bool { return n != c.part && n.givesFile(path) }) {
		return
	}
	if c.secretFor[path] == nil {
		c.secretFor[path] = map[string]bool{}
	}
	c.secretFor[path][name] = true
}

// givesFile reports whether a service of the part gets an env file.
func (n *part) givesFile(path string) bool {
	return slices.ContainsFunc(n.services(), func(s *service) bool {
		return slices.ContainsFunc(s.envFiles(n.dir), func(f envFileRef) bool { return f.path == path })
	})
}

func (c *file) whyNot(e *envState, v *lint.EnvVar) lint.Reason {
	if why := cmp.Or(c.stay[e.path][v.Name], c.neededBy(e.path, v.Name)); why.Given() && !v.Why.Given() {
		return why
	}
	text, ok := e.values[v.Name]
	moved := c.movedFrom(e.path)[v.Name] != nil
	switch {
	case c.Trees.Outside(e.path):
		return lint.Because(lint.OutsideProject)
	case v.Why.Given():
		return v.Why
	case !ok || text == "" || strings.Contains(text, secret.Hole):
		return lint.Because(lint.DependsOnVariables)
	case e.dotenv && c.included && !slices.Contains(c.root.vars, e.path) && (c.meansElsewhere(v.Name) || c.readers.Means(c.root.path, v.Name)):
		return lint.Because(lint.TakenInProject, v.Name)
	case e.dotenv && c.inFile[v.Name]:
		return lint.Because(lint.PartOfEnvFile)
	case e.dotenv && c.definedTwice(e.path, v.Name):
		return lint.Because(lint.TwoEnvFiles)
	case e.raw:
		return lint.Because(lint.OwnFormat)
	case !c.names.takes(text) || len(text) >= secret.MaxSize:
		return c.names.whyNot(text)
	case !moved && c.names.keys[v.Name] && e.dotenv:
		return lint.Because(lint.InStore, c.shown(c.names.path))
	case !moved && e.dotenv && c.names.byName[v.Name] != nil && c.names.byName[v.Name].text != text:
		return lint.Because(lint.InOtherFile)
	case !e.dotenv && len(e.users) == 0:
		return lint.Because(lint.NoService)
	}
	for _, s := range e.users {
		if !c.gets(s, e, v.Name) {
			continue
		}
		if file := c.setElsewhere(s.name, v.Name); file != "" && !e.dotenv {
			return lint.Because(lint.SetToo, file, s.name)
		}
		if !extendable(s.node) {
			return lint.Because(lint.SharedEnvironment, s.name, v.Name)
		}
	}
	if e.dotenv && c.o.Files && !c.onlyInEnvironments(v.Name) {
		return lint.Because(lint.OutsideEnvironments)
	}
	if e.dotenv && len(e.users) == 0 && !c.isTaken(e.path, v.Name) {
		return lint.Because(lint.Untaken)
	}
	if why := c.readers.Why(e.path, v.Name); why.Given() || e.dotenv {
		return why
	}
	for _, s := range e.users {
		if other := c.readers.Sets(c.root.path, s.name, v.Name); other != "" && c.gets(s, e, v.Name) {
			return lint.Because(lint.SetToo, other, s.name)
		}
	}
	return lint.Reason{}
}

// definedTwice reports whether another of the env files of c defines a variable.
func (c *file) definedTwice(path, name string) bool {
	return slices.ContainsFunc(c.ownEnvFiles(), func(other string) bool {
		_, ok := c.valuesOf(other)[name]
		return ok && other != path
	})
}

// isTaken reports whether a compose file of the plan takes a variable of an .env.
func (p *planner) isTaken(path, name string) bool {
	return slices.ContainsFunc(p.all, func(n *part) bool {
		return slices.Contains(n.envPaths(), path) && (n.takes()[name] || n.out != nil && n.mentions(name)) ||
			n.givesFile(path)
	})
}

// meansElsewhere reports whether a variable of an included .env means something
// to other files: the store would define it for them too.
func (c *file) meansElsewhere(name string) bool {
	for _, o := range c.others(c.part) {
		if _, ok := c.envOf(o)[name]; ok || o.mentions(name) {
			return true
		}
	}
	return false
}

// mentionsVariable reports whether anything below n takes a variable.
func mentionsVariable(n *yaml.Node, name string) bool {
	return n.Kind == yaml.ScalarNode && (n.Value == name || slices.Contains(lint.Variables(n.Value), name)) ||
		slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return mentionsVariable(c, name) })
}

// keepReferenced keeps variables that entries which stay are made of.
func (c *file) keepReferenced(e *envState, going map[string]bool) {
	for again := true; again; {
		again = false
		for i := range e.vars {
			v := &e.vars[i]
			if going[v.Name] {
				continue
			}
			for _, name := range v.Takes() {
				if going[name] {
					delete(going, name)
					c.keepFor(e, name, lint.Because(lint.PartOfEntry, v.Name))
					c.stays(lint.Place{Path: e.path, Line: lineOf(e, name), Name: name}, lint.Because(lint.PartOfEntry, v.Name))
					again = true
				}
			}
		}
	}
}

func lineOf(e *envState, name string) int {
	for _, v := range e.vars {
		if v.Name == name {
			return document.New(e.data).Line(v.Start)
		}
	}
	return 0
}

// onlyInEnvironments reports whether every use of a variable is one that a
// file can take the place of.
func (c *file) onlyInEnvironments(name string) bool {
	bare := map[string]bool{}
	noteBare(c.doc.Root, bare)
	if bare[name] {
		return false
	}
	if slices.ContainsFunc(c.others(c.part), func(o *part) bool { return o.root != o && o.mentions(name) }) {
		return false
	}
	ok := true
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && slices.Contains(lint.Variables(n.Value), name) {
			uses := c.uses[n]
			if len(uses) == 0 || !c.doc.Settable(n) || lint.Open(uses[0].v.Value, c.dotenv) {
				ok = false
			}
		}
		for _, child := range n.Content {
			walk(child)
		}
	}
	walk(c.doc.Root)
	return ok
}
