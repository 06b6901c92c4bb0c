package deliver

import (
	"context"
	"errors"
	"os"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/tmpfs"
)

// Up delivers a project for a call of docker compose that makes containers or builds images. Its errors are those
// of [Session.Deliver].
func (e *Env) Up(ctx context.Context, call dockercli.Call, o compose.Options) error {
	runner, err := dockercli.FindCompose(ctx, e.Getenv)
	if err != nil {
		return err
	}
	connecting := e.connectAhead(ctx)
	defer connecting.close()
	p, err := e.Load(ctx, ForValues, o)
	if err != nil {
		return err
	}
	if err := p.CheckProviders(); err != nil {
		return err
	}
	call.KeepServices(func(name string) bool {
		_, service := p.Services[name]
		_, job := p.Jobs[name]
		return service || job
	})
	if err := p.override(&call); err != nil {
		return err
	}
	store, err := e.OpenStore()
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // a directory handle
	eng, err := connecting.local(ctx, store)
	if err != nil {
		return err
	}
	files, err := store.Project(p.Name)
	if err != nil {
		return err
	}
	s, err := Open(p, call, Parts{eng, ramStore{files, store}, runner, e.Records()})
	if err != nil {
		return err
	}
	return s.Deliver(ctx)
}

// ramStore is the files of one project with what holds for all of the store.
type ramStore struct {
	*tmpfs.Project
	store *tmpfs.Store
}

var _ Store = ramStore{}

// UseEngine implements Store.
func (s ramStore) UseEngine(pid int) { s.store.UseEngine(pid) }

// LingerWarning implements Store.
func (s ramStore) LingerWarning() string { return s.store.LingerWarning() }

// Clean removes the files of a project that no container mounts, once a command of docker compose has removed
// containers. It returns the containers that keep a file, by name.
func (e *Env) Clean(ctx context.Context, name string) (holders []string, err error) {
	ctx = context.WithoutCancel(ctx)
	store, err := e.OpenStore()
	if err != nil {
		return nil, nil //nolint:nilerr // no store, nothing to clean; "up" reports what is wrong with it
	}
	defer func() { _ = store.Close() }() // a directory handle
	files, err := store.Project(name)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(files.Dir()); err != nil {
		return nil, e.Records().Remove(name) // nothing of this project is stored
	}
	s := &Session{store: ramStore{files, store}, records: e.Records()}
	if s.unlock, err = files.Lock(); err != nil {
		var locked *tmpfs.LockedError
		if errors.As(err, &locked) {
			return nil, nil // another process works on it, which is that one's to clean
		}
		return nil, err
	}
	defer s.release()
	eng, err := e.Connect(ctx)
	if err != nil {
		return nil, &CleanupError{name, err}
	}
	defer func() { _ = eng.Close() }() // a connection
	s.engine = eng
	return s.Close(ctx)
}

// connecting is a connection to the engine that is made while the project
// loads: each takes about as long as the other.
type connecting struct {
	done chan struct{}
	eng  *engine.Engine
	dir  string // that the engine is known to see, or ""
	err  error
}

func (e *Env) connectAhead(ctx context.Context) *connecting {
	c := &connecting{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		if c.eng, c.err = e.Connect(ctx); c.err != nil {
			return
		}
		dir := tmpfs.Dir(e.StoreOptions())
		if _, err := os.Stat(dir); err != nil {
			return // the store is not there yet: local asks
		}
		if c.err = c.eng.Local(ctx, dir); c.err == nil {
			c.dir = dir
		}
	}()
	return c
}

// local returns the engine once it is sure that it can mount the store's files.
func (c *connecting) local(ctx context.Context, store *tmpfs.Store) (*engine.Engine, error) {
	<-c.done
	if c.err != nil || c.dir == store.Dir() {
		return c.eng, c.err
	}
	return c.eng, c.eng.Local(ctx, store.Dir())
}

func (c *connecting) close() {
	<-c.done
	if c.eng != nil {
		_ = c.eng.Close() // a connection
	}
}
