package transform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
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
			if !strings.ContainsAny(name, `*?[\`) && !known[strings.ToLower(name)] {
				b.unknownName([]string{compose.Extension, key, strconv.Itoa(i)}, "%s.%s names %s, but the project has no variable of that name", compose.Extension, key, name)
			}
		}
	}
	slices.Sort(b.plan.Warnings)
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
				b.unknownName([]string{"services", s.Name, compose.Extension, list.key, strconv.Itoa(i)},
					"services.%s: %s.%s names %s, but the service has no variable of that name", s.Name, compose.Extension, list.key, name)
			}
		}
	}
}

func (b *builder) unknownName(path []string, format string, args ...any) {
	b.plan.Warnings = append(b.plan.Warnings, b.at(path)+fmt.Sprintf(format, args...))
}
