package visible

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/transform"
)

// copies are the texts that are secrets wherever they stand, since they are secrets in one place: an alias or a hand copied
// them to where no name tells.
type copies map[string]bool

// newCopies returns the values that plan takes, those of services that are off, and those that were seen in the model.
func newCopies(p *compose.Project, plan *transform.Plan, seen *candidates) copies {
	c := copies{}
	input := func(in *secret.Input) { c.add(string(in.Known.Reveal())) }
	for _, s := range plan.Secrets {
		for _, part := range s.Parts {
			switch {
			case part.Input != nil:
				input(part.Input)
			case len(s.Parts) == 1:
				c.add(string(part.Literal.Reveal()))
			}
		}
	}
	for _, k := range plan.Kept {
		for _, in := range k.Inputs {
			input(in)
		}
	}
	for _, s := range p.DisabledServices {
		for name, value := range s.Environment {
			if value != nil && p.Detect.ClassifyFinal(name, *value).Secret {
				c.add(*value)
			}
		}
	}
	for _, text := range seen.secrets {
		c.add(text)
	}
	for _, names := range [][]string{
		p.ServiceNames(), p.DisabledServiceNames(), p.NetworkNames(), p.VolumeNames(),
		slices.Collect(maps.Keys(p.Secrets)), slices.Collect(maps.Keys(p.Configs)), slices.Collect(maps.Keys(p.Models)),
	} {
		for _, name := range names {
			delete(c, name) // it is a name in other places
		}
	}
	return c
}

func (c copies) add(text string) {
	if secret.IsDistinct(text) {
		c[text] = true
	}
}

// mask hides copies in one text. masked is what else is hidden in it, nil for nothing.
func (c copies) mask(t compose.Text, masked []string) []string {
	if t.Key && !t.Named {
		return masked
	}
	for i, text := range t.Values {
		if !c[text] {
			continue
		}
		if masked == nil {
			masked = slices.Clone(t.Values)
		}
		masked[i] = secret.Redacted
	}
	return masked
}

// candidates are the texts of a model that may turn out to be copies.
type candidates struct {
	moved   map[string]bool // what the plan takes out of the model, by path
	texts   []compose.Text
	secrets []string
}

func newCandidates(plan *transform.Plan) *candidates {
	c := &candidates{moved: map[string]bool{}}
	for i := range plan.Moves {
		m := &plan.Moves[i]
		c.moved[joined(m.Path)] = true
		c.moved[joined(compose.ContainerPath(m.Service, "environment", m.Variable))] = true // a hook has it from its service
	}
	for _, s := range plan.Secrets {
		c.moved[joined(s.At)] = true
	}
	return c
}

func joined(path []string) string { return strings.Join(path, "\x00") }

func (c *candidates) note(found []Place) {
	for i := range found {
		c.secrets = append(c.secrets, found[i].secrets...)
	}
}

func (c *candidates) add(t compose.Text) {
	if len(t.Path) > 0 && t.Path[0] == "secrets" && isContent(t.Path) {
		return // delivered as a file
	}
	if (!t.Key || t.Named) && slices.ContainsFunc(t.Values, secret.IsDistinct) && (t.Key || !c.moved[joined(t.Path)]) {
		c.texts = append(c.texts, t)
	}
}

// places are the candidates that are copies, and not found already.
func (c *candidates) places(plan *transform.Plan, copies copies, found []Place) []Place {
	known := map[string]bool{}
	for i := range found {
		known[strconv.FormatBool(found[i].Key)+joined(found[i].Path)] = true
	}
	var list []Place
	for _, t := range c.texts {
		for i, text := range t.Values {
			path := t.Path
			if len(t.Values) > 1 || compose.IsArguments(path) {
				path = append(slices.Clone(path), strconv.Itoa(i))
			}
			if copies[text] && !plan.TakesArgument(path) && !known[strconv.FormatBool(t.Key)+joined(path)] {
				list = append(list, Place{Path: path, Key: t.Key, copied: true, secrets: []string{text}})
			}
		}
	}
	return list
}
