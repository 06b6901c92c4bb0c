package lint

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

func ruleCommand() Rule {
	return Rule{
		ID: "CS006", Name: "secret in command or entrypoint", Severity: Error, Plaintext: true,
		Why: "Arguments stand in the compose file, in `docker inspect` and in the process list of the host. " +
			"Read the value from a file or a variable inside the container.",
		compose: func(p *pass, c *composeFile) {
			p.argumentFields(c, "command", "entrypoint")
		},
	}
}

func ruleHealthcheck() Rule {
	return Rule{
		ID: "CS007", Name: "secret in a healthcheck", Severity: Error, Plaintext: true,
		Why: "The test command is shown by `docker inspect` with every result of it. " +
			"Write `$$NAME`, which the container expands, or read the file under /run/secrets.",
		compose: func(p *pass, c *composeFile) {
			p.argumentFields(c, "healthcheck")
			for _, t := range c.templates() {
				p.commandField(c, &service{}, "healthcheck", yamldoc.Get(t.Value, "test"))
			}
		},
	}
}

func ruleHook() Rule {
	return Rule{
		ID: "CS010", Name: "secret in a lifecycle hook", Severity: Error, Plaintext: true,
		Why: "Commands of post_start, pre_stop and develop.watch stand in the compose file, and their environment as well. " +
			"Read the value from /run/secrets inside the command.",
		compose: func(p *pass, c *composeFile) {
			p.argumentFields(c, "post_start", "pre_stop", "develop")
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

// accounts finds the passwords of name:password:uid, which images of SFTP
// servers take as arguments.
func accounts(p secret.Policy, raw []string, list bool) []commandLiteral {
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

// argumentFields inspects the argument lists of services and templates that stand in fields.
func (p *pass) argumentFields(c *composeFile, fields ...string) {
	for _, s := range c.services {
		for _, list := range argumentLists(s.node, fields...) {
			p.commandField(c, s, list.field, list.node)
		}
	}
	for _, t := range c.templates() {
		for _, list := range argumentLists(t.Value, fields...) {
			p.commandField(c, &service{}, list.field, list.node)
		}
	}
}

// commandField inspects a command, which is a script or a list of arguments.
func (p *pass) commandField(c *composeFile, s *service, field string, n *yaml.Node) {
	n = yamldoc.Follow(n)
	if n == nil {
		return
	}
	nodes := yamldoc.Items(n)
	raw := make([]string, len(nodes))
	for i := range nodes {
		raw[i] = yamldoc.Text(nodes[i])
	}
	found := inspectCommand(c.policy, raw, n.Kind == yaml.SequenceNode)
	if strings.Contains(s.image, "sftp") {
		found = append(found, accounts(c.policy, raw, n.Kind == yaml.SequenceNode)...)
	}
	for _, l := range found {
		at := p.hideScalar(nodes[l.node], l.start, l.end)
		key := variableName(l.name)
		f := Finding{
			Service: s.name, Key: field, Message: field + " holds a plaintext secret",
			Hint: "read it from a file under /run/secrets, or from $$NAME in a shell of the container",
			Fix:  Fix{ByHand, "only you know how the program can read the value from elsewhere"}, noEdit: true, // ${NAME} would still end in docker inspect
		}
		if len(key) > 2 {
			f.Message = fmt.Sprintf("%s holds a plaintext secret (%s)", field, l.name)
		}
		p.literalAt(at, l.literal, f)
	}
}
