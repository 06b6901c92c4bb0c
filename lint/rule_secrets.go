package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"go.yaml.in/yaml/v4"
)

// grant is a secret that a service is given.
type grant struct {
	source, target string
	node           *yaml.Node // the scalar that names it
	mode           *yaml.Node
}

// grants reads the short and the long form.
func (s *service) grants() []grant {
	var list []grant
	for _, i := range yamldoc.Items(s.fields["secrets"]) {
		if i.Kind == yaml.ScalarNode {
			list = append(list, grant{source: i.Value, target: i.Value, node: i})
			continue
		}
		g := grant{source: yamldoc.Text(yamldoc.Get(i, "source")), target: yamldoc.Text(yamldoc.Get(i, "target")), node: yamldoc.Follow(yamldoc.Get(i, "source")), mode: yamldoc.Follow(yamldoc.Get(i, "mode"))}
		if g.target == "" {
			g.target = g.source
		}
		if g.node != nil {
			list = append(list, g)
		}
	}
	return list
}

func ruleSecretUnused() Rule {
	return Rule{
		ID: "CS026", Name: "secret declared and not used", Severity: Warning,
		Why: "A secret that no service is given protects nothing; often the service still has the value in its environment.",
		compose: func(p *pass, c *composeFile) {
			if len(c.services) == 0 || yamldoc.Get(c.root, "include") != nil {
				return
			}
			used := map[string]bool{}
			for _, s := range c.services {
				for _, g := range s.grants() {
					used[g.source] = true
				}
				for _, g := range yamldoc.Items(yamldoc.Get(s.fields["build"], "secrets")) {
					used[yamldoc.Text(g)] = true
					used[yamldoc.Text(yamldoc.Get(g, "source"))] = true
				}
				if s.fields["extends"] != nil {
					return // the grant may be in the other file
				}
			}
			for _, e := range yamldoc.Entries(yamldoc.Get(c.root, "secrets")) {
				if !used[e.Key.Value] {
					p.report(p.src.scalar(e.Key, 0, len(e.Key.Value)), Finding{
						Key: e.Key.Value, Message: fmt.Sprintf("secret %s is declared and no service uses it", e.Key.Value),
						Hint: "name it under secrets: of the service that needs it, or remove it", Fix: Fix{ByHand, "only you know which of the two is meant"},
					})
				}
			}
		},
	}
}

func ruleSecretGrant() Rule {
	return Rule{
		ID: "CS027", Name: "secret granted to a service that does not use it", Severity: Warning,
		Why: "A service that is broken into gives away every secret that it was given. This image reads secrets only from files that its variables name.",
		compose: func(p *pass, c *composeFile) {
			for _, s := range c.services {
				if s.known == nil || s.fields["build"] != nil || s.fields["entrypoint"] != nil || s.fields["extends"] != nil {
					continue
				}
				var all strings.Builder
				for name, f := range s.fields {
					if name != "secrets" {
						scalars(f, func(n *yaml.Node) { all.WriteString(n.Value + "\n") })
					}
				}
				for _, g := range s.grants() {
					if strings.Contains(all.String(), g.target) || s.reads(g.target) || s.fields["env_file"] != nil {
						continue
					}
					p.report(p.src.scalar(g.node, 0, len(g.source)), Finding{
						Service: s.name, Key: g.source, Message: fmt.Sprintf("nothing in %s reads the secret %s", s.name, g.source),
						Hint: "point a variable of the image at it, or take the grant away", Fix: Fix{ByHand, "only you know which of the two is meant"},
					})
				}
			}
		},
	}
}

// reads reports whether the image looks for a fixed file by itself.
func (s *service) reads(target string) bool {
	if strings.HasPrefix(target, "/") {
		return true // mounted where a program's own configuration may expect it
	}
	return slices.Contains(s.known.Targets(), "/run/secrets/"+target) || strings.Contains(s.known.Note, "without any variable")
}

func ruleSecretSource() Rule {
	return Rule{
		ID: "CS028", Name: "secret without a source", Severity: Info,
		Why: "An external secret exists in Swarm only; docker compose cannot start a service with it. `x-source` says where the value comes from.",
		compose: func(p *pass, c *composeFile) {
			for _, e := range yamldoc.Entries(yamldoc.Get(c.root, "secrets")) {
				external := yamldoc.Follow(yamldoc.Get(e.Value, "external"))
				if yamldoc.Get(e.Value, "x-source") != nil || external == nil && (yamldoc.Get(e.Value, "file") != nil || yamldoc.Get(e.Value, "environment") != nil ||
					yamldoc.Get(e.Value, "content") != nil || yamldoc.Get(e.Value, "driver") != nil) {
					continue
				}
				if external != nil && external.Value == "false" {
					continue
				}
				f := Finding{
					Key: e.Key.Value, Message: fmt.Sprintf("secret %s is external and has no source", e.Key.Value),
					Hint: "add x-source: ref+..., so that up and stack deploy can create it", Fix: Fix{ByHand, "only you know the source"},
				}
				if external == nil {
					f.Message, f.Severity = fmt.Sprintf("secret %s has no source", e.Key.Value), Warning
				}
				p.report(p.src.scalar(e.Key, 0, len(e.Key.Value)), f)
			}
		},
	}
}

func ruleSecretMode() Rule {
	return Rule{
		ID: "CS030", Name: "mode of a secret wider than needed", Severity: Warning,
		Why: "One process reads a secret. A mode that lets every user of the container read it, or anybody write it, helps only an intruder.",
		compose: func(p *pass, c *composeFile) {
			for _, s := range c.services {
				for _, g := range s.grants() {
					if g.mode == nil {
						continue
					}
					mode, err := parseMode(g.mode)
					if err != nil || mode&0o037 == 0 {
						continue
					}
					p.report(p.src.scalar(g.mode, 0, len(g.mode.Value)), Finding{
						Service: s.name, Key: g.source, Message: fmt.Sprintf("mode %s of the secret %s is wider than needed", g.mode.Value, g.source),
						Hint: "write mode: 0400 with the uid that reads it, or 0440 with its gid", Fix: Fix{ByHand, "only you know the user"},
					})
				}
			}
		},
	}
}

// parseMode reads 0440, 0o440, "0440" and 288 as Compose does.
func parseMode(n *yaml.Node) (int64, error) {
	v := strings.Replace(n.Value, "0o", "0", 1)
	if n.Tag == "!!str" && !strings.HasPrefix(v, "0") {
		return strconv.ParseInt(v, 8, 32)
	}
	return strconv.ParseInt(v, 0, 32)
}
