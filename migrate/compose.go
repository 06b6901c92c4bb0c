package migrate

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
)

// file is one compose file that is planned.
type file struct {
	*planner
	*part
	simple      bool // no file variables of images
	doc         *yamldoc.Document
	before      *yaml.Node // the tree as it was
	services    []*service
	names       *names
	taken       map[string]bool // variables that mean something already
	uses        map[*yaml.Node][]use
	facts       *lint.File
	found       []lint.EnvLiteral         // in the tree before any change
	args        []lint.BuildArg           // the same
	inArguments []lint.ArgumentLiteral    // the same
	mounted     map[[2]string]*delivery   // by service and file variable
	built       map[string][]*buildSecret // by service
	dotenv      map[string]string         // .env as it was
	inFile      map[string]bool           // variables that values of env files are made of
}

// use is a service that sees a value.
type use struct {
	service *service
	v       yamldoc.Pair
}

// delivery is a variable that an image now reads from a file.
type delivery struct {
	name  string // of the variable before
	raw   string // of the file variable
	value *value
}

func (p *planner) open(n *part, simple bool) (*file, error) {
	root, err := lint.ReadYAML(n.data)
	if err != nil {
		return nil, err
	}
	c := &file{
		planner: p, part: n, simple: simple, doc: yamldoc.New(n.data, root), before: n.tree(),
		services: services(root),
		uses:     map[*yaml.Node][]use{}, mounted: map[[2]string]*delivery{}, built: map[string][]*buildSecret{},
	}
	if c.names, err = p.storeOf(n.root.tree(), n.root.dir); err != nil {
		return nil, storeError{err}
	}
	for _, o := range append(p.others(n), n) {
		if o.out != nil {
			maps.Copy(c.names.secrets, o.words())
			continue
		}
		for _, e := range yamldoc.Entries(yamldoc.Get(o.tree(), "secrets")) {
			c.names.secrets[e.Key.Value] = true
		}
	}
	c.facts = lint.NewFile(n.data, n.dir, root, p.Policy)
	c.found, c.args = c.facts.Literals(), c.facts.BuildArgs()
	c.inArguments = c.facts.Arguments()
	for _, s := range c.services {
		for _, v := range s.environment() {
			c.uses[v.Node] = append(c.uses[v.Node], use{s, v})
		}
	}
	return c, nil
}

func (c *file) run() error {
	if err := c.envFiles(); err != nil {
		return err
	}
	c.literals()
	c.arguments()
	c.buildArgs()
	c.references()
	if err := c.declare(); err != nil {
		return err
	}
	if c.o.Files && len(c.names.values) > 0 {
		if err := c.keepOut(c.names.path, true); err != nil {
			return err
		}
	}
	edits, err := c.doc.Edits()
	if err != nil {
		return err
	}
	if err := c.stage(c.path, c.doc.Bytes(), edits); err != nil {
		return err
	}
	return c.check()
}

// literals moves the secrets that stand in environments and templates.
func (c *file) literals() {
	byNode := map[*yaml.Node][]lint.EnvLiteral{}
	var order []*yaml.Node
	maps.Copy(c.partly, c.facts.BesideVariables())
	for _, l := range c.found {
		c.hide(l.Raw[l.Start:l.End])
		if from, to, ok := c.doc.Content(l.Node); !ok && from < to {
			c.hide(string(c.doc.Bytes()[from:to]))
		}
		if l.Ignored || slices.ContainsFunc(byNode[l.Node], func(o lint.EnvLiteral) bool { return o.Start == l.Start }) {
			continue
		}
		if byNode[l.Node] == nil {
			order = append(order, l.Node)
		}
		byNode[l.Node] = append(byNode[l.Node], l)
	}
	for _, n := range order {
		list := byNode[n]
		slices.SortFunc(list, func(a, b lint.EnvLiteral) int { return a.Start - b.Start })
		c.settle(n, list[0].Variable, c.literal(n, list))
	}
}

// literal moves the literals of one scalar. It gives the reason why not.
func (c *file) literal(n *yaml.Node, list []lint.EnvLiteral) lint.Reason {
	first := list[0]
	for _, l := range list {
		if l.Why.Given() {
			return l.Why
		}
	}
	if !c.doc.Settable(n) {
		return lint.Because(lint.UnwritableValue)
	}
	if c.doc.Changed(n) {
		return lint.Reason{}
	}
	whole := len(list) == 1 && !first.Fallback && first.Start == 0 && first.End == len(first.Raw)
	if whole && !lint.Open(first.Raw, nil) && c.toFile(n, first.Variable, func(s *service) *value {
		return c.value(s.name, first.Variable, lint.Evaluate(first.Raw, nil), n)
	}) {
		return lint.Reason{}
	}
	if c.o.Files {
		return c.wholeFile(n, first)
	}
	return c.variables(n, list)
}

