package deliver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/sync/errgroup"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/entrypoint"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/transform"
)

// imageOf is the name under which docker compose runs a service's image.
func imageOf(project *types.Project, service string) string {
	s, _ := compose.Container(project, service)
	owner, _ := compose.OwnerOf(service)
	return cmp.Or(s.Image, project.Name+"-"+owner)
}

// getImage is the command that brings a service's image here.
func getImage(project *types.Project, service string) string {
	owner, isJob := compose.OwnerOf(service)
	s, _ := compose.Container(project, service)
	switch {
	case isJob && s.Image != "":
		return "docker pull " + s.Image
	case s.Build != nil || s.Image == "":
		return "compose-secure build " + owner
	}
	return "compose-secure pull " + owner
}

// imageFacts looks at the images of services; those that are not local are
// left out.
func imageFacts(ctx context.Context, eng Engine, project *types.Project, services []string, cache *cache) (map[string]transform.Image, error) {
	byImage := map[string][]string{}
	for _, name := range services {
		byImage[imageOf(project, name)] = append(byImage[imageOf(project, name)], name)
	}
	var (
		mu    sync.Mutex
		facts = map[string]transform.Image{}
		errs  []error
		group errgroup.Group
	)
	group.SetLimit(8)
	for ref, users := range byImage {
		group.Go(func() error {
			image, found, err := lookAt(ctx, eng, ref, cache)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", compose.ContainerText(users[0]), err))
			} else if found {
				for _, name := range users {
					facts[name] = image
				}
			}
			return nil // errs has all of them
		})
	}
	_ = group.Wait() // see above
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return facts, errors.Join(errs...)
}

// LookAt looks at an image; here reports whether the engine has it.
func (e *Env) LookAt(ctx context.Context, eng Engine, image string) (facts transform.Image, here bool, err error) {
	cache := e.openCache(factsFile)
	defer cache.save()
	return lookAt(ctx, eng, image, cache)
}

func lookAt(ctx context.Context, eng Engine, ref string, cache *cache) (transform.Image, bool, error) {
	config, found, err := eng.Image(ctx, ref)
	if err != nil || !found {
		return transform.Image{}, false, err
	}
	image := transform.Image{
		Entrypoint: config.Entrypoint, Cmd: config.Cmd, Env: names(config.Env), HealthShell: config.Shell, Arch: config.Architecture,
		Volumes: config.Volumes,
	}
	if config.Healthcheck != nil {
		image.Healthcheck = config.Healthcheck.Test
	}
	image.Shell, image.Reads, err = lookInto(ctx, eng, config, cache)
	return image, err == nil, err
}

// lookInto looks into the files of an image: whether it has a shell, and what its entrypoint reads from
// files, as a row of the catalogue.
func lookInto(ctx context.Context, eng Engine, config engine.ImageConfig, cache *cache) (shell, reads string, err error) {
	if fact, known := cache.get(config.ID); known {
		shell, reads, _ = strings.Cut(fact, "\n")
		return shell, reads, nil
	}
	shell, err = eng.Probe(ctx, config.ID, entrypoint.MaxScript, func(read func(string) ([]byte, error)) error {
		found, err := entrypoint.Find(entrypoint.Image{
			Entrypoint: config.Entrypoint, Path: variable(config.Env, "PATH"), WorkingDir: config.WorkingDir, Read: read,
		})
		if err != nil || found == nil {
			return err
		}
		row, err := secret.ScriptRow("image", found.Form, found.Variables, found.Commands, found.Script)
		if err == nil {
			reads = row.Row()
		}
		return nil //nolint:nilerr // names that no row can hold are not sure
	})
	if err == nil {
		cache.add(config.ID, shell+"\n"+reads)
	}
	return shell, reads, err
}

// variable is the value of one of NAME=value, or "".
func variable(env []string, name string) string {
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// names drops the values of NAME=VALUE: facts are written down, and an image may have a secret baked in.
func names(env []string) []string {
	list := make([]string, len(env))
	for i, kv := range env {
		list[i], _, _ = strings.Cut(kv, "=")
	}
	return list
}

// withImages returns the arguments that make docker compose pull or build the images of containers, and project with a
// service in the place of each job among them: docker compose knows these commands for services only.
func withImages(project *types.Project, containers []string) (*types.Project, []string) {
	var args []string
	for _, name := range containers {
		owner, isJob := compose.OwnerOf(name)
		if !slices.Contains(args, owner) {
			args = append(args, owner)
		}
		if s, ok := compose.Container(project, name); ok && isJob {
			project = project.WithServicesDisabled() // a copy
			delete(project.Jobs, owner)
			if project.Services == nil {
				project.Services = types.Services{}
			}
			s.Name, s.DependsOn = owner, nil
			project.Services[owner] = s
		}
	}
	return project, args
}

// stale are the services whose image docker compose would pull or build before
// it runs them: only then can it be looked at.
func stale(project *types.Project, services []string, facts map[string]transform.Image, call dockercli.Call) (pull, build []string) {
	for _, name := range services {
		s, _ := compose.Container(project, name)
		if _, _, hook := compose.HookOf(name); hook && s.Image == "" {
			continue // it is that of its service
		}
		_, local := facts[name]
		switch {
		case s.Build != nil && (!local || call.Build || s.PullPolicy == types.PullPolicyBuild):
			build = append(build, name)
		case s.Build == nil && (!local || call.Pull == "always" || s.PullPolicy == types.PullPolicyAlways) &&
			s.PullPolicy != types.PullPolicyNever && call.Pull != "never":
			pull = append(pull, name)
		}
	}
	slices.Sort(pull)
	slices.Sort(build)
	return pull, build
}
