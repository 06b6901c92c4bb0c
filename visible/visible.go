// Package visible finds the literal secrets of a model: those of arguments, which a plan moves, and those that nothing
// moves, so that docker inspect, the image or a printed model shows them. Its list of places is the one that warnings
// and masks share. It moves nothing.
package visible

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/transform"
)

// Place is one string of a model that holds a literal secret.
type Place struct {
	Path     []string         // for compose.Sources; an element of a list has its number
	Position compose.Position // in the source; zero when it is not known
	Key      bool             // the key of a mapping holds it; Path is that of the mapping

	copied  bool     // of a secret that is told of, or moved, elsewhere
	secrets []string // their texts
}

// String is the warning about p.
func (p *Place) String() string {
	at := ""
	if p.Position.File != "" {
		at = p.Position.String() + ": "
	}
	path := p.Path
	if !p.Key && len(path) > 1 && compose.IsArguments(path[:len(path)-1]) {
		path = path[:len(path)-1] // the position tells which argument
	}
	what := strings.Join(path, ".")
	if p.Key {
		what = "a key of " + what
	}
	switch {
	case p.copied && isVariable(path) && !p.Key:
		return fmt.Sprintf("%s%s has the value of a secret and stays visible; name it in %s.secret", at, what, compose.Extension)
	case p.copied:
		return fmt.Sprintf("%s%s has the value of a secret and stays visible", at, what)
	}
	return fmt.Sprintf("%s%s holds a secret that stays visible; see compose-secure lint", at, what)
}

// Literals are the secrets of a project that stand in its model after the plan, as the source has them.
type Literals struct {
	Places []Place // in the order of the source
	finder finder
	copies copies
}

// Find looks for the literals that plan, which was made of p, leaves. Of the variables and arguments of services and
// contents of configs, about which the plan decides, those are among them that have the value of a secret.
func Find(p *compose.Project, plan *transform.Plan) *Literals {
	l := &Literals{finder: finder{policy: p.Detect, inputs: p.Inputs}}
	seen := newCandidates(plan)
	f := l.finder
	compose.EachText(p.WithServicesDisabled(), func(t compose.Text) []string { // a copy
		if t.Extension && slices.Contains(t.Path, compose.Extension) {
			return nil
		}
		if compose.IsArguments(t.Path) && !t.Key {
			for _, a := range f.arguments(imageAt(p.Project, t.Path), t.Values) {
				seen.secrets = append(seen.secrets, t.Values[a.Index][a.Start:a.End])
			}
		}
		before := len(f.found)
		f.visit(t)
		if t.Extension { // dropped from the model, and the only place that says what is secret when an anchor stands there
			seen.note(f.found[before:])
			f.found = f.found[:before]
		} else {
			seen.add(t)
		}
		return nil
	})
	seen.note(f.found)
	f.found = slices.DeleteFunc(f.found, func(p Place) bool { return isContent(p.Path) })
	l.copies = newCopies(p, plan, seen)
	l.Places = append(f.found, seen.places(plan, l.copies, f.found)...)
	for i := range l.Places {
		l.Places[i].Position = p.Sources().Find(l.Places[i].Path...)
	}
	slices.SortStableFunc(l.Places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Position.File, b.Position.File), cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column))
	})
	return l
}

// Warnings are the places in words, each once.
func (l *Literals) Warnings() []string {
	var list []string
	told := map[string]bool{}
	for i := range l.Places {
		if text := l.Places[i].String(); !told[text] {
			told[text] = true
			list = append(list, text)
		}
	}
	return list
}

// Mask returns a copy of model, which a plan made of the same project, with every literal secret masked.
func (l *Literals) Mask(model *types.Project) *types.Project {
	model = model.WithServicesDisabled() // a copy
	f := l.finder
	compose.EachText(model, func(t compose.Text) []string { return l.copies.mask(t, f.visit(t)) })
	withLiterals(model, f.inputs, func(*secret.Input) string { return secret.Redacted })
	return model
}

// Show returns a copy of model, which a plan made of p, with the literals that it could not move yet in their places.
func Show(p *compose.Project, model *types.Project) *types.Project {
	model = model.WithServicesDisabled() // a copy
	withLiterals(model, p.Inputs, func(in *secret.Input) string { return string(in.Known.Reveal()) })
	return model
}

