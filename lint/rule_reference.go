package lint

import (
	"fmt"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

func ruleReference() Rule {
	return Rule{
		ID: "CS011", Name: "secret reaches the container's environment", Severity: Info, Plaintext: true,
		Why: "`${NAME}` keeps the value out of the file, but plain Compose still puts it into the container's configuration, where " +
			"`docker inspect` shows it. up delivers it as a file in RAM; so does a secret with the image's own file form.",
		compose: func(p *pass, c *composeFile) {
			for _, s := range c.services {
				for _, pr := range s.env {
					if !reaches(c.policy, &pr) {
						continue
					}
					p.hideBeside(c.policy, pr.Name, &pr)
					p.report(p.src.scalar(pr.Node, pr.At, pr.At+len(pr.Value)), Finding{
						Service: s.name, Key: pr.Name, Message: fmt.Sprintf("the value of %s ends in the container's environment", pr.Name),
						Hint: "run it with compose-secure up, or use the image's file form with a secret", Fix: Fix{ByHand, "the value is not in this file, and up moves it when it runs"},
					})
				}
			}
		},
	}
}

// hideBeside hides the text beside variables in a value whose name is that of a secret.
func (p *pass) hideBeside(policy secret.Policy, name string, pr *yamldoc.Pair) {
	if !reaches(policy, &yamldoc.Pair{Name: name, Value: pr.Value}) {
		return
	}
	for _, part := range literalParts(pr.Value) {
		p.hideScalar(pr.Node, pr.At+part.start, pr.At+part.end)
	}
}

// reaches reports whether a variable takes a secret from outside the file.
func reaches(policy secret.Policy, pr *yamldoc.Pair) bool {
	if !policy.Classify(pr.Name, "").Secret {
		return false
	}
	if pr.None {
		return true
	}
	e := expand(pr.Value, false)
	return len(e.open) > 0 && strings.Contains(e.text, secret.Hole)
}

// BesideVariables returns the secrets of environments that have text beside
// variables, and how each may be shown.
func (f *File) BesideVariables() map[string]string {
	shown := map[string]string{}
	c := f.c
	for _, s := range c.services {
		for _, pr := range s.env {
			parts := literalParts(pr.Value)
			if len(parts) == 0 || !reaches(c.policy, &pr) {
				continue
			}
			var b strings.Builder
			at := 0
			for _, part := range parts {
				b.WriteString(pr.Value[at:part.start] + redacted)
				at = part.end
			}
			shown[pr.Value] = b.String() + pr.Value[at:]
		}
	}
	return shown
}

// literalParts gives what stands beside the names of variables in a value, also
// inside of their braces. It may be a secret, whatever it looks like.
func literalParts(raw string) []byteRange {
	var list []byteRange
	from := 0
	for i := 0; i < len(raw); i++ {
		if raw[i] != '$' || i+1 == len(raw) {
			continue
		}
		if raw[i+1] == '$' {
			i++
			continue
		}
		name := i + 1
		if raw[name] == '{' {
			name++
		}
		end := name
		for end < len(raw) && isNameByte(raw[end]) {
			end++
		}
		if end == name {
			continue
		}
		if i > from {
			list = append(list, byteRange{from, i})
		}
		if end < len(raw) && raw[end] == '}' {
			end++
		}
		from, i = end, end-1
	}
	if from < len(raw) {
		list = append(list, byteRange{from, len(raw)})
	}
	return list
}
