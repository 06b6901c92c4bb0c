package engine

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// probeLabel marks the containers that Probe makes, so that RemoveProbes finds
// what a killed process left.
const probeLabel = "io.compose-secure.probe"

// maxUserFile bounds what is read of an image's /etc/passwd.
const maxUserFile = 4 << 20

// Facts are what only a look into the image's files tells.
type Facts struct {
	Shell  string // /bin/sh when the image has one it can run, else empty
	Passwd []byte // /etc/passwd, nil when the image has none
	Group  []byte // /etc/group, nil when the image has none
}

// Probe looks into an image through a container that is made, never started and
// removed. It takes about as long as docker create; callers keep the answer by
// image id.
func (e *Engine) Probe(ctx context.Context, imageID string) (facts Facts, err error) {
	created, err := e.api.ContainerCreate(ctx, &container.Config{
		Image:      imageID,
		Entrypoint: []string{"/never-started"},
		Labels:     map[string]string{probeLabel: "1"},
	}, &container.HostConfig{NetworkMode: "none"}, nil, nil, "")
	if err != nil {
		return Facts{}, fmt.Errorf("look into image %q: %w", imageID, err)
	}
	defer func() { err = errors.Join(err, e.removeContainer(ctx, created.ID)) }()
	_, stat, err := e.follow(ctx, created.ID, "/bin/sh")
	if err != nil {
		return Facts{}, err
	}
	if stat.Mode.IsRegular() && stat.Mode.Perm()&0o111 != 0 {
		facts.Shell = "/bin/sh"
	}
	if facts.Passwd, err = e.readFile(ctx, created.ID, "/etc/passwd"); err != nil {
		return Facts{}, err
	}
	facts.Group, err = e.readFile(ctx, created.ID, "/etc/group")
	return facts, err
}

// RemoveProbes removes the containers of Probe calls that were killed.
func (e *Engine) RemoveProbes(ctx context.Context) error {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", probeLabel))})
	if err != nil {
		return fmt.Errorf("list the containers made to look into images: %w", err)
	}
	var errs []error
	for _, c := range list {
		errs = append(errs, e.removeContainer(ctx, c.ID))
	}
	return errors.Join(errs...)
}

// follow resolves symlinks the way the container would see them. For a path
// that leads nowhere the mode of the stat is fs.ModeIrregular.
func (e *Engine) follow(ctx context.Context, id, path string) (string, container.PathStat, error) {
	none := container.PathStat{Mode: fs.ModeIrregular}
	for range 40 { // as many as the kernel follows
		stat, err := e.api.ContainerStatPath(ctx, id, path)
		if errdefs.IsNotFound(err) {
			return "", none, nil
		}
		if err != nil {
			return "", none, fmt.Errorf("look at %q in the image: %w", path, err)
		}
		if stat.Mode&fs.ModeSymlink == 0 {
			return path, stat, nil
		}
		path = stat.LinkTarget // resolved by the engine to a path from the root
	}
	return "", none, nil
}

// readFile returns a regular file of the container, nil when there is none.
func (e *Engine) readFile(ctx context.Context, id, path string) ([]byte, error) {
	path, stat, err := e.follow(ctx, id, path)
	if err != nil || !stat.Mode.IsRegular() {
		return nil, err
	}
	rc, _, err := e.api.CopyFromContainer(ctx, id, path)
	if err != nil {
		return nil, fmt.Errorf("read %q of the image: %w", path, err)
	}
	defer rc.Close()
	tr := tar.NewReader(rc)
	if _, err := tr.Next(); err != nil {
		return nil, fmt.Errorf("read %q of the image: %w", path, err)
	}
	b, err := io.ReadAll(io.LimitReader(tr, maxUserFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %q of the image: %w", path, err)
	}
	if len(b) > maxUserFile {
		return nil, fmt.Errorf("%q of the image is larger than %d bytes", path, maxUserFile)
	}
	return b, nil
}