// withLiterals changes model in place: text stands for each literal that a plan could not move yet. It is no default of a variable.
func withLiterals(model *types.Project, inputs *secret.Inputs, text func(*secret.Input) string) {
	compose.EachArguments(model, func(t compose.Text) []string {
		changed := slices.Clone(t.Values)
		for i := range changed {
			changed[i] = inputs.Expand(changed[i], func(in *secret.Input) string {
				if in.Literal && in.Name == "" {
					return text(in)
				}
				return inputs.Placeholder(*in)
			})
		}
		return changed
	})
}

// Arguments finds the literal secrets in an argument list for an image of p's model. What its inputs stand for is none.
func Arguments(p *compose.Project, image string, argv []string) []secret.Argument {
	f := finder{policy: p.Detect, inputs: p.Inputs}
	return f.arguments(image, argv)
}

type finder struct {
	policy secret.Policy
	inputs *secret.Inputs
	found  []Place
}

// visit judges one text and returns it masked, nil where it holds no secret.
func (f *finder) visit(t compose.Text) []string {
	if t.Key {
		return f.judge(t, func(text string) []secret.Span { return lint.InValue(f.policy, "", text) })
	}
	if isVariable(t.Path) || compose.IsArguments(t.Path) {
		return nil
	}
	return f.judge(t, func(text string) []secret.Span { return f.spans(t, text) })
}

// spans finds the secrets in one string, by what its place means.
func (f *finder) spans(t compose.Text, text string) []secret.Span {
	name, within := t.Path[len(t.Path)-1], ""
	if len(t.Path) > 1 {
		within = t.Path[len(t.Path)-2]
	}
	switch {
	case isContent(t.Path):
		return lint.InText(f.policy, text)
	case name == "dockerfile_inline":
		return lint.InDockerfile(f.policy, text)
	case (t.Named && (within == "labels" || within == "annotations")):
		return lint.InLabel(f.policy, name, text)
	case t.Named && within == "additional_contexts", isMountOptions(t.Path):
		return lint.InValue(f.policy, "", text) // the name is the user's own word for a place; a list of options
	case t.Named, within == "options":
		return lint.InValue(f.policy, name, text)
	}
	return lint.InValue(f.policy, "", text)
}

func (f *finder) judge(t compose.Text, find func(text string) []secret.Span) []string {
	var changed []string
	for i, text := range t.Values {
		shown := newShown(f.inputs, text)
		spans := find(shown.text)
		if len(spans) == 0 {
			continue
		}
		if changed == nil {
			changed = slices.Clone(t.Values)
		}
		path := t.Path
		if len(t.Values) > 1 {
			path = append(slices.Clone(path), strconv.Itoa(i))
		}
		changed[i] = f.note(path, t.Key, shown, spans)
	}
	return changed
}

// arguments lists the literal secrets of an argument list in order, none over another.
func (f *finder) arguments(image string, argv []string) []secret.Argument {
	texts := make([]*shown, len(argv))
	args := make([]string, len(argv))
	for i, arg := range argv {
		texts[i] = newShown(f.inputs, arg)
		args[i] = withoutInnerDollars(texts[i].text)
	}
	var list []secret.Argument
	found := lint.InArguments(f.policy, image, args)
	slices.SortStableFunc(found, func(a, b secret.Argument) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Start, b.Start))
	})
	for _, a := range found {
		s := texts[a.Index]
		for _, span := range s.original(extended(s.text, a.Span, true)) {
			if n := len(list); n > 0 && list[n-1].Index == a.Index && list[n-1].End > span.Start {
				span.Start = list[n-1].End
			}
			if span.Found() {
				list = append(list, secret.Argument{Index: a.Index, Span: span, Name: a.Name})
			}
		}
	}
	return list
}

// withoutInnerDollars returns text with an x for each $ in the middle of a word, one after another too, which is a
// character of it: the model is interpolated already.
func withoutInnerDollars(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	out := []byte(text)
	for i := 1; i < len(out); i++ {
		if c := out[i-1]; out[i] == '$' && ('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			out[i] = 'x'
		}
	}
	return string(out)
}