// wholeFile replaces a value by a reference to the file that has it.
func (c *file) wholeFile(n *yaml.Node, l lint.EnvLiteral) lint.Reason {
	if lint.Open(l.Raw, c.dotenv) {
		return lint.Because(lint.UnknownVariables)
	}
	text := lint.Evaluate(l.Raw, c.dotenv)
	v := c.value(c.owner(n), l.Variable, text, n)
	if v == nil {
		return c.names.whyNot(text)
	}
	c.doc.Set(n, n.Value[:l.At]+c.fileRef(c.names, v))
	return lint.Reason{}
}

// variables replaces literals by variables of the store.
func (c *file) variables(n *yaml.Node, list []lint.EnvLiteral) lint.Reason {
	raw := list[0].Raw
	_, _, verbatim := c.doc.Content(n)
	if !verbatim {
		if lint.Open(raw, nil) || len(lint.Variables(raw)) > 0 {
			return lint.Because(lint.WrittenAround)
		}
		list = []lint.EnvLiteral{{Literal: lint.Literal{End: len(raw), Name: list[0].Name}, Variable: list[0].Variable, Raw: raw, At: list[0].At}}
	}
	out, at := "", 0
	for _, l := range list {
		text := raw[l.Start:l.End]
		if l.Start < at || lint.Open(text, nil) || len(lint.Variables(text)) > 0 {
			return lint.Because(lint.TakesVariables)
		}
		text = lint.Evaluate(text, nil)
		start, add, cut := l.Start, "", false
		if l.Fallback {
			op := lint.FallbackOp(raw[:l.Start], l.Name)
			if op != "" {
				if why := c.fallback(l.Name, text, n); why.Given() {
					return why
				}
				start, cut = l.Start-len(op), true
			} else if !strings.HasSuffix(raw[:l.Start], "$${"+l.Name+":-") {
				return lint.Because(lint.PartOfDefault)
			}
		}
		if !cut {
			want := l.Variable
			if l.Start > 0 || l.End < len(raw) {
				if want = variableName(want); !strings.HasSuffix(want, "PASSWORD") {
					want += "_PASSWORD"
				}
			}
			v := c.value(c.owner(n), want, text, n)
			if v == nil {
				return c.names.whyNot(text)
			}
			add = "${" + v.name + "}"
		}
		out, at = out+raw[at:start]+add, l.End
	}
	c.doc.Set(n, n.Value[:list[0].At]+out+raw[at:])
	return lint.Reason{}
}

// fallback defines the variable of a default. One that .env or the store
// defines already keeps that value.
func (c *file) fallback(name, text string, n *yaml.Node) lint.Reason {
	if v := c.names.byName[name]; v != nil {
		if v.text != text && c.movedOwn(name) != v {
			return lint.Because(lint.TwoDefaults, name)
		}
		return lint.Reason{}
	}
	if _, ok := c.dotenv[name]; ok {
		return lint.Because(lint.DefinedInDotenv, name)
	}
	if c.names.keys[name] {
		return lint.Because(lint.DefinedInStore, c.shown(c.names.path), name)
	}
	if !c.names.takes(text) {
		return c.names.whyNot(text)
	}
	for _, o := range append(c.others(c.part), c.part) {
		if o.out != nil && o.mentions(name) {
			return lint.Because(lint.TakenByUnedited, c.shown(o.path), name)
		}
		list := lint.UnsupportedUses(o.tree())
		if i := slices.IndexFunc(list, func(u lint.UnsupportedUse) bool { return u.Name == name }); i >= 0 {
			return list[i].Why(lint.Reason{})
		}
	}
	if c.means(c.doc.Root, name, text) || slices.ContainsFunc(c.others(c.part), func(o *part) bool { return o.out == nil && c.means(o.tree(), name, text) }) {
		return lint.Because(lint.OtherDefault, name)
	}
	v := c.names.add(name, text)
	v.places = append(v.places, fmt.Sprintf("%s:%d", c.shown(c.path), n.Line))
	c.hide(text)
	return lint.Reason{}
}

