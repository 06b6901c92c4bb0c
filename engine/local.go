package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
)

// markerPrefix starts the names of the directories that the engine is asked to
// look for.
const markerPrefix = ".engine-"

// Local returns nil when the engine can mount files of this machine's dir, and
// a *RemoteError when it cannot: behind ssh, in a VM, on another host. How the
// engine is addressed does not matter; a private one on a tcp port of this
// machine is local, a tunnel on the same port is not.
//
// The proof is a directory with a random name in dir that the engine is asked
// to look for. dir is usually the RAM store. Engines that do not look are judged
// by kernel and memory.
func (e *Engine) Local(ctx context.Context, dir string) error {
	info, err := e.ask(ctx)
	if err != nil {
		return err
	}
	kernel, memory, err := thisMachine()
	if err != nil {
		return err
	}
	switch {
	case info.OSType != "linux":
		return e.remote("it runs %s containers", info.OSType)
	case info.OperatingSystem == "Docker Desktop":
		return e.remote("Docker Desktop runs it in a virtual machine")
	case info.KernelVersion != kernel:
		return e.remote("its kernel is %q, the one here is %q", info.KernelVersion, kernel)
	}
	sees, known, err := e.sees(ctx, dir)
	switch {
	case err != nil:
		return err
	case known && !sees:
		return e.remote("it cannot see what is made in %q", dir)
	case !known && info.MemTotal != memory:
		return e.remote("its memory is not the size of the memory here")
	}
	return nil
}

func (e *Engine) remote(format string, args ...any) error {
	return &RemoteError{Host: e.host, Reason: fmt.Sprintf(format, args...)}
}

// sees asks whether the engine sees dir, without leaving a trace: it looks for
// the source of a bind mount before it looks for the image, and there is no
// image of that name. A name that does not exist shows whether it looks at all.
func (e *Engine) sees(ctx context.Context, dir string) (sees, known bool, err error) {
	if err := removeMarkers(dir); err != nil {
		return false, false, err
	}
	marker, err := os.MkdirTemp(dir, markerPrefix)
	switch {
	case errors.Is(err, syscall.EROFS):
		return false, false, fmt.Errorf("%q: the RAM disk is read-only: make it writable with mount -o remount,rw", dir)
	case errors.Is(err, syscall.ENOSPC):
		return false, false, fmt.Errorf("%q: the RAM disk is full: remove projects that are not needed or enlarge it with mount -o remount,size=", dir)
	case err != nil:
		return false, false, fmt.Errorf("make a marker for the engine: %w", err)
	}
	defer os.Remove(marker)
	if found, err := e.looksFor(ctx, filepath.Join(dir, markerPrefix+rand.Text())); err != nil || found {
		return false, false, err
	}
	sees, err = e.looksFor(ctx, marker)
	return sees, err == nil, err
}

// removeMarkers removes what a killed process left; a marker is needed for
// far less than a minute.
func removeMarkers(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for markers of the engine: %w", err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), markerPrefix) {
			continue
		}
		if fi, err := entry.Info(); err == nil && time.Since(fi.ModTime()) > time.Minute {
			_ = os.Remove(filepath.Join(dir, entry.Name())) // the next one tries again
		}
	}
	return nil
}

func (e *Engine) looksFor(ctx context.Context, path string) (bool, error) {
	created, err := e.api.ContainerCreate(ctx,
		&container.Config{Image: "compose-secure.invalid/" + strings.ToLower(rand.Text())},
		&container.HostConfig{Mounts: []mount.Mount{{Type: mount.TypeBind, Source: path, Target: "/marker", ReadOnly: true}}},
		nil, nil, "")
	switch {
	case err == nil:
		return true, e.removeContainer(ctx, created.ID)
	case errdefs.IsNotFound(err):
		return true, nil
	case errdefs.IsInvalidArgument(err) || strings.Contains(err.Error(), "bind source path"):
		return false, nil
	}
	return false, fmt.Errorf("ask the engine at %q for %q: %w", e.host, path, err)
}
