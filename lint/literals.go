package lint

import (
	"iter"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// envLiteral is a secret that stands in a variable of a compose file.
type envLiteral struct {
	literal
	service *service // nil in a template
	pair    yamldoc.Pair
	key     bool   // it opens encrypted files
	stray   string // the key of the service that it stands under, if Compose knows none of that name
}

// scalarOf is the value of a variable by where it stands.
type scalarOf struct {
	name string
	node *yaml.Node
}

// literals finds the secrets in every environment of the file, under keys that
// Compose does not know, and in its templates. The rules share it.
func (c *composeFile) literals() []envLiteral {
	if c.found != nil {
		return *c.found
	}
	var list []envLiteral
	declared := map[string]bool{} // a value that is the name of a secret points at it
	for _, e := range yamldoc.Entries(yamldoc.Get(c.root, "secrets")) {
		declared[e.Key.Value] = true
	}
	args := map[*yaml.Node]bool{} // what builds take has a rule of its own
	for _, s := range c.services {
		if b := c.buildOf(s); b != nil {
			for _, pr := range yamldoc.Pairs(b.args) {
				args[pr.Node] = true
			}
		}
	}
	known := map[scalarOf][]literal{} // merges and aliases lead to one scalar many times
	once := map[scalarOf]bool{}       // in templates one finding is enough
	add := func(s *service, stray string, prs []yamldoc.Pair) {
		for _, pr := range prs {
			if declared[pr.Value] || strings.HasPrefix(pr.Value, "/run/secrets/") || s == nil && (args[pr.Node] || pr.Odd) {
				continue
			}
			if stray != "" && secret.FindCredential(pr.Node.Value).Found() {
				continue // the form alone tells, which CS005 looks at under every key
			}
			id := scalarOf{pr.Name, pr.Node}
			found, seen := known[id]
			if !seen {
				found = inspect(c.policy, pr.Name, pr.Value)
				known[id] = found
			}
			if s == nil && once[id] {
				continue
			}
			once[id] = once[id] || s == nil
			for _, l := range found {
				list = append(list, envLiteral{l, s, pr, isDecryptionKey(pr.Name, pr.Value), stray})
			}
		}
	}
	for _, s := range c.services {
		add(s, "", s.env)
		for key, n := range s.strays() {
			c.template(n, func(n *yaml.Node) { add(s, key, yamldoc.Pairs(n)) }, map[*yaml.Node]bool{})
		}
	}
	for _, e := range c.templates() {
		c.template(e.Value, func(n *yaml.Node) { add(nil, "", yamldoc.Pairs(n)) }, map[*yaml.Node]bool{})
	}
	c.found = &list
	return list
}

// strays visits what stands under keys that Compose does not know, which are most
// often an environment that is spelled wrong.
func (s *service) strays() iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for _, e := range yamldoc.Entries(s.node) {
			if !compose.KnowsServiceKey(e.Key.Value) && !yield(e.Key.Value, e.Value) {
				return
			}
		}
	}
}

// templates gives the top-level extension fields, where files keep what their
// services share.
func (c *composeFile) templates() []yamldoc.Entry {
	var list []yamldoc.Entry
	for _, e := range yamldoc.Entries(c.root) {
		if strings.HasPrefix(e.Key.Value, "x-") && e.Key.Value != "x-compose-secure" {
			list = append(list, e)
		}
	}
	return list
}

// notEnvironment are the keys of a service under which pairs are no variables.
var notEnvironment = map[string]bool{
	"command": true, "entrypoint": true, "healthcheck": true, "labels": true, "secrets": true, "configs": true,
	"volumes": true, "ports": true, "networks": true, "depends_on": true, "extra_hosts": true, "deploy": true,
	"x-compose-secure": true, "build": true,
}

// template visits every mapping and list of a template.
func (c *composeFile) template(n *yaml.Node, visit func(*yaml.Node), seen map[*yaml.Node]bool) {
	n = yamldoc.Follow(n)
	if n == nil || n.Kind == yaml.ScalarNode || seen[n] {
		return
	}
	seen[n] = true
	visit(n)
	if n.Kind == yaml.SequenceNode {
		for _, i := range n.Content {
			c.template(i, visit, seen)
		}
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !notEnvironment[n.Content[i].Value] {
			c.template(n.Content[i+1], visit, seen)
		}
	}
}

// reportLiteral reports an envLiteral with the words that all rules use.
func (p *pass) reportLiteral(c *composeFile, l envLiteral, message, hint string) {
	f := Finding{Key: l.pair.Name, Message: message, Hint: hint, Fix: fixFor(l.service, l.pair.Name), hintsWhy: !l.key, handled: c.handled(l.service, l.pair.Name)}
	if l.service != nil {
		f.Service = l.service.name
	}
	p.pairLiteral(&l.pair, l.literal, f)
}
