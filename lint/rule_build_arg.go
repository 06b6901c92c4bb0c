package lint

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
				for _, pr := range pairs(b.args) {
					f := Finding{Service: s.name, Key: pr.name, Hint: hint, Fix: byMount()}
					found := inspect(c.policy, pr.name, pr.value)
					for _, l := range found {
						f.Message = fmt.Sprintf("build argument %s holds a plaintext secret", pr.name)
						l.fallback = true // ${NAME} would still end in the history
						p.pairLiteral(&pr, l, f)
					}
					if len(found) == 0 && reaches(c.policy, &pr) {
						f.Message = fmt.Sprintf("build argument %s leaves a secret in the image's history", pr.name)
						f.Severity = Info
						p.report(p.src.scalar(pr.node, pr.at, pr.at+len(pr.value)), f)
					}
				}
			}
		},
	}
}
