package command

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/transform"
)

// warnings are what a person should know of a plan: what may be meant otherwise, and
// which secrets stay in the open.
func warnings(l *loaded, plan *transform.Plan) []string {
	slices.Sort(l.Warnings)
	return slices.Concat(l.Warnings, visible(l), plan.Warnings)
}

func (s *session) warn(list []string) {
	for _, text := range list {
		s.log.warn(text)
	}
}

// visible lists the literal secrets in the command lines of a project, one line each, with position:
// nothing moves them, so that docker inspect and the printed model show them.
func visible(l *loaded) []string {
	var found []string
	look := func(args []string, script bool, path ...string) {
		shown := make([]string, len(args))
		for i, arg := range args {
			shown[i] = l.Inputs.Redact(arg)
		}
		i, ok := lint.InCommand(l.Detect, shown, !script)
		if !ok {
			return
		}
		at := ""
		if position := l.Sources().Find(append(path, strconv.Itoa(i))...); position.File != "" {
			at = position.String() + ": "
		}
		found = append(found, fmt.Sprintf("%s%s holds a secret that stays visible; see compose-secure lint", at, strings.Join(path, ".")))
	}
	for _, name := range slices.Sorted(maps.Keys(l.Services)) {
		s := l.Services[name]
		look(s.Entrypoint, false, "services", name, "entrypoint")
		look(s.Command, false, "services", name, "command")
		if s.HealthCheck != nil && len(s.HealthCheck.Test) > 1 {
			look(s.HealthCheck.Test[1:], s.HealthCheck.Test[0] == "CMD-SHELL", "services", name, "healthcheck", "test")
		}
		hooks := func(section string, list []types.ServiceHook) {
			for i, hook := range list {
				look(hook.Command, false, "services", name, section, strconv.Itoa(i), "command")
			}
		}
		hooks("post_start", s.PostStart)
		hooks("pre_stop", s.PreStop)
	}
	return found
}
