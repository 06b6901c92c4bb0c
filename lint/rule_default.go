package lint

import "fmt"

func ruleDefault() Rule {
	return Rule{
		ID: idDefault, Name: "literal secret as a default", Severity: Error, Plaintext: true,
		Why: "The default of `${NAME:-default}` is in the file for everybody, and it is what runs when NAME is forgotten. " +
			"Use `${NAME:?}`, which stops instead.",
		compose: func(p *pass, c *composeFile) {
			for _, l := range c.literals() {
				if l.fallback && !l.key {
					p.reportLiteral(c, l, fmt.Sprintf("the default of %s is a plaintext secret", l.name),
						fmt.Sprintf("write ${%s:?} and put the value into a SOPS file", l.name))
				}
			}
		},
	}
}
