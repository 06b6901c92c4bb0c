package lint

import (
	"fmt"
	"strings"

	"github.com/compose-secure/compose-secure/secret"
)

func ruleReference() Rule {
	return Rule{
		ID: "CS011", Name: "secret reaches the container's environment", Severity: Info,
		Why: "`${NAME}` keeps the value out of the file, but plain Compose still puts it into the container's configuration, where " +
			"`docker inspect` shows it. up delivers it as a file in RAM; so does a secret with the image's own file form.",
		compose: func(p *pass, c *composeFile) {
			for _, s := range c.services {
				for _, pr := range s.env {
					if !reaches(c.policy, &pr) {
						continue
					}
					p.report(p.src.scalar(pr.node, pr.at, pr.at+len(pr.value)), Finding{
						Service: s.name, Key: pr.name, Message: fmt.Sprintf("the value of %s ends in the container's environment", pr.name),
						Hint: "run it with compose-secure up, or use the image's file form with a secret", Fix: Fix{ByHand, "the value is not in this file, and up moves it when it runs"},
					})
				}
			}
		},
	}
}

// reaches reports whether a variable takes a secret from outside the file.
func reaches(policy secret.Policy, pr *pair) bool {
	if !policy.Classify(pr.name, "").Secret {
		return false
	}
	if pr.none {
		return true
	}
	e := expand(pr.value, false)
	return len(e.open) > 0 && strings.Contains(e.text, secret.Hole)
}
