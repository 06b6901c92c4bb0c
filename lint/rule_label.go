package lint

import "fmt"

func ruleLabel() Rule {
	return Rule{
		ID: "CS008", Name: "secret in a label", Severity: Error, Plaintext: true,
		Why: "Labels can be read by everything that may talk to the engine, and proxies read basic-auth hashes from them, " +
			"which can be cracked at leisure. Give the proxy a file (Traefik: basicauth.usersfile).",
		compose: func(p *pass, c *composeFile) {
			for _, s := range c.services {
				p.labels(c, s, pairs(s.fields["labels"]))
				p.labels(c, s, pairs(s.fields["annotations"]))
				p.labels(c, s, pairs(get(s.fields["deploy"], "labels")))
				p.labels(c, s, pairs(get(s.fields["build"], "labels")))
			}
			for _, t := range c.templates() {
				p.labels(c, &service{}, pairs(get(t.value, "labels")))
			}
		},
	}
}

func (p *pass) labels(c *composeFile, s *service, prs []pair) {
	for _, pr := range prs {
		name := labelName(pr.name)
		for _, l := range inspect(c.policy, name, pr.value) {
			p.pairLiteral(&pr, l, Finding{
				Service: s.name, Key: pr.name, Message: fmt.Sprintf("label %s holds a plaintext secret", pr.name),
				Hint: "give the reader of the label a file instead", Fix: Fix{ByHand, "a label cannot name a secret"},
			})
		}
	}
}
