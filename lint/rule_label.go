package lint

import (
	"fmt"

	"github.com/compose-secure/compose-secure/document/yamldoc"
)

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
			for _, s := range c.services {
				for _, n := range below(s.fields["volumes"], "labels") {
					p.labels(c, s, yamldoc.Pairs(n))
				}
			}
			for _, section := range []string{"networks", "volumes", "secrets", "configs"} {
				for _, e := range yamldoc.Entries(yamldoc.Get(c.root, section)) {
					p.labels(c, &service{}, yamldoc.Pairs(yamldoc.Get(e.Value, "labels")))
				}
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
		p.hideBeside(c.policy, name, &pr)
		for _, l := range inspect(c.policy, name, pr.Value) {
			p.pairLiteral(&pr, l, Finding{
				Service: s.name, Key: pr.Name, Message: fmt.Sprintf("label %s holds a plaintext secret", pr.Name),
				Hint: "give the reader of the label a file instead", Fix: Fix{ByHand, "a label cannot name a secret"},
			})
		}
	}
}
