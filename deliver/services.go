package deliver

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/wrap"
)

// needed are the secrets that the named services, and what they depend on, use;
// all of them without names.
func needed(plan *transform.Plan, services map[string]bool) []*transform.Secret {
	var list []*transform.Secret
	for _, s := range plan.Secrets {
		if slices.ContainsFunc(s.Files, func(f transform.StoredFile) bool {
			return slices.ContainsFunc(f.Services, func(name string) bool { return services == nil || services[name] })
		}) {
			list = append(list, s)
		}
	}
	return list
}

// closure returns the containers of services and jobs, with all that they need to run; nil for all.
func closure(project *types.Project, names []string, withDependencies bool) map[string]bool {
	if len(names) == 0 {
		if len(project.Jobs) == 0 {
			return nil
		}
		names = project.ServiceNames() // a job runs when it is named
	}
	found := map[string]bool{}
	for queue := slices.Clone(names); len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if _, ok := project.Jobs[name]; ok {
			name = compose.JobName(name)
		}
		s, ok := compose.Container(project, name)
		if !ok || found[name] {
			continue
		}
		found[name] = true
		for i := range s.PreStart {
			queue = append(queue, compose.HookName(name, i))
		}
		if withDependencies {
			queue = append(queue, dependencies(s)...)
		}
	}
	return found
}

// sharers are services, and those whose volumes they name; nil for all.
func sharers(project *types.Project, services map[string]bool) map[string]bool {
	all := maps.Clone(services)
	for name := range services {
		s, _ := compose.Container(project, name)
		for _, from := range s.VolumesFrom {
			other, _, _ := strings.Cut(from, ":")
			all[other] = true
		}
	}
	return all
}

func dependencies(s types.ServiceConfig) []string {
	names := s.GetDependencies()
	for _, link := range s.Links {
		name, _, _ := strings.Cut(link, ":")
		names = append(names, name)
	}
	for _, from := range s.VolumesFrom {
		name, _, _ := strings.Cut(from, ":")
		names = append(names, name)
	}
	for _, mode := range []string{s.NetworkMode, s.Ipc, s.Pid} {
		if name, ok := strings.CutPrefix(mode, types.ServicePrefix); ok {
			names = append(names, name)
		}
	}
	return names
}

// checkWrapped refuses values that no environment can hold before anything of
// services runs; nil is all.
func checkWrapped(plan *transform.Plan, values map[string]secret.Value, services map[string]bool) error {
	var errs []error
	for _, m := range plan.Moves {
		v, resolved := values[m.Secret]
		if m.Delivery != transform.Wrap || m.Variable == "" || !resolved || services != nil && !services[m.Service] {
			continue
		}
		if err := wrap.Check(m.Variable, v); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", compose.ContainerText(m.Service), err))
		}
	}
	return errors.Join(errs...)
}
