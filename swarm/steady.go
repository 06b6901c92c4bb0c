package swarm

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
)

// awayTime is how long a manager may be gone: it restarts, or the others elect
// a leader.
const awayTime = time.Minute

// steady is an Engine that asks again while the manager is away. An engine that has not
// answered yet is not waited for: it may be the wrong one.
type steady struct {
	Engine
	reached *atomic.Bool
	pause   time.Duration
}

func newSteady(e Engine) *steady {
	return &steady{Engine: e, reached: &atomic.Bool{}, pause: 300 * time.Millisecond}
}

// away reports an error that time may mend.
func away(err error) bool {
	if client.IsErrConnectionFailed(err) || errdefs.IsUnavailable(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		return true
	}
	for _, text := range []string{"not a swarm manager", "does not have a leader", "context deadline exceeded", "swarm is locked", "EOF"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// again calls ask until it answers, fails for good or awayTime is over.
func again[T any](ctx context.Context, s *steady, ask func() (T, error)) (T, error) {
	for deadline := time.Now().Add(awayTime); ; {
		answer, err := ask()
		switch {
		case err == nil:
			s.reached.Store(true)
			return answer, nil
		case !s.reached.Load() || ctx.Err() != nil || !away(err) || time.Now().After(deadline):
			return answer, err
		}
		if sleep(ctx, s.pause) != nil {
			return answer, err
		}
	}
}

// againNothing is again for calls that answer with nothing.
func againNothing(ctx context.Context, s *steady, ask func() error) error {
	_, err := again(ctx, s, func() (struct{}, error) { return struct{}{}, ask() })
	return err
}

func (s *steady) ServiceList(ctx context.Context, o api.ServiceListOptions) ([]api.Service, error) {
	return again(ctx, s, func() ([]api.Service, error) { return s.Engine.ServiceList(ctx, o) })
}

func (s *steady) ServiceInspectWithRaw(ctx context.Context, id string, o api.ServiceInspectOptions) (api.Service, []byte, error) {
	service, err := again(ctx, s, func() (api.Service, error) {
		found, _, err := s.Engine.ServiceInspectWithRaw(ctx, id, o)
		return found, err
	})
	return service, nil, err
}

// ServiceUpdate may be asked twice: the version of the service lets only one through.
func (s *steady) ServiceUpdate(ctx context.Context, id string, v api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	return again(ctx, s, func() (api.ServiceUpdateResponse, error) { return s.Engine.ServiceUpdate(ctx, id, v, spec, o) })
}

func (s *steady) ServiceRemove(ctx context.Context, id string) error {
	return againNothing(ctx, s, func() error { return s.Engine.ServiceRemove(ctx, id) })
}

func (s *steady) TaskList(ctx context.Context, o api.TaskListOptions) ([]api.Task, error) {
	return again(ctx, s, func() ([]api.Task, error) { return s.Engine.TaskList(ctx, o) })
}

func (s *steady) NodeList(ctx context.Context, o api.NodeListOptions) ([]api.Node, error) {
	return again(ctx, s, func() ([]api.Node, error) { return s.Engine.NodeList(ctx, o) })
}

func (s *steady) SecretList(ctx context.Context, o api.SecretListOptions) ([]api.Secret, error) {
	return again(ctx, s, func() ([]api.Secret, error) { return s.Engine.SecretList(ctx, o) })
}

// SecretCreate may be asked twice: the second time the name is taken, for the same value.
func (s *steady) SecretCreate(ctx context.Context, spec api.SecretSpec) (api.SecretCreateResponse, error) {
	return again(ctx, s, func() (api.SecretCreateResponse, error) { return s.Engine.SecretCreate(ctx, spec) })
}

func (s *steady) SecretRemove(ctx context.Context, id string) error {
	return againNothing(ctx, s, func() error { return s.Engine.SecretRemove(ctx, id) })
}

func (s *steady) ConfigList(ctx context.Context, o api.ConfigListOptions) ([]api.Config, error) {
	return again(ctx, s, func() ([]api.Config, error) { return s.Engine.ConfigList(ctx, o) })
}

func (s *steady) ConfigCreate(ctx context.Context, spec api.ConfigSpec) (api.ConfigCreateResponse, error) {
	return again(ctx, s, func() (api.ConfigCreateResponse, error) { return s.Engine.ConfigCreate(ctx, spec) })
}

func (s *steady) ConfigRemove(ctx context.Context, id string) error {
	return againNothing(ctx, s, func() error { return s.Engine.ConfigRemove(ctx, id) })
}

func (s *steady) NetworkList(ctx context.Context, o network.ListOptions) ([]network.Summary, error) {
	return again(ctx, s, func() ([]network.Summary, error) { return s.Engine.NetworkList(ctx, o) })
}
