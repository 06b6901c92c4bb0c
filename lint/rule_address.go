package lint

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// judgedElsewhere are the keys of a service that have rules of their own.
var judgedElsewhere = map[string]bool{
	"environment": true, "command": true, "entrypoint": true, "healthcheck": true, "labels": true, "annotations": true,
	"post_start": true, "pre_stop": true, "x-compose-secure": true,
}

func ruleAddress() Rule {
	return Rule{
		ID: idAddress, Name: "password in a URL", Severity: Error, Plaintext: true,
		Why: "A connection string with its password inside is a secret as a whole: it is passed on, logged and shown in error messages. " +
			"When a secret is interpolated into it, up treats the whole value as the secret.",
		compose: func(p *pass, c *composeFile) {
			for _, l := range c.literals() {
				if l.address && !l.fallback && !l.key {
					p.reportLiteral(c, l, fmt.Sprintf("%s holds a password inside a URL", l.pair.Name),
						"interpolate the password from a variable; up then delivers the whole value as a secret")
				}
			}
			for _, s := range c.services {
				for _, e := range yamldoc.Entries(s.node) {
					if !judgedElsewhere[e.Key.Value] {
						p.elsewhere(c, s, e)
					}
				}
			}
			for _, e := range yamldoc.Entries(c.root) {
				if e.Key.Value == "volumes" || e.Key.Value == "networks" || e.Key.Value == "include" {
					p.elsewhere(c, &service{}, e)
				}
			}
		},
	}
}

// elsewhere looks at values of which only the form can tell, and at options of
// drivers, which have names.
func (p *pass) elsewhere(c *composeFile, s *service, field yamldoc.Entry) {
	skip := map[*yaml.Node]bool{}
	if field.Key.Value == "build" || field.Key.Value == "deploy" {
		for _, key := range []string{"args", "dockerfile_inline", "labels"} {
			if n := yamldoc.Get(field.Value, key); n != nil {
				skip[n] = true
			}
		}
	}
	report := func(pr yamldoc.Pair) {
		p.hideBeside(c.policy, pr.Name, &pr)
		for _, l := range inspect(c.policy, pr.Name, pr.Value) {
			message := fmt.Sprintf("%s of %s holds a plaintext secret", pr.Name, field.Key.Value)
			if pr.Name == "" {
				message = field.Key.Value + " holds a plaintext secret"
			}
			p.pairLiteral(&pr, l, Finding{
				Service: s.name, Key: field.Key.Value, Message: message,
				Hint: "take it from a variable", Fix: Fix{ByHand, "no container reads this field"},
			})
		}
	}
	options := below(field.Value, "options", "driver_opts")
	if field.Key.Value == "storage_opt" || field.Key.Value == "sysctls" {
		options = append(options, field.Value)
	}
	for _, n := range below(field.Value, "labels") { // of a rule of their own
		skip[n] = true
	}
	for _, o := range options {
		for _, pr := range yamldoc.Pairs(o) {
			if pr.Name != "o" {
				report(pr)
			}
		}
	}
	walkScalars(field.Value, func(n *yaml.Node) {
		if secret.FindCredential(n.Value).Found() {
			report(yamldoc.Pair{Value: n.Value, Node: n})
		}
	}, skip)
}

// below gives what stands under keys at any depth, each node once.
func below(n *yaml.Node, keys ...string) []*yaml.Node {
	var found []*yaml.Node
	seen := map[*yaml.Node]bool{}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n = yamldoc.Follow(n); n == nil || seen[n] {
			return
		}
		seen[n] = true
		if n.Kind == yaml.SequenceNode {
			for _, i := range n.Content {
				walk(i)
			}
		}
		for _, e := range yamldoc.Entries(n) {
			if slices.Contains(keys, e.Key.Value) {
				found = append(found, e.Value)
			} else {
				walk(e.Value)
			}
		}
	}
	walk(n)
	return found
}
