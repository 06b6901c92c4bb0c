package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"go.yaml.in/yaml/v4"
)

func ruleLogged() Rule {
	return Rule{
		ID: "CS031", Name: "secret written to the log", Severity: Warning,
		Why: "`env`, `printenv` and `set -x` print every value of the environment to the container's log or its health status, " +
			"where they are kept and shipped elsewhere.",
		compose: func(p *pass, c *composeFile) {
			for _, s := range c.services {
				if !s.hasSecret(c) {
					continue
				}
				for field, n := range map[string]*yaml.Node{
					"command": s.fields["command"], "entrypoint": s.fields["entrypoint"], "healthcheck": yamldoc.Get(s.fields["healthcheck"], "test"),
				} {
					p.logged(c, s, field, yamldoc.Follow(n))
				}
			}
		},
	}
}

// hasSecret reports whether the environment of a service holds a secret.
func (s *service) hasSecret(c *composeFile) bool {
	return slices.ContainsFunc(s.env, func(pr yamldoc.Pair) bool { return c.policy.Classify(pr.Name, "").Secret }) || s.fields["env_file"] != nil
}

func (p *pass) logged(c *composeFile, s *service, field string, n *yaml.Node) {
	if n == nil {
		return
	}
	nodes := yamldoc.Items(n)
	raw := make([]string, len(nodes))
	for i := range nodes {
		raw[i] = yamldoc.Text(nodes[i])
	}
	words, _ := commandLine(c.policy, raw, n.Kind == yaml.SequenceNode)
	for _, w := range printers(words, 0) {
		from, to := w.at(0, len(w.text))
		p.report(p.src.scalar(nodes[w.node], from, to), Finding{
			Service: s.name, Key: field, Message: fmt.Sprintf("%s of %s prints the environment to the log", field, s.name),
			Hint: "leave " + w.text + " out, or print the names alone: env | cut -d= -f1", Fix: Fix{ByHand, "only you know why it is there"},
		})
	}
}

// printers finds the words that make a shell print the environment.
func printers(words []shellWord, depth int) []shellWord {
	var found []shellWord
	for len(words) > 0 {
		n := 0
		for n < len(words)-1 && !words[n].end {
			n++
		}
		simple := words[:n+1]
		for i, w := range simple {
			if w.script && depth < 3 {
				found = append(found, printers(splitShell(w.text, w.origin, w.node), depth+1)...)
			}
			if i == 0 || i == 1 && (simple[0].text == "CMD" || simple[0].text == "CMD-SHELL") {
				if printsEnvironment(simple[i:]) {
					found = append(found, w)
				}
			}
		}
		words = words[n+1:]
	}
	return found
}

// printsEnvironment judges one simple command. env with more words runs
// something else; set -x prints what is expanded.
func printsEnvironment(simple []shellWord) bool {
	arg := func(i int) string {
		if i < len(simple) {
			return simple[i].text
		}
		return ""
	}
	switch path.Base(arg(0)) {
	case "env", "printenv":
		return len(simple) == 1 && !simple[0].piped || strings.HasPrefix(arg(1), ">")
	case "export", "declare":
		return len(simple) == 2 && (arg(1) == "-p" || arg(1) == "-x")
	case "set":
		return strings.HasPrefix(arg(1), "-") && strings.Contains(arg(1), "x") || arg(1) == "-o" && arg(2) == "xtrace"
	case "sh", "bash", "ash", "dash", "zsh":
		return len(arg(1)) > 1 && arg(1)[0] == '-' && arg(1)[1] != '-' && strings.Contains(arg(1), "x")
	}
	return false
}
