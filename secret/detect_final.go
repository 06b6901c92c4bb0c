package secret

import "strings"

// aReference is the reason of a Verdict about a value that isReference takes.
const aReference = "the value is a reference"

// ClassifyFinal is Classify for a value as a container gets it. Interpolation is
// over: what still looks like ${X} or vault:X is the text itself, and no reason to
// take the value for anything but a secret. Only {{...}} stays a reference, since
// Swarm fills it in: https://docs.docker.com/reference/cli/docker/service/create/#template.
func (p Policy) ClassifyFinal(name, value string) Verdict {
	value = WithoutHoles(value)
	v := p.Classify(name, value)
	text := strings.TrimSpace(value)
	if v.Secret || p.IsPlain(name) || strings.HasPrefix(text, "{{") && strings.Contains(text, "}}") {
		return v
	}
	// A letter in place of each mark of a reference keeps the form of the rest.
	literal := strings.Map(func(r rune) rune {
		if strings.ContainsRune("$`{}([", r) {
			return 'x'
		}
		return r
	}, value)
	if literal != value && FindCredential(literal).Found() {
		return Verdict{Secret: true, Reason: ByValue}
	}
	if v.Reason == aReference {
		return classifyName(name, "x"+strings.TrimSpace(literal))
	}
	return v
}
