package transform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
)

// policyNames warns of names in the project's policy that nothing has: a typing mistake in a
// security setting must not pass in silence. Globs may match nothing.
func (b *builder) policyNames() {
	known := map[string]bool{}
	for name := range b.source.Environment {
		known[strings.ToLower(name)] = true
	}
	for _, services := range []types.Services{b.source.Services, b.source.DisabledServices} {
		for _, s := range services {
			for name := range s.Environment {
				known[strings.ToLower(name)] = true
			}
			for _, name := range argumentsOf(s) {
				known[strings.ToLower(name)] = true
			}
		}
	}
	for key, names := range map[string][]string{"plain": b.source.Policy.Plain, "secret": b.source.Policy.Secret} {
		for i, name := range names {
			if !strings.ContainsAny(name, `*?[\`) && !known[strings.ToLower(name)] && !b.isFlag(name) {
				b.unknownName([]string{compose.Extension, key, strconv.Itoa(i)}, "%s.%s names %s, but the project has no variable of that name", compose.Extension, key, name)
			}
		}
	}
	for i, glob := range b.source.Policy.Plain {
		b.encryptedNames(glob, i)
	}
	slices.Sort(b.plan.Warnings)
}

// isFlag reports whether an argument of a service may be a flag of that name, or a word as requirepass of Redis.
func (b *builder) isFlag(name string) bool {
	name = strings.ToLower(name)
	found := false
	for _, services := range []types.Services{b.source.Services, b.source.DisabledServices} {
		compose.EachArguments(&types.Project{Services: services}, func(t compose.Text) []string {
			found = found || slices.ContainsFunc(t.Values, func(arg string) bool {
				arg = strings.ToLower(arg)
				return names(arg, name) || strings.Contains(arg, "-"+name)
			})
			return nil
		})
	}
	return found
}

// encryptedNames warns of a glob in plain that takes names whose values are encrypted, or come from a
// provider: those stay secret, since whoever keeps them so meant it.
func (b *builder) encryptedNames(glob string, i int) {
	policy := secret.Policy{Plain: []string{glob}, Secret: b.source.Detect.Secret}
	var names []string
	origin := ""
	for _, in := range b.source.Inputs.All() {
		if in.Ref != nil && in.Name != "" && policy.IsPlain(in.Name) && !slices.Contains(names, in.Name) {
			names = append(names, in.Name)
			if len(names) == 1 || in.Name < slices.Min(names[:len(names)-1]) {
				origin = in.Origin
			}
		}
	}
	if len(names) == 0 {
		return
	}
	more := ""
	if len(names) > 1 {
		more = fmt.Sprintf(" and %d more", len(names)-1)
	}
	b.unknownName([]string{compose.Extension, "plain", strconv.Itoa(i)},
		"%s.plain names %s%s, but %s keeps it as a secret, so it stays one; take it off the list, or leave its value readable in that file", compose.Extension, slices.Min(names), more, origin)
}

func argumentsOf(s types.ServiceConfig) []string {
	if s.Build == nil {
		return nil
	}
	return sortedKeys(s.Build.Args)
}

// serviceNames does the same for the policy of a service.
func (b *builder) serviceNames(s types.ServiceConfig, policy compose.ServicePolicy) {
	for _, list := range []struct {
		key   string
		names []string
	}{{"env", policy.Env}, {"file", policy.File}} {
		for i, name := range list.names {
			if _, ok := s.Environment[name]; !ok {
				b.unknownName(compose.ContainerPath(s.Name, compose.Extension, list.key, strconv.Itoa(i)),
					"%s: %s.%s names %s, but the service has no variable of that name", compose.ContainerText(s.Name), compose.Extension, list.key, name)
			}
		}
	}
}

func (b *builder) unknownName(path []string, format string, args ...any) {
	b.plan.Warnings = append(b.plan.Warnings, b.at(path)+fmt.Sprintf(format, args...))
}
