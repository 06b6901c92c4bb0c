// Package engine asks the Docker engine what the other packages need to know:
// whether it runs on this machine, how it maps user ids, what an image is made
// of and which containers a project has. It starts nothing, pulls nothing and
// knows nothing about secrets; what it creates (a container that never runs,
// to look into an image) it removes.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"github.com/compose-secure/compose-secure/dockercli"
)

// MinAPI is the oldest API that is supported, that of Docker 20.10.
const MinAPI = "1.41"

// connectTimeout bounds the first answer of the engine.
const connectTimeout = 10 * time.Second

// Options choose the engine the way the flags of the docker command do.
type Options = dockercli.Options

// Engine is a connection to an engine that has answered.
type Engine struct {
	host string
	api  *client.Client

	mu   sync.Mutex
	info *system.Info
}

// RemoteError says that the engine is not on this machine, so it cannot see
// files in this machine's RAM. Reason tells how that was found out.
type RemoteError struct {
	Host   string
	Reason string
}

func (e *RemoteError) Error() string {
	return fmt.Sprintf("the engine at %q does not run on this machine (%s) and cannot see files in its RAM: run compose-secure over there, or deploy to a swarm with compose-secure stack deploy", e.Host, e.Reason)
}

// Connect finds the engine that the docker command would use, connects and
// agrees on an API version. It returns a *RemoteError for an ssh host, which is
// not dialled, and one line that says what to do for an engine that is down,
// closed to the user or too old.
func Connect(ctx context.Context, o Options) (*Engine, error) {
	ep, err := dockercli.Resolve(o)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(ep.Host, "ssh://") {
		return nil, &RemoteError{Host: ep.Host, Reason: "it is reached through ssh"}
	}
	opts := []client.Opt{client.WithAPIVersionNegotiation()}
	if ep.TLS != nil {
		transport := &http.Transport{TLSClientConfig: ep.TLS}
		opts = append(opts, client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}))
	}
	opts = append(opts, client.WithHost(ep.Host), client.WithVersion(ep.Version))
	api, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, fmt.Errorf("engine host %q: %w", ep.Host, err)
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	pong, err := api.Ping(ctx)
	if err != nil {
		return nil, errors.Join(unreachable(ep.Host, err), api.Close())
	}
	api.NegotiateAPIVersionPing(pong)
	if v := api.ClientVersion(); versions.LessThan(v, MinAPI) {
		return nil, errors.Join(fmt.Errorf("the engine at %q speaks API %s, at least %s is needed: upgrade to Docker 20.10 or newer", ep.Host, v, MinAPI), api.Close())
	}
	return &Engine{host: ep.Host, api: api}, nil
}

// Close ends the connection.
func (e *Engine) Close() error { return e.api.Close() }

// Host returns the address of the engine, such as unix:///var/run/docker.sock.
func (e *Engine) Host() string { return e.host }

// unreachable puts what can be done in the place of the client's own text.
func unreachable(host string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the engine at %q may not be used by this user: run as root or join the group docker: %w", host, fs.ErrPermission)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the engine at %q does not answer: check that it runs", host)
	case client.IsErrConnectionFailed(err):
		return fmt.Errorf("the engine at %q cannot be reached: start it (systemctl start docker) or choose another with DOCKER_HOST or a context", host)
	}
	return fmt.Errorf("connect to the engine at %q: %w", host, err)
}

// Info is what the engine says about itself, for doctor and version.
type Info struct {
	ID                                    string // stays the same over restarts
	Host, Name, ServerVersion, APIVersion string
	OperatingSystem, OSType, Architecture string
	KernelVersion, RootDir                string
	Rootless, UserNS, Swarm               bool
	NodeID                                string // of the swarm
	Manager                               bool   // of the swarm

	insecure map[string]bool // registries, HOST[:PORT]
	networks []netip.Prefix  // of registries
}

// IsInsecure reports whether the engine is set to talk to the registry at host, HOST[:PORT], without TLS:
// https://docs.docker.com/reference/cli/dockerd/#insecure-registries. A name is not looked up, so a network counts
// for addresses alone.
func (i Info) IsInsecure(host string) bool {
	if i.insecure[host] {
		return true
	}
	ip, err := netip.ParseAddr((&url.URL{Host: host}).Hostname())
	return err == nil && slices.ContainsFunc(i.networks, func(network netip.Prefix) bool { return network.Contains(ip.Unmap()) })
}

// Info asks the engine about itself; the answer is kept.
func (e *Engine) Info(ctx context.Context) (Info, error) {
	i, err := e.ask(ctx)
	if err != nil {
		return Info{}, err
	}
	insecure := map[string]bool{}
	var networks []netip.Prefix
	if c := i.RegistryConfig; c != nil {
		for host, index := range c.IndexConfigs {
			insecure[host] = index != nil && !index.Secure
		}
		for _, cidr := range c.InsecureRegistryCIDRs {
			if network, err := netip.ParsePrefix(cidr.String()); err == nil {
				networks = append(networks, network)
			}
		}
	}
	return Info{
		insecure: insecure, networks: networks,
		ID:   i.ID,
		Host: e.host, Name: i.Name, ServerVersion: i.ServerVersion, APIVersion: e.api.ClientVersion(),
		OperatingSystem: i.OperatingSystem, OSType: i.OSType, Architecture: i.Architecture,
		KernelVersion: i.KernelVersion, RootDir: i.DockerRootDir,
		Rootless: hasOption(i.SecurityOptions, "rootless"), UserNS: hasOption(i.SecurityOptions, "userns"),
		Swarm: i.Swarm.LocalNodeState == "active", NodeID: i.Swarm.NodeID, Manager: i.Swarm.ControlAvailable,
	}, nil
}

func (e *Engine) ask(ctx context.Context) (*system.Info, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.info == nil {
		info, err := e.api.Info(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask the engine at %q about itself: %w", e.host, err)
		}
		e.info = &info
	}
	return e.info, nil
}

// hasOption looks for name=NAME in the engine's security options, which may
// carry more after a comma.
func hasOption(options []string, name string) bool {
	for _, o := range options {
		if first, _, _ := strings.Cut(o, ","); first == "name="+name {
			return true
		}
	}
	return false
}
