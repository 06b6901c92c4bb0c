package lint

import (
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// Explain gives the page of a rule as Markdown; its examples are those that
// the tests run. The empty ID lists all rules.
func Explain(id string) (string, error) {
	if id == "" {
		var b strings.Builder
		for _, r := range Rules() {
			fmt.Fprintf(&b, "%s  %-8s %s\n", r.ID, r.Severity, r.Name)
		}
		return b.String(), nil
	}
	r, ok := RuleByID(strings.ToUpper(id))
	if !ok {
		return "", fmt.Errorf("there is no rule %q; compose-secure lint --explain all lists them", id)
	}
	return page(&r)
}

func page(r *Rule) (string, error) {
	data, err := examples.ReadFile("testdata/rules/" + r.ID + ".txtar")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n**%s** (%s)\n\n%s\n", r.ID, r.Name, r.Severity, r.Why)
	a := txtar.Parse(data)
	for _, part := range []struct{ dir, title string }{{"bad/", "Found"}, {"ok/", "Not found"}} {
		fmt.Fprintf(&b, "\n%s:\n", part.title)
		for _, f := range a.Files {
			name, ok := strings.CutPrefix(f.Name, part.dir)
			if !ok || strings.HasPrefix(name, ".git/") {
				continue
			}
			fmt.Fprintf(&b, "\n`%s`\n\n```%s\n%s```\n", name, language(name), f.Data)
		}
	}
	return b.String(), nil
}

func language(name string) string {
	switch {
	case strings.HasSuffix(name, ".yaml"):
		return "yaml"
	case strings.HasSuffix(name, "Dockerfile"):
		return "dockerfile"
	}
	return "text"
}

// RulesPage gives docs/rules.md.
func RulesPage() (string, error) {
	var b strings.Builder
	b.WriteString("# Rules of compose-secure lint\n\nWritten by the tests of lint/ from the rules and their examples.\n" +
		"Switch a rule off for one line with `# compose-secure: ignore CS001 reason`, for a project in `" + ConfigName + "`.\n\n" +
		"| rule | severity | what |\n|---|---|---|\n")
	for _, r := range Rules() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", r.ID, strings.ToLower(r.ID), r.Severity, r.Name)
	}
	for _, r := range Rules() {
		p, err := page(&r)
		if err != nil {
			return "", err
		}
		b.WriteString("\n" + p)
	}
	return b.String(), nil
}
