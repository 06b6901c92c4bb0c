package engine

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/system"
)

// ramDir stands for the RAM store: a directory of the current user's own.
func ramDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "compose-secure-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// proxy makes the engine answer on a tcp port, as a private engine of this
// machine would.
func proxy(t *testing.T, socket string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", socket)
			if err != nil {
				t.Error(err)
				return
			}
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	})
	return "tcp://" + l.Addr().String()
}

func TestLocalRealEngine(t *testing.T) {
	e := real(t)
	dir := ramDir(t)
	left := filepath.Join(dir, markerPrefix+"left")
	hourAgo := time.Now().Add(-time.Hour)
	if err := errors.Join(os.Mkdir(left, 0o700), os.Chtimes(left, hourAgo, hourAgo)); err != nil {
		t.Fatal(err)
	}
	if err := e.Local(t.Context(), dir); err != nil {
		t.Error(err)
	}
	tcp, err := Connect(t.Context(), Options{Host: proxy(t, strings.TrimPrefix(e.Host(), "unix://"))})
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	if err := tcp.Local(t.Context(), dir); err != nil {
		t.Errorf("through tcp: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	if err := e.Local(t.Context(), filepath.Join(dir, "none")); err == nil {
		t.Error("a missing directory was seen")
	}
}

// fake answers like an engine with the given info; create answers what a
// request for a container with the bind source gets.
func fake(t *testing.T, info system.Info, create func(source string) (int, string)) *Engine {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/info"):
			_ = json.NewEncoder(w).Encode(info)
		case strings.HasSuffix(r.URL.Path, "/containers/create"):
			var body struct {
				HostConfig struct{ Mounts []struct{ Source string } }
			}
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			code, message := create(body.HostConfig.Mounts[0].Source)
			w.WriteHeader(code)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
		}
	}))
	t.Cleanup(srv.Close)
	e, err := Connect(t.Context(), Options{Host: "tcp://" + srv.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestLocal(t *testing.T) {
	kernel, memory, err := thisMachine()
	if err != nil {
		t.Fatal(err)
	}
	twin := system.Info{OSType: "linux", KernelVersion: kernel, MemTotal: memory, OperatingSystem: "Debian"}
	change := func(f func(*system.Info)) system.Info {
		i := twin
		f(&i)
		return i
	}
	looks := func(source string) (int, string) {
		if _, err := os.Stat(source); err != nil {
			return http.StatusBadRequest, "invalid mount config for type \"bind\": bind source path does not exist: " + source
		}
		return http.StatusNotFound, "No such image"
	}
	seesNothing := func(source string) (int, string) {
		return http.StatusBadRequest, "bind source path does not exist: " + source
	}
	doesNotLook := func(string) (int, string) { return http.StatusNotFound, "No such image" }
	tests := []struct {
		name   string
		info   system.Info
		create func(string) (int, string)
		reason string // empty: local
	}{
		{"here", twin, looks, ""},
		{"here, memory seen otherwise", change(func(i *system.Info) { i.MemTotal-- }), looks, ""},
		{"a twin of this machine behind a tunnel", twin, seesNothing, "cannot see what"},
		{"an engine that does not look", twin, doesNotLook, ""},
		{"the same elsewhere", change(func(i *system.Info) { i.MemTotal-- }), doesNotLook, "memory"},
		{"another kernel", change(func(i *system.Info) { i.KernelVersion = "1.2.3-linuxkit" }), looks, "1.2.3-linuxkit"},
		{"Docker Desktop", change(func(i *system.Info) { i.OperatingSystem = "Docker Desktop" }), looks, "Docker Desktop"},
		{"Windows containers", change(func(i *system.Info) { i.OSType = "windows" }), looks, "windows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := fake(t, tt.info, tt.create)
			err := e.Local(t.Context(), ramDir(t))
			var remote *RemoteError
			switch {
			case tt.reason == "" && err != nil:
				t.Error(err)
			case tt.reason != "" && (!errors.As(err, &remote) || !strings.Contains(remote.Reason, tt.reason)):
				t.Errorf("error %v, want a RemoteError with %q", err, tt.reason)
			case tt.reason != "" && !strings.Contains(err.Error(), "stack deploy"):
				t.Errorf("error %q does not say what works", err)
			}
		})
	}
	e := fake(t, twin, func(string) (int, string) { return http.StatusForbidden, "denied by policy" })
	var remote *RemoteError
	if err := e.Local(t.Context(), ramDir(t)); err == nil || errors.As(err, &remote) || !strings.Contains(err.Error(), "denied by policy") {
		t.Errorf("a refused question gave %v", err)
	}
}

func TestConnectTooOld(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.40") }))
	defer srv.Close()
	_, err := Connect(t.Context(), Options{Host: "tcp://" + srv.Listener.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "1.40") || !strings.Contains(err.Error(), "20.10") {
		t.Errorf("error %v", err)
	}
}
