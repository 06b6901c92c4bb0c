package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/containerd/errdefs"
)

// ImageConfig is what an image says about the containers made from it. A nil
// list means that the image does not set it.
type ImageConfig struct {
	ID           string
	OS           string
	Architecture string // as Go names it: amd64, arm64, ...
	Entrypoint   []string
	Cmd          []string
	Env          []string // NAME=VALUE
	User         string
	WorkingDir   string
	Shell        []string // SHELL, nil means /bin/sh -c
	OnBuild      []string
	Volumes      []string // targets of VOLUME, sorted
	Labels       map[string]string
	RepoTags     []string
	Healthcheck  *Healthcheck
}

// Healthcheck is the image's HEALTHCHECK; Test has the form of the Compose
// file: NONE, CMD or CMD-SHELL in front.
type Healthcheck struct {
	Test                                          []string
	Interval, Timeout, StartPeriod, StartInterval time.Duration
	Retries                                       int
}

// Image returns the configuration of a local image, given by name or id; found
// is false when the engine does not have it, or can have none of that name. Nothing is pulled.
func (e *Engine) Image(ctx context.Context, ref string) (config ImageConfig, found bool, err error) {
	img, err := e.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err) {
		return ImageConfig{}, false, nil
	}
	if err != nil {
		return ImageConfig{}, false, fmt.Errorf("look at image %q: %w", ref, err)
	}
	config = ImageConfig{ID: img.ID, OS: img.Os, Architecture: img.Architecture, RepoTags: img.RepoTags}
	c := img.Config
	if c == nil {
		return config, true, nil
	}
	config.Entrypoint, config.Cmd, config.Env = c.Entrypoint, c.Cmd, c.Env
	config.User, config.WorkingDir, config.Labels = c.User, c.WorkingDir, c.Labels
	config.Shell, config.OnBuild = c.Shell, c.OnBuild
	config.Volumes = slices.Sorted(maps.Keys(c.Volumes))
	if h := c.Healthcheck; h != nil {
		config.Healthcheck = &Healthcheck{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout,
			StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
		}
	}
	return config, true, nil
}
