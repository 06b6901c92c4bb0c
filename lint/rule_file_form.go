package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// fileVariable is a variable that looks like the file form of another.
type fileVariable struct {
	service  *service
	pair     yamldoc.Pair
	original string // the variable that it seems to stand for
}

// fileVariables finds variables that are spelled like a file form and stand
// for a secret.
func (c *composeFile) fileVariables() []fileVariable {
	var list []fileVariable
	for _, s := range c.services {
		for _, pr := range s.env {
			if o := originalOf(pr.Name); o != "" && c.policy.Classify(o, "").Secret && !slices.Contains(s.asFile, o) {
				list = append(list, fileVariable{s, pr, o})
			}
		}
	}
	return list
}

// originalOf undoes the known spellings.
func originalOf(name string) string {
	for _, suffix := range [...]string{"__FILE", "_SECRETFILE", "_FILE"} {
		if o, ok := strings.CutSuffix(name, suffix); ok {
			return o
		}
	}
	o, _ := strings.CutPrefix(name, "FILE__")
	if o == name {
		return ""
	}
	return o
}

func (p *pass) reportName(v *fileVariable, f Finding) {
	f.Service, f.Key = v.service.name, v.pair.Name
	n := v.pair.Key
	p.report(p.src.scalar(n, 0, len(v.pair.Name)), f)
}

func ruleFileUnread() Rule {
	return Rule{
		ID: "CS021", Name: "file form that the image does not read", Severity: Warning,
		Why: "Most images do not read X_FILE. The container then runs without the secret, often with a default password.",
		compose: func(p *pass, c *composeFile) {
			for _, v := range c.fileVariables() {
				i := v.service.known
				if i == nil || isRabbitMQ(i) || v.service.readsItself(v.pair.Name) {
					continue
				}
				if _, ok := i.File(v.original); ok {
					continue // CS022 says how it is spelled
				}
				p.reportName(&v, Finding{
					Message: fmt.Sprintf("%s does not read %s", i.Name, v.pair.Name),
					Hint:    fmt.Sprintf("set %s and run it with compose-secure up, which wraps the entrypoint; %s", v.original, i.Note),
					Fix:     Fix{ByHand, "migrate leaves file forms: the value is not in the source"},
				})
			}
		},
	}
}

// right reports whether the image reads the variable as it is spelled.
func right(i *secret.Image, v *fileVariable) bool {
	o, ok := i.Original(v.pair.Name)
	return ok && o != ""
}

func ruleFileSpelling() Rule {
	return Rule{
		ID: "CS022", Name: "file form in the wrong spelling", Severity: Warning,
		Why: "Every image has its own spelling: Grafana reads GF_X__FILE with two underscores, linuxserver.io FILE__X. Others are ignored silently.",
		compose: func(p *pass, c *composeFile) {
			for _, v := range c.fileVariables() {
				i := v.service.known
				if i == nil || right(i, &v) || v.service.readsItself(v.pair.Name) {
					continue
				}
				form, ok := i.File(v.original)
				if !ok {
					continue
				}
				f := Finding{
					Message: fmt.Sprintf("%s does not read %s", i.Name, v.pair.Name),
					Hint:    "write " + form.Variable,
					Fix:     Fix{ByHand, "migrate leaves file forms; the report as SARIF holds the edit"},
				}
				switch {
				case form.Target != "":
					f.Hint, f.Fix.Text = "mount the secret as "+form.Target+" and leave the variable out", "migrate leaves file forms"
				case form.Variable == v.original:
					f.Hint = fmt.Sprintf("write %s: "+form.ValueFormat, form.Variable, "/run/secrets/...")
					f.Fix.Text = "migrate leaves file forms"
				default:
					f.edit, f.hasEdit = form.Variable, true
				}
				p.reportName(&v, f)
			}
		},
	}
}

func ruleFileBeside() Rule {
	return Rule{
		ID: "CS023", Name: "file form beside the plain variable", Severity: Warning,
		Why: "Set both, and the image stops, or one of the two is ignored. It depends on the image; leave the plain one out.",
		compose: func(p *pass, c *composeFile) {
			for _, v := range c.fileVariables() {
				plain := false
				for _, pr := range v.service.env {
					plain = plain || pr.Name == v.original && pr.Value != ""
				}
				if !plain {
					continue
				}
				f := Finding{
					Message: fmt.Sprintf("%s stands beside %s", v.pair.Name, v.original),
					Hint:    "leave " + v.original + " out",
					Fix:     Fix{ByHand, "only you know which of the two is right"},
				}
				if i := v.service.known; i.Handles(v.service.program()) && right(i, &v) {
					switch i.BothSet {
					case secret.BothError:
						f.Severity, f.Message = Error, f.Message+": "+i.Name+" does not start"
					case secret.BothVariable:
						f.Message += ": " + i.Name + " ignores the file"
					case secret.BothFile, secret.BothReadable:
						f.Message += ": " + i.Name + " ignores the variable"
					}
				}
				p.reportName(&v, f)
			}
		},
	}
}

func isRabbitMQ(i *secret.Image) bool { return i.Name == "rabbitmq" && i.Unsupported }

func ruleRabbitMQ() Rule {
	return Rule{
		ID: "CS024", Name: "file form with RabbitMQ 3.9 or newer", Severity: Error,
		Why: "RabbitMQ removed RABBITMQ_DEFAULT_PASS_FILE in 3.9: setting it stops the start. " +
			"Give the password in a file of /etc/rabbitmq/conf.d, which can be a secret.",
		compose: func(p *pass, c *composeFile) {
			for _, s := range c.services {
				if s.known == nil || !isRabbitMQ(s.known) {
					continue
				}
				for _, pr := range s.env {
					if pr.Name == "RABBITMQ_DEFAULT_PASS_FILE" || pr.Name == "RABBITMQ_DEFAULT_USER_FILE" {
						p.reportName(&fileVariable{service: s, pair: pr}, Finding{
							Message: pr.Name + " stops RabbitMQ 3.9 and newer",
							Hint:    "set " + strings.TrimSuffix(pr.Name, "_FILE") + " and run it with compose-secure up, or mount a secret below /etc/rabbitmq/conf.d",
							Fix:     Fix{ByHand, "migrate leaves file forms: the value is not in the source"},
						})
					}
				}
			}
		},
	}
}