// means reports whether a variable that is set would change what stands
// anywhere below n.
func (c *file) means(n *yaml.Node, name, text string) bool {
	if n.Kind == yaml.ScalarNode {
		old := c.doc.Original(n)
		return lint.Evaluate(old, nil) != lint.Evaluate(old, map[string]string{name: text})
	}
	return slices.Contains(lint.BareVariables(n), name) ||
		slices.ContainsFunc(n.Content, func(child *yaml.Node) bool { return c.means(child, name, text) })
}

// owner is the first service that sees a value, "" for none.
func (c *file) owner(n *yaml.Node) string {
	if u := c.uses[n]; len(u) > 0 {
		return u[0].service.name
	}
	return ""
}

// value gives the one value of the store for a text; nil when the store
// cannot hold it.
func (c *file) value(service, variable, text string, n *yaml.Node) *value {
	if !c.names.takes(text) || text == "" || len(text) >= secret.MaxSize {
		return nil
	}
	v := c.names.byText[shareKey(variable, text)]
	if v == nil {
		name := variableName(variable)
		numbered := variableName(service, variable)
		i := max(1, c.names.numbers[numbered])
		for ; c.taken[name] || c.readers.Means(c.root.path, name) || !c.names.free(name); i++ {
			if name = numbered; i > 1 {
				name = fmt.Sprintf("%s_%d", name, i)
			}
		}
		c.names.numbers[numbered] = i
		v = c.names.add(name, text)
		c.names.share(variable, v)
		c.hide(text)
	}
	if n != nil {
		v.places = append(v.places, fmt.Sprintf("%s:%d", c.shown(c.path), n.Line))
	}
	return v
}

// references gives the image's own file variable the place of ${NAME} alone,
// where NAME has left .env.
func (c *file) references() {
	for _, s := range c.services {
		for _, v := range s.environment() {
			name, ok := strings.CutPrefix(v.Value, "${")
			name, closed := strings.CutSuffix(name, "}")
			name, _, _ = strings.Cut(name, "?") // ${NAME:?message}
			name = strings.TrimSuffix(name, ":")
			if v.None { // the value of the variable of that name
				name, ok, closed = v.Name, true, true
			}
			val := c.movedOwn(name)
			if val == nil || !ok || !closed || !c.doc.Settable(v.Node) || c.doc.Changed(v.Node) ||
				!c.toFile(v.Node, v.Name, func(*service) *value { return val }) {
				c.inFiles(v)
			}
		}
	}
}

// inFiles gives a value that takes variables of .env a file of its own, when
// that is where values go.
func (c *file) inFiles(v yamldoc.Pair) {
	if !c.o.Files || c.doc.Changed(v.Node) {
		return
	}
	for _, n := range lint.Variables(v.Value) {
		if c.movedOwn(n) != nil {
			_ = c.wholeFile(v.Node, lint.EnvLiteral{Variable: v.Name, Raw: v.Value, At: v.At}) // envFiles has made sure
			return
		}
	}
}

// declare names the SOPS file when the compose file takes variables of it.
func (c *file) declare() error {
	if c.o.Files || !c.declares[c.path] && !c.needsStore(c.part, c.names, c.doc.Root) {
		return nil
	}
	rel, err := filepath.Rel(c.dir, c.names.path)
	if err != nil {
		return err
	}
	list := yamldoc.Seq(filepath.ToSlash(rel))
	list.Style = yaml.FlowStyle
	own := yamldoc.Own(c.doc.Root, "x-compose-secure")
	switch {
	case own == nil:
		c.doc.Root.Content = append(c.doc.Root.Content, yamldoc.Str("x-compose-secure"), yamldoc.Mapping(yamldoc.Str("sops"), list))
	case len(yamldoc.Texts(yamldoc.Get(own, "sops"))) > 0:
	case own.Kind != yaml.MappingNode || len(own.Content) == 0 && own.Style&yaml.FlowStyle == 0 || yamldoc.Get(own, "sops") != nil:
		return yamldoc.ErrPlace
	default:
		own.Content = append(own.Content, yamldoc.Str("sops"), list)
	}
	return nil
}

// needsStore reports whether a file, which would be the tree root, has to name its store: it stands for a project, and
// it or what it leads to takes a variable of the store.
func (p *planner) needsStore(n *part, store *names, root *yaml.Node) bool {
	takes := func(tree *yaml.Node) bool {
		for name := range lint.Taken(tree) {
			if store.byName[name] != nil {
				return true
			}
		}
		return false
	}
	if n.root != n && (!n.named || n.included) {
		return false
	}
	return takes(root) || slices.ContainsFunc(p.all, func(o *part) bool { return o.root == n && o.result != nil && takes(o.result) })
}
