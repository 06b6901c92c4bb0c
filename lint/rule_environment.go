package lint

import "fmt"

func ruleEnvironment() Rule {
	return Rule{
		ID: idEnvironment, Name: "literal secret in environment", Severity: Error, Plaintext: true,
		Why: "Whoever reads the repository, its history or `docker inspect` has the value. " +
			"Keep it in a SOPS file or an ignored file and let the container read it from /run/secrets.",
		compose: func(p *pass, c *composeFile) {
			for _, l := range c.literals() {
				if l.fallback || l.address || l.key {
					continue
				}
				p.reportLiteral(c, l, fmt.Sprintf("%s holds a plaintext secret", l.pair.Name),
					"compose-secure migrate moves it; up then delivers it as a file in RAM")
			}
		},
	}
}