// extended makes a span reach as far as its value may: to the quote that belongs to the one before it, and, in a text that
// is no command line, to the end of the line where what follows does not end a value for certain.
func extended(text string, span secret.Span, command bool) secret.Span {
	line := len(text)
	if i := strings.IndexByte(text[span.End:], '\n'); i >= 0 {
		line = span.End + i
	}
	if span.Start > 0 && span.End < len(text) {
		if quote := text[span.Start-1]; (quote == '"' || quote == '\'') && text[span.End] != quote {
			if i := strings.IndexByte(text[span.End:line], quote); i >= 0 {
				span.End += i
			} else {
				span.End = line
			}
		}
	}
	if !command && span.End < line && strings.IndexByte("@,;&)]}\"'", text[span.End]) < 0 {
		span.End = line
	}
	return span
}

func (f *finder) note(path []string, key bool, s *shown, spans []secret.Span) string {
	for i := range spans {
		spans[i] = extended(s.text, spans[i], false)
		if isMountOptions(path) { // a comma alone ends one
			if comma := strings.IndexByte(s.text[spans[i].End:], ','); comma >= 0 {
				spans[i].End += comma
			} else {
				spans[i].End = len(s.text)
			}
		}
	}
	place := Place{Path: path, Key: key}
	for _, span := range spans {
		place.secrets = append(place.secrets, s.text[span.Start:span.End])
	}
	f.found = append(f.found, place)
	return s.masked(spans)
}

// shown is a text with the names of its inputs in place of their placeholders.
type shown struct {
	text   string
	tokens []token
}

type token struct {
	secret.Span
	text string // the placeholder
}

func newShown(inputs *secret.Inputs, text string) *shown {
	s := &shown{text: text}
	if !inputs.Has(text) {
		return s
	}
	var b strings.Builder
	for _, in := range inputs.Find(text) {
		placeholder := inputs.Placeholder(*in)
		before, after, ok := strings.Cut(text, placeholder)
		if !ok {
			break
		}
		b.WriteString(before)
		start := b.Len()
		b.WriteString(in.String())
		s.tokens = append(s.tokens, token{secret.Span{Start: start, End: b.Len()}, placeholder})
		text = after
	}
	b.WriteString(text)
	s.text = b.String()
	return s
}

// original gives a span of s.text in bytes of the text before, without the placeholders in it.
func (s *shown) original(span secret.Span) []secret.Span {
	var list []secret.Span
	shift := 0 // of the original to s.text
	at := span.Start
	for _, t := range s.tokens {
		if t.Start >= span.End {
			break
		}
		if t.Start > at {
			list = append(list, secret.Span{Start: at + shift, End: t.Start + shift})
		}
		shift += len(t.text) - (t.End - t.Start)
		at = max(at, t.End)
	}
	if at < span.End {
		list = append(list, secret.Span{Start: at + shift, End: span.End + shift})
	}
	return list
}

// masked is the original text with a mark in place of each span. A placeholder stays unless a span reaches into it.
func (s *shown) masked(spans []secret.Span) string {
	slices.SortFunc(spans, func(a, b secret.Span) int { return cmp.Compare(a.Start, b.Start) })
	var b strings.Builder
	at := 0
	plain := func(to int) {
		for _, t := range s.tokens {
			if t.Start >= at && t.End <= to {
				b.WriteString(s.text[at:t.Start])
				b.WriteString(t.text)
				at = t.End
			}
		}
		if at < to {
			b.WriteString(s.text[at:to])
			at = to
		}
	}
	for _, span := range spans {
		if span.Start < at {
			at = max(at, span.End)
			continue
		}
		plain(span.Start)
		b.WriteString(secret.Redacted)
		at = max(at, span.End)
	}
	plain(len(s.text))
	return b.String()
}

// isVariable reports whether path is a variable of a service, which the plan decides about.
func isVariable(path []string) bool {
	_, below := compose.ContainerAt(path)
	return len(below) == 2 && below[0] == "environment"
}

// imageAt returns the image of the container that path leads into.
func imageAt(project *types.Project, path []string) string {
	name, _ := compose.ContainerAt(path)
	s, _ := compose.Container(project, name)
	return s.Image
}

// isMountOptions reports whether path is the list of options that a volume is mounted with.
func isMountOptions(path []string) bool {
	return len(path) > 1 && path[len(path)-1] == "o" && path[len(path)-2] == "driver_opts"
}

// isContent reports whether path is the content of a config or secret.
func isContent(path []string) bool {
	return len(path) == 3 && (path[0] == "configs" || path[0] == "secrets") && path[2] == "content"
}
