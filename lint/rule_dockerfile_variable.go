package lint

import (
	"fmt"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

const mountHint = "use RUN --mount=type=secret,id=%s and read /run/secrets/%s in that RUN"

func mountHintFor(name string) string {
	id := strings.ToLower(name)
	return fmt.Sprintf(mountHint, id, id)
}

func ruleDockerfileVariable() Rule {
	return Rule{
		ID: "CS013", Name: "secret in ARG or ENV", Severity: Error, Plaintext: true,
		Why: "ARG and ENV are kept in the image: `docker history` and `docker inspect` show them to everybody who can pull it, " +
			"also when the value comes from the command line of the build. Mount the secret for the one RUN that needs it.",
		docker: func(p *pass, d *dockerfile) {
			for i := range d.steps {
				s := &d.steps[i]
				for _, v := range d.variables(s) {
					p.dockerfileVariable(d, s, v)
				}
			}
		},
	}
}

// fixOfVariable says what migrate does with a variable of ARG or ENV.
func fixOfVariable(s *step) Fix {
	if s.name == "env" {
		return Fix{ByHand, "only you know whether a RUN or the container needs it"}
	}
	return byMount()
}

// byMount is how migrate delivers a build argument.
func byMount() Fix { return Fix{ByFile, "migrate declares it under build.secrets, and RUN mounts it"} }

// variables reads NAME=value out of ARG and ENV.
func (d *dockerfile) variables(s *step) []yamldoc.Pair {
	var list []yamldoc.Pair
	switch s.name {
	case "arg":
		for _, w := range s.words {
			name, value, ok := strings.Cut(w, "=")
			list = append(list, yamldoc.Pair{Name: name, Value: value, None: !ok})
		}
	case "env":
		// The parser gives name, value and separator.
		for i := 0; i+1 < len(s.words); i += 3 {
			list = append(list, yamldoc.Pair{Name: s.words[i], Value: s.words[i+1]})
		}
	}
	return list
}

func (p *pass) dockerfileVariable(d *dockerfile, s *step, v yamldoc.Pair) {
	kind := strings.ToUpper(s.name)
	f := Finding{
		Service: d.serviceName(), Key: v.Name, Hint: mountHintFor(v.Name),
		Fix: fixOfVariable(s), unplanned: Because(NotGiven),
	}
	value, verbatim := d.value(v.Value)
	found := inspectVerbatim(d.policy, v.Name, value)
	if !verbatim {
		found = inspect(d.policy, v.Name, value)
	}
	if len(found) > 0 {
		l := found[0]
		r := d.find(s, unquote(v.Value)[l.start:l.end], d.after(s, v.Name))
		f.Message = fmt.Sprintf("%s %s holds a plaintext secret", kind, v.Name)
		f.noEdit = true
		p.literalAt(r, l, f)
		return
	}
	e := d.expand(v.Value)
	open := v.None || value == "" || strings.Contains(e.text, secret.Hole)
	if !open || !d.policy.Classify(v.Name, "").Secret || copiesArg(s, &e) {
		return
	}
	if s.name == "env" && value == "" {
		return
	}
	f.Severity = Warning
	f.Message = fmt.Sprintf("%s %s leaves a secret in the image's history", kind, v.Name)
	p.report(d.find(s, v.Name, 0), f)
}

// expand sees through the variables of a value of ARG or ENV.
func (d *dockerfile) expand(raw string) expanded {
	value, verbatim := d.value(raw)
	if verbatim {
		return expanded{text: value}
	}
	return expand(value, false)
}

func copiesArg(s *step, e *expanded) bool { return s.name == "env" && len(e.open) > 0 }

// after gives where, inside a step, the value of name can start.
func (d *dockerfile) after(s *step, name string) int {
	if i := strings.Index(d.data[s.start:s.end], name); i >= 0 {
		return i + len(name)
	}
	return 0
}

func (d *dockerfile) serviceName() string {
	if d.user == nil {
		return ""
	}
	return d.user.name
}

func ruleDockerfileArgEnv() Rule {
	return Rule{
		ID: "CS015", Name: "ARG copied to ENV", Severity: Warning, Plaintext: true,
		Why: "`ENV X=$X` turns a value of the build into a value of every container and of the image's configuration.",
		docker: func(p *pass, d *dockerfile) {
			for i := range d.steps {
				s := &d.steps[i]
				if s.name != "env" {
					continue
				}
				for _, v := range d.variables(s) {
					e := d.expand(v.Value)
					for _, name := range e.open {
						if !d.secretArgs[name] && !d.policy.Classify(v.Name, "").Secret {
							continue
						}
						p.report(d.find(s, v.Value, d.after(s, v.Name)), Finding{
							Service: d.serviceName(), Key: v.Name,
							Message: fmt.Sprintf("ENV %s keeps the build argument %s in the image", v.Name, name),
							Hint:    mountHintFor(name) + "; at run time, deliver it as a secret", Fix: Fix{ByHand, "only you know which of the two needs it"},
						})
						break
					}
				}
			}
		},
	}
}
