package lint

import (
	"github.com/compose-secure/compose-secure/document/yamldoc"
)

import "fmt"

func ruleLabel() Rule {
	return Rule{
		ID: "CS008", Name: "secret in a label", Severity: Error, Plaintext: true,
		Why: "Labels can be read by everything that may talk to the engine, and proxies read basic-auth hashes from them, " +
			"which can be cracked at leisure. Give the proxy a file (Traefik: basicauth.usersfile).",
		compose: func(p *pass, c *composeFile) {
			for _, s := range c.services {
				p.labels(c, s, yamldoc.Pairs(s.fields["labels"]))
				p.labels(c, s, yamldoc.Pairs(s.fields["annotations"]))
				p.labels(c, s, yamldoc.Pairs(yamldoc.Get(s.fields["deploy"], "labels")))
				p.labels(c, s, yamldoc.Pairs(yamldoc.Get(s.fields["build"], "labels")))
			}
			for _, t := range c.templates() {
				p.labels(c, &service{}, yamldoc.Pairs(yamldoc.Get(t.Value, "labels")))
			}
		},
	}
}

func (p *pass) labels(c *composeFile, s *service, prs []yamldoc.Pair) {
	for _, pr := range prs {
		name := labelName(pr.Name)
		for _, l := range inspect(c.policy, name, pr.Value) {
			p.pairLiteral(&pr, l, Finding{
				Service: s.name, Key: pr.Name, Message: fmt.Sprintf("label %s holds a plaintext secret", pr.Name),
				Hint: "give the reader of the label a file instead", Fix: Fix{ByHand, "a label cannot name a secret"},
			})
		}
	}
}
