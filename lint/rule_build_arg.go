package lint

import (
	"github.com/compose-secure/compose-secure/document/yamldoc"
)

import "fmt"

func ruleBuildArg() Rule {
	return Rule{
		ID: "CS012", Name: "secret in build.args", Severity: Error, Plaintext: true,
		Why: "Build arguments are kept in the image's history (`docker history`) wherever the value came from. " +
			"Use `build.secrets` and `RUN --mount=type=secret`.",
		compose: func(p *pass, c *composeFile) {
			const hint = "declare it under build.secrets and read it with RUN --mount=type=secret,id=..."
			for _, s := range c.services {
				b := c.buildOf(s)
				if b == nil {
					continue
				}
				for _, pr := range yamldoc.Pairs(b.args) {
					f := Finding{Service: s.name, Key: pr.Name, Hint: hint, Fix: byMount()}
					found := inspect(c.policy, pr.Name, pr.Value)
					for _, l := range found {
						f.Message = fmt.Sprintf("build argument %s holds a plaintext secret", pr.Name)
						f.noEdit = true // ${NAME} would still end in the history
						p.pairLiteral(&pr, l, f)
					}
					if len(found) == 0 && reaches(c.policy, &pr) {
						p.hideBeside(c.policy, pr.Name, &pr)
						f.Message = fmt.Sprintf("build argument %s leaves a secret in the image's history", pr.Name)
						f.Severity = Info
						p.report(p.src.scalar(pr.Node, pr.At, pr.At+len(pr.Value)), f)
					}
				}
			}
		},
	}
}
