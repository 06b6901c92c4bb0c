package engine

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// probeLabel marks the containers that Probe makes, so that what a killed process left is found.
const probeLabel = "io.compose-secure.probe"

// probeAge is how old a container of Probe is when nobody can still be at work with it.
const probeAge = 10 * time.Minute

// Probe returns /bin/sh when the image has a shell there that it can run, else "". It looks through a container that
// is made, never started and removed. That takes about as long as docker create; callers keep the answer
// by image id. It also removes the containers of earlier calls that were killed.
//
// Before, look may read files of the image: read returns a regular file, nil when there is none or it
// is larger than limit bytes. Its error is returned.
func (e *Engine) Probe(ctx context.Context, imageID string, limit int, look func(read func(path string) ([]byte, error)) error) (string, error) {
	return e.probe(ctx, imageID, probeAge, limit, look)
}

func (e *Engine) probe(ctx context.Context, imageID string, age time.Duration, limit int, look func(func(string) ([]byte, error)) error) (shell string, err error) {
	created, err := e.api.ContainerCreate(ctx, &container.Config{
		Image:      imageID,
		Entrypoint: []string{"/never-started"},
		Labels:     map[string]string{probeLabel: "1"},
	}, &container.HostConfig{NetworkMode: "none"}, nil, nil, "")
	if err != nil {
		return "", fmt.Errorf("look into image %q: %w", imageID, err)
	}
	defer func() { err = errors.Join(err, e.removeContainer(ctx, created.ID)) }()
	_, mode, err := e.follow(ctx, created.ID, "/bin/sh")
	if err != nil {
		return "", err
	}
	if look != nil {
		read := func(path string) ([]byte, error) { return e.readFile(ctx, created.ID, path, limit) }
		if err := look(read); err != nil {
			return "", err
		}
	}
	if mode.IsRegular() && mode.Perm()&0o111 != 0 {
		shell = "/bin/sh"
	}
	return shell, e.removeProbes(ctx, created.ID, age)
}

// removeProbes removes the containers of Probe that were made age or longer before the one named now. The clock is
// the engine's, which may be another machine's.
func (e *Engine) removeProbes(ctx context.Context, now string, age time.Duration) error {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", probeLabel))})
	if err != nil {
		return fmt.Errorf("list the containers made to look into images: %w", err)
	}
	var created int64
	for _, c := range list {
		if c.ID == now {
			created = c.Created
		}
	}
	var errs []error
	for _, c := range list {
		if c.ID == now || time.Duration(created-c.Created)*time.Second < age {
			continue
		}
		if err := e.removeContainer(ctx, c.ID); !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) { // another command removes it
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// readFile returns a regular file of a container, nil when there is none or it is larger than limit bytes.
func (e *Engine) readFile(ctx context.Context, id, path string, limit int) ([]byte, error) {
	path, mode, err := e.follow(ctx, id, path)
	if err != nil || !mode.IsRegular() {
		return nil, err
	}
	rc, stat, err := e.api.CopyFromContainer(ctx, id, path)
	if err != nil {
		return nil, fmt.Errorf("read %q of the image: %w", path, err)
	}
	defer rc.Close()
	if stat.Size > int64(limit) {
		return nil, nil
	}
	tr := tar.NewReader(rc)
	if _, err = tr.Next(); err != nil {
		return nil, fmt.Errorf("read %q of the image: %w", path, err)
	}
	data, err := io.ReadAll(io.LimitReader(tr, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("read %q of the image: %w", path, err)
	}
	if len(data) > limit {
		return nil, nil
	}
	return data, nil
}

// follow resolves symlinks the way the container would see them and returns the path and the mode of the file. For a
// path that leads nowhere the mode is fs.ModeIrregular.
func (e *Engine) follow(ctx context.Context, id, path string) (string, fs.FileMode, error) {
	for range 40 { // as many as the kernel follows
		stat, err := e.api.ContainerStatPath(ctx, id, path)
		if errdefs.IsNotFound(err) {
			return "", fs.ModeIrregular, nil
		}
		if err != nil {
			return "", 0, fmt.Errorf("look at %q in the image: %w", path, err)
		}
		if stat.Mode&fs.ModeSymlink == 0 {
			return path, stat.Mode, nil
		}
		path = stat.LinkTarget // resolved by the engine to a path from the root
	}
	return "", fs.ModeIrregular, nil
}
