package compose

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Jobs, and the containers that run before a service starts, are containers as those of services are. Each has a name that
// no service can have: jobs/JOB, SERVICE/pre_start/NUMBER.
const (
	jobPrefix = "jobs/"
	hookInfix = "/pre_start/"
)

// JobName is the name of a job's container.
func JobName(job string) string { return jobPrefix + job }

// HookName is the name of the container of a service's pre_start hook.
func HookName(service string, i int) string { return service + hookInfix + strconv.Itoa(i) }

// HookOf returns the service and the number of a pre_start hook; ok is false for the name of another container.
func HookOf(name string) (service string, i int, ok bool) {
	service, number, ok := strings.Cut(name, hookInfix)
	i, err := strconv.Atoi(number)
	return service, i, ok && err == nil
}

// OwnerOf returns the service or job, as docker compose calls it, that the container of that name belongs to, and whether it is a job.
func OwnerOf(name string) (owner string, isJob bool) {
	if job, ok := strings.CutPrefix(name, jobPrefix); ok {
		return job, true
	}
	if service, _, ok := HookOf(name); ok {
		return service, false
	}
	return name, false
}

// IsService reports whether the container of that name is that of a service itself.
func IsService(name string) bool { return !strings.Contains(name, "/") }

// ContainerPath returns the path in a model of what is below a container.
func ContainerPath(name string, below ...string) []string {
	path := []string{"services", name}
	if job, ok := strings.CutPrefix(name, jobPrefix); ok {
		path = []string{"jobs", job}
	} else if service, i, ok := HookOf(name); ok {
		path = []string{"services", service, "pre_start", strconv.Itoa(i)}
	}
	return append(path, below...)
}

// ContainerText is the path of a container in words.
func ContainerText(name string) string { return strings.Join(ContainerPath(name), ".") }

// ContainerAt takes a path in a model apart: the name of a container, and what is below it; "" for a path of something else.
func ContainerAt(path []string) (name string, below []string) {
	switch {
	case len(path) < 2:
		return "", nil
	case path[0] == "jobs":
		return JobName(path[1]), path[2:]
	case path[0] != "services":
		return "", nil
	case len(path) > 3 && path[2] == "pre_start":
		return path[1] + hookInfix + path[3], path[4:]
	}
	return path[1], path[2:]
}

// Container returns the container of that name as a service.
func Container(project *types.Project, name string) (types.ServiceConfig, bool) {
	if job, ok := strings.CutPrefix(name, jobPrefix); ok {
		j, ok := project.Jobs[job]
		return serviceOfJob(job, j), ok
	}
	if service, i, ok := HookOf(name); ok {
		if hooks := project.Services[service].PreStart; i < len(hooks) {
			return serviceOfHook(project.Services[service], i), true
		}
	}
	s, ok := project.Services[name]
	return s, ok
}

// SetContainer puts a container back that [Container] returned.
func SetContainer(project *types.Project, s types.ServiceConfig) {
	if job, ok := strings.CutPrefix(s.Name, jobPrefix); ok {
		if j, ok := project.Jobs[job]; ok {
			j.ContainerSpec, j.WorkloadSpec = s.ContainerSpec, s.WorkloadSpec
			project.Jobs[job] = j
		}
		return
	}
	if service, i, ok := HookOf(s.Name); ok {
		if hooks := project.Services[service].PreStart; i < len(hooks) {
			hooks[i].ContainerSpec = s.ContainerSpec
		}
		return
	}
	project.Services[s.Name] = s
}

// Containers lists the containers of project in order: the services that are on, their pre_start hooks, and jobs.
func Containers(project *types.Project) iter.Seq[types.ServiceConfig] {
	return func(yield func(types.ServiceConfig) bool) {
		for _, name := range slices.Sorted(maps.Keys(project.Services)) {
			s := project.Services[name]
			if !yield(s) {
				return
			}
			for i := range s.PreStart {
				if !yield(serviceOfHook(s, i)) {
					return
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(project.Jobs)) {
			if !yield(serviceOfJob(name, project.Jobs[name])) {
				return
			}
		}
	}
}

// AsServices returns a copy of project in which every job and every pre_start hook is a service, under its name as a
// container, and nothing is said of it in the place where it was; project itself when there is none. [FromServices] undoes it.
func AsServices(project *types.Project) *types.Project {
	hooks := slices.ContainsFunc(slices.Collect(maps.Values(project.Services)), func(s types.ServiceConfig) bool { return len(s.PreStart) > 0 })
	if !hooks && len(project.Jobs)+len(project.DisabledJobs) == 0 {
		return project
	}
	project = project.WithServicesDisabled() // a copy
	containers := slices.Collect(Containers(project))
	for name, j := range project.DisabledJobs {
		if project.DisabledServices == nil {
			project.DisabledServices = types.Services{}
		}
		project.DisabledServices[JobName(name)] = serviceOfJob(name, j)
	}
	for _, s := range containers {
		SetContainer(project, types.ServiceConfig{Name: s.Name, PreStart: s.PreStart})
	}
	for _, s := range containers {
		if service, i, ok := HookOf(s.Name); ok { // the policy of the service is that of its hooks
			if _, own := s.Extensions[Extension]; !own {
				s.Extensions = maps.Clone(s.Extensions)
				if policy, ok := project.Services[service].Extensions[Extension]; ok {
					s.Extensions = types.Extensions{Extension: policy}
				}
			}
			project.Services[service].PreStart[i].Extensions = nil
		}
		if project.Services == nil {
			project.Services = types.Services{}
		}
		project.Services[s.Name] = s
	}
	return project
}

// FromServices changes project in place: the services that [AsServices] made go back to where they were.
func FromServices(project *types.Project) {
	for name, s := range project.Services {
		if IsService(name) {
			continue
		}
		delete(project.Services, name)
		SetContainer(project, s)
	}
}

func serviceOfJob(name string, j types.JobConfig) types.ServiceConfig {
	return types.ServiceConfig{Name: JobName(name), Profiles: j.Profiles, ContainerSpec: j.ContainerSpec, WorkloadSpec: j.WorkloadSpec, Extensions: j.Extensions}
}

func serviceOfHook(s types.ServiceConfig, i int) types.ServiceConfig {
	return types.ServiceConfig{Name: HookName(s.Name, i), ContainerSpec: s.PreStart[i].ContainerSpec, Extensions: s.PreStart[i].Extensions}
}

// enable switches on the services that are named and off, and the profiles of such jobs, as docker compose run does.
func enable(project *types.Project, names []string) (*types.Project, error) {
	if len(names) == 0 {
		return project, nil
	}
	profiles := slices.Clone(project.Profiles)
	for _, name := range names {
		if j, off := project.DisabledJobs[name]; off {
			profiles = append(profiles, j.Profiles...)
		}
	}
	if len(profiles) > len(project.Profiles) {
		var err error
		if project, err = project.WithProfiles(profiles); err != nil {
			return nil, err
		}
	}
	return project.WithServicesEnabled(slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, off := project.DisabledServices[name]
		return !off
	})...)
}
