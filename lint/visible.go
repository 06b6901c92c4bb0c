package lint

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// InArguments finds the secrets in the elements of a command line of an image.
func InArguments(policy secret.Policy, image string, args []string) []secret.Argument {
	var found []secret.Argument
	for _, l := range append(inspectCommand(policy, args, true), accountsOf(image, policy, args, true)...) {
		if l.end > l.start {
			found = append(found, secret.Argument{Index: l.node, Span: secret.Span{Start: l.start, End: l.end}, Name: l.name})
		}
	}
	return found
}

// InText finds the secrets in a configuration file of any format, whose $ mean nothing.
func InText(policy secret.Policy, text string) []secret.Span {
	e := expanded{text: secret.WithoutHoles(text)}
	found := appendCredentials(nil, "", &e)
	at := 0
	for line := range strings.Lines(text) {
		key, start, end, ok := setting(line)
		if ok && start < end && policy.ClassifyFinal(key, line[start:end]).Secret {
			found = appendLiteral(found, literal{start: at + start, end: at + end, name: key})
		}
		at += len(line)
	}
	return spans(found)
}

// InDockerfile finds the secrets in the text of a Dockerfile.
func InDockerfile(policy secret.Policy, text string) []secret.Span {
	p := &pass{linter: &linter{policy: policy, rules: Rules(), files: newFiles("")}, src: newSource("", []byte(text))}
	p.dockerfile(fileRef{}, text, nil)
	var found []secret.Span
	for _, r := range p.values {
		found = append(found, secret.Span{Start: r.start, End: r.end})
	}
	return found
}

// InLabel finds the secrets in the value of a label.
func InLabel(policy secret.Policy, key, value string) []secret.Span {
	return InValue(policy, labelName(key), value)
}

// labelName is the part of a label's key that names the value; the others name routers and the like. It
// is "" where the key tells nothing: one that ends in "secret" is as a rule about the name of one.
func labelName(key string) string {
	name := key[strings.LastIndexByte(key, '.')+1:]
	if strings.HasSuffix(strings.ToLower(name), "secret") {
		return ""
	}
	return name
}

// InValue finds the secrets in a value whose $ mean nothing, such as one of a model. Without a name the form alone tells.
func InValue(policy secret.Policy, name, value string) []secret.Span {
	if value == "" || secret.IsRef(value) {
		return nil
	}
	if name == "" {
		return secret.FindCredentials(secret.WithoutHoles(value))
	}
	v := policy.ClassifyFinal(name, value)
	if !v.Secret {
		return nil
	}
	if found := secret.FindCredentials(secret.WithoutHoles(value)); v.Reason == secret.ByValue && len(found) > 0 && !policy.ClassifyFinal(name, "a1b2c3d4").Secret {
		return found // the name alone makes none of it
	}
	return []secret.Span{{End: len(value)}}
}

// MaskLine hides the secrets of one line of a file of any format, and what may belong to them. A variable in it is none.
func MaskLine(policy secret.Policy, line string) string {
	if strings.Contains(line, redacted) { // its values are known
		return secret.HideRest(line)
	}
	e := expand(line, false)
	found := append(appendCredentials(nil, "", &e), withDollar(policy, line)...)
	text := strings.TrimLeft(line, " \t")
	comment := strings.HasPrefix(text, "#") // what it takes out of use may be the value of today
	if comment {
		text = strings.TrimLeft(text, "# \t")
		found = append(found, shifted(inWords(policy, text), len(line)-len(text))...)
	}
	from := len(line) - len(text)
	// Anchors, flow and block scalars of YAML start with marks of their own.
	if key, start, end, ok := setting(text); ok && start < end && strings.IndexByte("&*[{!|>", text[start]) < 0 {
		for _, l := range shifted(inspect(policy, key, text[start:end]), from+start) {
			found = appendLiteral(found, l)
		}
		if value := text[start:end]; !strings.HasPrefix(value, "$") && !strings.Contains(value, "${") && len(literalParts(value)) > 0 && reaches(policy, &yamldoc.Pair{Name: key, Value: value}) { // beside a variable
			found = append(found, literal{start: from + start, end: from + end})
		}
	}
	slices.SortFunc(found, func(a, b literal) int { return cmp.Compare(a.start, b.start) })
	var b strings.Builder
	at := 0
	for _, l := range found {
		if l.start >= at && l.end > l.start {
			b.WriteString(line[at:l.start] + redacted)
			at = l.end
		}
	}
	return secret.HideRest(b.String() + line[at:])
}

// withDollar finds arguments with a $ in the middle of a word, which may be a character of a password where the
// file has it for the start of a variable.
func withDollar(policy secret.Policy, line string) []literal {
	dollar := regexp.MustCompile(`[^\s$"'` + "`" + `=:/,(\[{]\$+[A-Za-z0-9]`)
	if !dollar.MatchString(line) {
		return nil
	}
	return inWords(policy, dollar.ReplaceAllStringFunc(line, func(s string) string { return strings.ReplaceAll(s, "$", "x") }))
}

// shifted moves literals of a text to where it stands in another.
func shifted(list []literal, by int) []literal {
	for i := range list {
		list[i].start, list[i].end = list[i].start+by, list[i].end+by
	}
	return list
}

// inWords finds secrets in the arguments of a program whose name is one of the words of a line.
func inWords(policy secret.Policy, line string) []literal {
	if len(line) > maxSnippet { // nobody reads it
		return []literal{{end: len(line)}}
	}
	var words []string
	var starts []int
	for _, at := range regexp.MustCompile(`[^\s,\[\]{}"]+`).FindAllStringIndex(line, -1) {
		words, starts = append(words, line[at[0]:at[1]]), append(starts, at[0])
	}
	var found []literal
	for i := range words { // the first word that is a program
		for _, a := range InArguments(policy, "", words[i:]) {
			at := starts[i+a.Index]
			found = append(found, literal{start: at + a.Start, end: at + a.End})
		}
		if len(found) > 0 {
			break
		}
	}
	return found
}

func spans(found []literal) []secret.Span {
	var list []secret.Span
	for _, l := range found {
		if l.end > l.start {
			list = append(list, secret.Span{Start: l.start, End: l.end})
		}
	}
	return list
}
