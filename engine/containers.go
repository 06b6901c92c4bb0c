package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// The labels that docker compose gives its containers.
const (
	projectLabel = "com.docker.compose.project"
	serviceLabel = "com.docker.compose.service"
	numberLabel  = "com.docker.compose.container-number"
	oneOffLabel  = "com.docker.compose.oneoff"
)

// Container is one container of a project, running or not.
type Container struct {
	ID, Name, Service string
	Image, ImageID    string
	State             string // created, running, paused, restarting, exited, dead, ...
	Labels            map[string]string
	Mounts            []Mount
}

// Number returns the container's number among those of its service, counted from 1, or 0 when it has none.
func (c Container) Number() int {
	n, err := strconv.Atoi(c.Labels[numberLabel])
	if err != nil {
		return 0
	}
	return n
}

// OneOff reports whether docker compose run made the container.
func (c Container) OneOff() bool { return c.Labels[oneOffLabel] == "True" }

// Mount is what a container sees at Destination. Source is a path of the
// engine's machine for a bind mount.
type Mount struct {
	Type, Source, Destination string
}

// Containers lists the containers of a Compose project in every state; an empty
// project lists those of all projects.
func (e *Engine) Containers(ctx context.Context, project string) ([]Container, error) {
	label := projectLabel
	if project != "" {
		label += "=" + project
	}
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label))})
	if err != nil {
		return nil, fmt.Errorf("list the containers of project %q: %w", project, err)
	}
	containers := make([]Container, 0, len(list))
	for _, c := range list {
		out := Container{
			ID: c.ID, Service: c.Labels[serviceLabel], Image: c.Image, ImageID: c.ImageID,
			State: string(c.State), Labels: c.Labels,
		}
		if len(c.Names) > 0 {
			out.Name = strings.TrimPrefix(c.Names[0], "/")
		}
		for _, m := range c.Mounts {
			out.Mounts = append(out.Mounts, Mount{Type: string(m.Type), Source: m.Source, Destination: m.Destination})
		}
		containers = append(containers, out)
	}
	return containers, nil
}

// PID returns the process id of a container's first process as this machine
// sees it, 0 when it does not run.
func (e *Engine) PID(ctx context.Context, id string) (int, error) {
	c, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("look at container %q: %w", id, err)
	}
	if c.State == nil {
		return 0, nil
	}
	return c.State.Pid, nil
}

// RestartPolicy returns a container's restart policy: "", no, always, on-failure or
// unless-stopped. A container that is gone has none.
func (e *Engine) RestartPolicy(ctx context.Context, id string) (string, error) {
	c, err := e.api.ContainerInspect(ctx, id)
	if errdefs.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look at container %q: %w", id, err)
	}
	if c.ContainerJSONBase == nil || c.HostConfig == nil {
		return "", nil
	}
	return string(c.HostConfig.RestartPolicy.Name), nil
}

// removeContainer also works after ctx was cancelled: what was made goes.
func (e *Engine) removeContainer(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
		return fmt.Errorf("remove the container made to look into an image: %w", err)
	}
	return nil
}
