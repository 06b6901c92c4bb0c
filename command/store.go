package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/tmpfs"
	"github.com/compose-secure/compose-secure/transform"
)

// openStore opens the RAM store and says once what weakens it.
func (s *session) openStore() (*tmpfs.Store, error) {
	store, err := tmpfs.Open(s.storeOptions())
	if err != nil {
		return nil, err
	}
	for _, w := range store.Warnings() {
		s.log.warn(w)
	}
	return store, nil
}

func (s *session) storeOptions() tmpfs.Options { return tmpfs.Options{Getenv: s.Getenv} }

// hostOwner is the owner on this machine that a container sees as the one
// asked for. A file that all may read needs none.
func hostOwner(ids engine.IDMap, f transform.StoredFile) (uid, gid int, err error) {
	if f.UID == 0 && f.GID == 0 && f.Mode&0o004 != 0 {
		return -1, -1, nil
	}
	uid, okUID := ids.HostUID(f.UID)
	gid, okGID := ids.HostGID(f.GID)
	if !okUID || !okGID {
		return 0, 0, fmt.Errorf("the engine maps no user %d:%d of a container; choose a uid and gid within its range", f.UID, f.GID)
	}
	return uid, gid, nil
}

func modeOf(f transform.StoredFile) fs.FileMode { return fs.FileMode(f.Mode) }

// runsWithAnother reports whether a running container that mounts the file
// holds another value than v. It matters after the file vanished from the store
// while the container kept it. What cannot be looked at counts as another.
func (p *prepared) runsWithAnother(ctx context.Context, f transform.StoredFile, v secret.Value, containers []engine.Container) bool {
	for _, c := range containers {
		if c.State != "running" {
			continue
		}
		for _, m := range c.Mounts {
			if m.Source != p.project.Path(f.Name) {
				continue
			}
			pid, err := p.engine.PID(ctx, c.ID)
			if err != nil {
				return true
			}
			if pid == 0 { // it has just ended
				continue
			}
			held, err := readInRoot(fmt.Sprintf("/proc/%d/root", pid), m.Destination)
			if err != nil || !secret.NewValue(held).Equal(v) {
				return true
			}
		}
	}
	return false
}

// collect removes every file of the project that no container mounts and returns those
// that stay. It needs the lock, and leaves the files alone while an attached run
// may still need them.
func (p *prepared) collect(ctx context.Context) (stay []string, err error) {
	release, free, err := p.project.TryExclusiveUse()
	if err != nil {
		return nil, err
	}
	if !free {
		return p.project.List()
	}
	defer release()
	if err := p.sameEngine(ctx); err != nil {
		return nil, err
	}
	containers, err := p.engine.Containers(ctx, p.project.Name())
	if err != nil {
		return nil, err
	}
	if err := p.project.RemoveModels(); err != nil {
		return nil, err
	}
	if len(containers) == 0 {
		return nil, p.project.RemoveAll()
	}
	used := map[string]bool{}
	for _, c := range containers {
		holds := false
		for _, m := range c.Mounts {
			if name, ok := strings.CutPrefix(m.Source, p.project.Dir()+"/"); ok {
				used[name], holds = true, true
			}
		}
		if holds {
			p.holders = append(p.holders, c.Name)
		}
	}
	files, err := p.project.List()
	if err != nil {
		return nil, err
	}
	stay = slices.Clone(files)
	stay = slices.DeleteFunc(stay, func(name string) bool { return !used[name] })
	return stay, p.project.Remove(slices.DeleteFunc(files, func(name string) bool { return used[name] })...)
}

// sameEngine makes sure that the engine which is asked for the containers is the one
// that has them: another has none, and every file would look unused.
func (p *prepared) sameEngine(ctx context.Context) error {
	known, err := p.readState()
	if err != nil {
		return err
	}
	info, err := p.engine.Info(ctx)
	if err != nil {
		return err
	}
	if known.Engine != "" && known.Engine != info.ID {
		return fmt.Errorf("the secrets of project %s belong to containers of another engine and stay; choose that one with DOCKER_HOST or a context, then run compose-secure down", p.project.Name())
	}
	return nil
}

// clean collects once a command of docker compose is done, and writes down how
// to put the files that stay back after a reboot. l is nil when the command made nothing new. A project
// that another process works on is that one's to clean. eng is connected to when it is nil.
// The containers that keep a file are returned by name.
func (s *session) clean(ctx context.Context, name string, l *loaded, eng *engine.Engine) (holders []string, err error) {
	ctx = context.WithoutCancel(ctx)
	store, err := s.openStore()
	if err != nil {
		return nil, nil //nolint:nilerr // no store, nothing to clean; "up" reports what is wrong with it
	}
	defer func() { _ = store.Close() }() // a directory handle
	p := &prepared{store: store, engine: eng}
	if p.project, err = store.Project(name); err != nil {
		return nil, err
	}
	if _, err := os.Stat(p.project.Dir()); err != nil {
		return nil, s.records().Remove(name) // nothing of this project is stored
	}
	if p.unlock, err = p.project.Lock(); err != nil {
		var locked *tmpfs.LockedError
		if errors.As(err, &locked) {
			return nil, nil
		}
		return nil, err
	}
	defer p.unlock()
	if p.engine == nil {
		if p.engine, err = s.connect(ctx); err != nil {
			return nil, err
		}
		defer func() { _ = p.engine.Close() }() // a connection
	}
	stay, err := p.collect(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(stay) == 0:
		return nil, s.records().Remove(name)
	case l != nil:
		return p.holders, s.record(l, p.project, stay)
	}
	return p.holders, nil
}

func (s *session) connect(ctx context.Context) (*engine.Engine, error) {
	return engine.Connect(ctx, engine.Options{Getenv: s.Getenv})
}
