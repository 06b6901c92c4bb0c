package transform

import (
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
)

// argument is an argument that holds a literal secret.
type argument struct {
	path []string // of the first one of that text
	name string   // of the flag, when the secret is the whole argument
}

// TakesArgument reports whether the argument at path, of the project that was planned, holds a literal that leaves the model.
func (p *Plan) TakesArgument(path []string) bool { return p.arguments[strings.Join(path, "\x00")] }

// literals puts placeholders in the places of literal secrets in arguments, so that these move as variables do.
func (b *builder) literals() {
	if b.InArguments == nil {
		return
	}
	compose.EachArguments(b.plan.Project, func(t compose.Text) []string {
		found := b.copies(t.Values, b.InArguments(b.plan.Project.Services[t.Path[1]].Image, t.Values))
		if len(found) == 0 {
			return nil
		}
		changed := slices.Clone(t.Values)
		for _, a := range slices.Backward(found) {
			arg := changed[a.Index]
			token := b.source.Inputs.Placeholder(secret.Input{Literal: true, Known: secret.NewValue([]byte(arg[a.Start:a.End]))})
			changed[a.Index] = arg[:a.Start] + token + arg[a.End:]
		}
		for _, a := range found {
			key := [2]string{t.Path[1], changed[a.Index]}
			literal := argument{path: compose.ContainerPath(t.Path[1], append(slices.Clone(t.Path[2:]), strconv.Itoa(a.Index))...)}
			b.plan.arguments[strings.Join(literal.path, "\x00")] = true
			if _, known := b.arguments[key]; known {
				continue
			}
			if a.Start == 0 && a.End == len(t.Values[a.Index]) {
				literal.name = b.flagName(a.Name)
			}
			b.arguments[key] = literal
		}
		return changed
	})
}

// copies adds to found the arguments that equal a secret of the plan, and that no flag tells.
func (b *builder) copies(argv []string, found []secret.Argument) []secret.Argument {
	for i, arg := range argv {
		if !secret.IsDistinct(arg) || slices.ContainsFunc(found, func(a secret.Argument) bool { return a.Index == i }) {
			continue
		}
		if slices.ContainsFunc(b.plan.Secrets, func(s *Secret) bool {
			known, ok := knownValue(s.Parts)
			return ok && string(known.Reveal()) == arg
		}) {
			found = append(found, secret.Argument{Index: i, Span: secret.Span{End: len(arg)}})
		}
	}
	return found
}

// flagName is the name of a literal behind a flag, "" when there is none.
func (b *builder) flagName(flag string) string {
	name := strings.TrimLeft(flag, "-")
	if name == "" || b.source.Detect.Classify(name, "").Secret {
		return name
	}
	return "password" // -a of redis-cli
}

// equal returns the secret that the service, or that of a hook, has with that value, or makes that of a variable of the project's files
// which a service takes; nil when there is none. What providers hold is not known.
func (w *wrapper) equal(value secret.Value) *Secret {
	for _, sec := range w.plan.Secrets {
		mounted := slices.ContainsFunc(sec.Files, func(f StoredFile) bool {
			return f.Mode == 0o444 && (slices.Contains(f.Services, w.service.Name) || slices.Contains(f.Services, w.hookOf)) // which every user can read
		})
		if known, ok := knownValue(sec.Parts); mounted && ok && known.Equal(value) {
			return sec
		}
	}
	for _, in := range w.source.Inputs.All() {
		if in.Ref != nil || in.Literal || compose.FromProcess(&in) || !in.Known.Equal(value) {
			continue
		}
		parts := []secret.Part{{Input: &in}}
		id := identity(parts)
		if w.ofProject(&in, id) && w.takesInput(w.source.Inputs.Placeholder(in)) {
			return w.secret(w.service.Name, in.Name, parts, compose.ContainerPath(w.service.Name))
		}
	}
	return nil
}

// takesInput reports whether a variable of any service, one that is off too, takes an input: the name of a secret must
// not follow from which services are on.
func (b *builder) takesInput(token string) bool {
	for _, services := range []types.Services{b.source.Services, b.source.DisabledServices} {
		for _, s := range services {
			for _, value := range s.Environment {
				if value != nil && strings.Contains(*value, token) {
					return true
				}
			}
		}
	}
	return false
}

// knownValue is the value of parts when none of them has to be resolved.
func knownValue(parts []secret.Part) (secret.Value, bool) {
	var b []byte
	for _, p := range parts {
		switch {
		case p.Input == nil:
			b = append(b, p.Literal.Reveal()...)
		case p.Input.Ref != nil:
			return secret.Value{}, false
		default:
			b = append(b, p.Input.Known.Reveal()...)
		}
	}
	return secret.NewValue(b), true
}
