package lint

import (
	"fmt"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

func ruleCommand() Rule {
	return Rule{
		ID: idCommand, Name: "secret in command or entrypoint", Severity: Error, Plaintext: true,
		Why: "Arguments stand in the compose file, in `docker inspect` and in the process list of the host. " +
			"`compose-secure up` moves them out of the container's configuration; `migrate` moves them out of the file.",
		compose: func(p *pass, c *composeFile) {
			p.arguments(c, c.argumentsUnder(commandFields()...))
		},
	}
}

func ruleHealthcheck() Rule {
	return Rule{
		ID: idHealthcheck, Name: "secret in a healthcheck", Severity: Error, Plaintext: true,
		Why: "The test command is shown by `docker inspect` with every result of it. " +
			"Write `$$NAME`, which the container expands, or `${NAME}`, which `compose-secure up` puts into the argument inside the container.",
		compose: func(p *pass, c *composeFile) {
			p.arguments(c, c.argumentsUnder(healthcheckFields()...))
			for _, t := range c.templates() {
				p.arguments(c, c.argumentsIn(&service{}, "healthcheck", yamldoc.Get(t.Value, "test")))
			}
		},
	}
}

func ruleHook() Rule {
	return Rule{
		ID: idHook, Name: "secret in a lifecycle hook", Severity: Error, Plaintext: true,
		Why: "Commands of post_start, pre_stop and develop.watch stand in the compose file, and their environment as well. " +
			"Write `${NAME}` in a command, which `compose-secure up` puts into the argument inside the container.",
		compose: func(p *pass, c *composeFile) {
			p.arguments(c, c.argumentsUnder(hookFields()...))
			for _, s := range c.services {
				for _, key := range []string{"post_start", "pre_stop"} {
					for _, h := range yamldoc.Items(s.fields[key]) {
						for _, pr := range yamldoc.Pairs(yamldoc.Get(h, "environment")) {
							for _, l := range inspect(c.policy, pr.Name, pr.Value) {
								p.pairLiteral(&pr, l, Finding{
									Service: s.name, Key: pr.Name, Message: fmt.Sprintf("%s of %s holds a plaintext secret", pr.Name, key),
									Hint: "read it from /run/secrets in the command", Fix: Fix{ByHand, "a hook has no secrets of its own"},
								})
							}
						}
					}
				}
			}
		},
	}
}

// accountsOf finds the passwords of name:password:uid, which images of SFTP
// servers take as arguments.
func accountsOf(image string, p secret.Policy, raw []string, list bool) []commandLiteral {
	if !strings.Contains(image, "sftp") {
		return nil
	}
	var found []commandLiteral
	words, _ := commandLine(p, raw, list)
	for i := range words {
		w := &words[i]
		user, rest, _ := strings.Cut(w.text, ":")
		password, _, _ := strings.Cut(rest, ":")
		if p.Classify("USERS", w.text).Secret && p.Classify("PASSWORD", password).Secret {
			start, end := w.at(len(user)+1, len(user)+1+len(password))
			found = append(found, commandLiteral{literal{start: start, end: end, name: user}, w.node})
		}
	}
	return found
}

// arguments reports the secrets in argument lists.
func (p *pass) arguments(c *composeFile, list []ArgumentLiteral) {
	for i := range list {
		l := &list[i]
		f := Finding{
			Service: l.Service, Key: l.Field, Message: l.Field + " holds a plaintext secret",
			Hint: "write ${NAME} and keep the value in a SOPS file, which compose-secure migrate does; up then reads the argument from a file",
			Fix:  Fix{ByWrap, "migrate moves it to a SOPS file; up puts it into the argument"}, noEdit: true, // ${NAME} would still end in docker inspect
		}
		if len(variableName(l.Name)) > 2 {
			f.Message = fmt.Sprintf("%s holds a plaintext secret (%s)", l.Field, l.Name)
		}
		f.unplanned = l.Why
		p.literalAt(p.hideScalar(l.Node, l.Start, l.End), literal{start: l.Start, end: l.End, name: l.Name}, f)
	}
}
