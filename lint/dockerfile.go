package lint

import (
	"bytes"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/secret"
)

// dockerfile is a parsed Dockerfile. Its text may be a scalar of a compose file.
type dockerfile struct {
	src    *source
	data   string
	text   *source    // data
	inline *yaml.Node // nil: the text is the whole of src
	steps  []step
	policy secret.Policy
	escape string // the character that takes the meaning from the next one
	user   *service
	// secretArgs are the ARGs in scope whose name means a secret.
	secretArgs map[string]bool
}

// step is one instruction.
type step struct {
	name       string // lower case
	words      []string
	flags      []string
	start, end int // bytes of the instruction in data
	heredocs   []string
	exec       bool // the JSON form: words are arguments
}

// parseDockerfile uses BuildKit's own parser, so that continuation lines,
// heredocs and the escape directive mean what they mean to docker build.
func parseDockerfile(src *source, data string, inline *yaml.Node, policy secret.Policy) (*dockerfile, error) {
	d := &dockerfile{src: src, data: data, inline: inline, policy: policy, secretArgs: map[string]bool{}}
	result, err := parser.Parse(bytes.NewReader([]byte(data)))
	if err != nil {
		return nil, err
	}
	d.escape = string(result.EscapeToken)
	d.text = newSource("", []byte(data))
	lines := d.text.Text
	for _, n := range result.AST.Children {
		s := step{name: strings.ToLower(n.Value), flags: n.Flags, exec: n.Attributes["json"], start: lines.LineStart(n.StartLine), end: lines.LineStart(n.EndLine + 1)}
		for w := n.Next; w != nil; w = w.Next {
			s.words = append(s.words, w.Value)
		}
		for _, h := range n.Heredocs {
			s.heredocs = append(s.heredocs, h.Content)
		}
		d.steps = append(d.steps, s)
		if s.name == "arg" {
			for _, w := range s.words {
				name, value, _ := strings.Cut(w, "=")
				if policy.Classify(name, unquote(value)).Secret {
					d.secretArgs[name] = true
				}
			}
		}
	}
	return d, nil
}

// find gives the place of text inside a step, searched from byte from of it;
// the whole first line if it is not there as it stands.
func (d *dockerfile) find(s *step, text string, from int) byteRange {
	body := d.data[s.start:s.end]
	start, end := s.start, s.start+len(strings.TrimRight(firstLine(body), " \t\r\\"))
	if first := firstLine(text); first != "" && from <= len(body) {
		if i := strings.Index(body[from:], first); i >= 0 {
			start = s.start + from + i
			end = start + len(first)
		}
	}
	if d.inline != nil {
		return d.src.scalar(d.inline, start, end)
	}
	return byteRange{start, end}
}

// within gives the place of word[start:end], where word is the nth of the
// instruction. Continuation lines make the word differ from its source.
func (d *dockerfile) within(s *step, words []string, n, start, end int) byteRange {
	body := d.data[s.start:s.end]
	at := 0
	for i := range n + 1 {
		first := firstField(words[i])
		k := strings.Index(body[at:], first)
		if k < 0 {
			return d.find(s, words[n][start:end], 0)
		}
		at += k
		if i < n {
			at += len(first)
		}
	}
	from, ok := d.text.align(s.start+at, words[n], start)
	if !ok || !strings.HasPrefix(d.data[from:], firstLine(words[n][start:end])) {
		return d.find(s, words[n][start:end], 0)
	}
	to := from + len(firstLine(words[n][start:end]))
	if d.inline != nil {
		return d.src.scalar(d.inline, from, to)
	}
	return byteRange{from, to}
}

func firstField(s string) string {
	if f := strings.Fields(s); len(f) > 0 {
		return f[0]
	}
	return s
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimRight(line, "\r")
}

// value takes the quotes off a value of ARG or ENV. An escaped $ is doubled, as
// expand knows it; the length stays. Single quotes make the value verbatim. See
// https://docs.docker.com/reference/dockerfile/#environment-replacement.
func (d *dockerfile) value(raw string) (value string, verbatim bool) {
	value = unquote(raw)
	if len(value) < len(raw) && raw[0] == '\'' {
		return value, true
	}
	return strings.ReplaceAll(value, d.escape+"$", "$$"), false
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
