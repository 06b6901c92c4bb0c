package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	"github.com/google/go-cmp/cmp"
)

// real connects to the engine of this machine. The tests need one.
func real(t *testing.T) *Engine {
	t.Helper()
	e, err := Connect(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// entry is one file of an image; link makes it a symlink.
type entry struct {
	name, content, link string
	mode                int64
}

// importImage makes an image and removes it when the test ends.
func importImage(t *testing.T, e *Engine, entries []entry, changes ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range entries {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), Typeflag: tar.TypeReg}
		switch {
		case f.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		case strings.HasSuffix(f.name, "/"):
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ref := "compose-secure-engine-test:" + strings.ToLower(rand.Text())
	rc, err := e.api.ImageImport(t.Context(), image.ImportSource{Source: &b, SourceName: "-"}, ref, image.ImportOptions{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	t.Cleanup(func() {
		if _, err := e.api.ImageRemove(context.WithoutCancel(t.Context()), ref, image.RemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	if out, err := io.ReadAll(rc); err != nil || bytes.Contains(out, []byte("errorDetail")) {
		t.Fatalf("import: %v %s", err, out)
	}
	return ref
}

func TestConnectFails(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name, host string
		want       []string
	}{
		{"no socket", "unix://" + dir + "/none.sock", []string{dir + "/none.sock", "start it"}},
		{"nobody listens", "tcp://127.0.0.1:1", []string{"127.0.0.1:1", "start it"}},
		{"not a host", "nonsense", []string{"nonsense"}},
		{"ssh", "ssh://user@example.invalid", []string{"example.invalid", "ssh", "stack deploy"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Connect(t.Context(), Options{Host: tt.host})
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q, want one with %q", err, w)
				}
			}
			var remote *RemoteError
			if errors.As(err, &remote) != (tt.name == "ssh") {
				t.Errorf("error %T", err)
			}
		})
	}
}

// TestMain can be a user who may not use the engine's socket.
func TestMain(m *testing.M) {
	if host := os.Getenv("ENGINE_TEST_HOST"); host != "" {
		_, err := Connect(context.Background(), Options{Host: host})
		fmt.Print(err)
		return
	}
	os.Exit(m.Run())
}

func TestImage(t *testing.T) {
	e := real(t)
	ref := importImage(t, e, []entry{{name: "app", content: "x", mode: 0o755}},
		`ENTRYPOINT ["/app","a b"]`, `CMD serve $X`, `ENV A=1 B="2 3"`, `USER 12:34`, `WORKDIR /srv`, `LABEL l=v`,
		`HEALTHCHECK --interval=5s --retries=2 CMD check it`, `ONBUILD RUN x`)
	got, found, err := e.Image(t.Context(), ref)
	if err != nil || !found {
		t.Fatalf("found %v, %v", found, err)
	}
	if !strings.HasPrefix(got.ID, "sha256:") {
		t.Errorf("id %q", got.ID)
	}
	got.ID = ""
	got.Env = slices.DeleteFunc(got.Env, func(s string) bool { return strings.HasPrefix(s, "PATH=") })
	want := ImageConfig{
		OS: "linux", Architecture: runtime.GOARCH, RepoTags: []string{ref},
		Entrypoint: []string{"/app", "a b"}, Cmd: []string{"/bin/sh", "-c", "serve $X"}, Env: []string{"A=1", "B=2 3"},
		User: "12:34", WorkingDir: "/srv", Labels: map[string]string{"l": "v"}, OnBuild: []string{"RUN x"},
		Healthcheck: &Healthcheck{Test: []string{"CMD-SHELL", "check it"}, Interval: 5 * time.Second, Retries: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("image (-want +got):\n%s", diff)
	}
	if _, found, err := e.Image(t.Context(), ref+"-none"); found || err != nil {
		t.Errorf("an unknown image: found %v, %v", found, err)
	}
}

func TestProbe(t *testing.T) {
	e := real(t)
	tests := []struct {
		name    string
		entries []entry
		want    string
	}{
		{"nothing", []entry{{name: "app", content: "x", mode: 0o755}}, ""},
		{"a plain shell", []entry{{name: "bin/sh", content: "x", mode: 0o755}}, "/bin/sh"},
		{"through symlinks", []entry{
			{name: "usr/bin/", mode: 0o755}, {name: "bin", link: "usr/bin"},
			{name: "usr/bin/sh", link: "dash"}, {name: "usr/bin/dash", link: "/opt/real"}, {name: "opt/real", content: "x", mode: 0o755},
		}, "/bin/sh"},
		{"a dangling symlink", []entry{{name: "bin/sh", link: "/bin/none"}}, ""},
		{"a directory", []entry{{name: "bin/sh/", mode: 0o755}}, ""},
		{"not executable", []entry{{name: "bin/sh", content: "x", mode: 0o644}}, ""},
		{"a symlink out of the image", []entry{{name: "bin/sh", link: "../../../../../../../bin/true"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ref := importImage(t, e, tt.entries, "VOLUME /data")
			img, _, err := e.Image(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.Probe(t.Context(), img.ID, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("shell = %q, want %q", got, tt.want)
			}
			left, err := e.api.ContainerList(t.Context(), container.ListOptions{All: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range left {
				if c.ImageID == img.ID {
					t.Errorf("container %s was left behind", c.ID)
				}
			}
		})
	}
	if _, err := e.Probe(t.Context(), "compose-secure.invalid/none", 0, nil); err == nil {
		t.Error("an unknown image was probed")
	}
}

// Files of an image are read through symlinks, up to the limit, and never from this machine.
func TestProbeReads(t *testing.T) {
	e := real(t)
	ref := importImage(t, e, []entry{
		{name: "e.sh", content: "#!/bin/sh\n", mode: 0o755}, {name: "dir/link", link: "../e.sh"}, {name: "large", content: "12345678901", mode: 0o644},
		{name: "out", link: "../../../../../../etc/hostname"},
	})
	img, _, err := e.Image(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	_, err = e.Probe(t.Context(), img.ID, 10, func(read func(string) ([]byte, error)) error {
		for _, path := range []string{"/e.sh", "/dir/link", "/large", "/out", "/dir", "/none", "/none/x"} {
			data, err := read(path)
			if err != nil {
				return err
			}
			got[path] = string(data)
		}
		return nil
	})
	want := map[string]string{"/e.sh": "#!/bin/sh\n", "/dir/link": "#!/bin/sh\n", "/large": "", "/out": "", "/dir": "", "/none": "", "/none/x": ""}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
}

// What a killed Probe left goes with the next one; what another command is at work with stays.
func TestRemoveProbes(t *testing.T) {
	e := real(t)
	ref := importImage(t, e, []entry{{name: "app", content: "x", mode: 0o755}})
	create := func() string {
		t.Helper()
		c, err := e.api.ContainerCreate(t.Context(), &container.Config{Image: ref, Cmd: []string{"x"}, Labels: map[string]string{probeLabel: "1"}}, nil, nil, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.removeContainer(t.Context(), c.ID) })
		return c.ID
	}
	exists := func(id string) bool {
		_, err := e.api.ContainerInspect(t.Context(), id)
		return err == nil
	}
	img, _, err := e.Image(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	old := create()
	if _, err := e.Probe(t.Context(), img.ID, 0, nil); err != nil || !exists(old) {
		t.Errorf("one that may be at work: %v, exists %t", err, exists(old))
	}
	time.Sleep(2100 * time.Millisecond) // the engine gives whole seconds
	now := create()
	if _, err := e.probe(t.Context(), img.ID, 2*time.Second, 0, nil); err != nil || exists(old) || !exists(now) {
		t.Errorf("%v, the old one exists %t, the new one %t", err, exists(old), exists(now))
	}
}

func TestContainers(t *testing.T) {
	e := real(t)
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	ref := importImage(t, e, []entry{{name: "bin/busybox", content: string(busybox), mode: 0o755}})
	project := "test-" + strings.ToLower(rand.Text())
	source := t.TempDir()
	create := func(service string) string {
		c, err := e.api.ContainerCreate(t.Context(),
			&container.Config{Image: ref, Cmd: []string{"/bin/busybox", "sleep", "600"}, Labels: map[string]string{projectLabel: project, serviceLabel: service}},
			&container.HostConfig{
				NetworkMode: "none", Mounts: []mount.Mount{{Type: mount.TypeBind, Source: source, Target: "/run/secrets/x"}},
				RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyUnlessStopped},
			}, nil, nil, project+"-"+service)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.removeContainer(t.Context(), c.ID); err != nil {
				t.Error(err)
			}
		})
		return c.ID
	}
	running, created := create("a"), create("b")
	if err := e.api.ContainerStart(t.Context(), running, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := e.Containers(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b Container) int { return strings.Compare(a.Service, b.Service) })
	img, _, err := e.Image(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	want := []Container{
		{ID: running, Name: project + "-a", Service: "a", Image: ref, ImageID: img.ID, State: "running"},
		{ID: created, Name: project + "-b", Service: "b", Image: ref, ImageID: img.ID, State: "created"},
	}
	for i := range want {
		want[i].Labels = map[string]string{projectLabel: project, serviceLabel: want[i].Service}
		want[i].Mounts = []Mount{{Type: "bind", Source: source, Destination: "/run/secrets/x"}}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
	pid, err := e.PID(t.Context(), running)
	if err != nil || pid == 0 {
		t.Errorf("pid %d, %v", pid, err)
	}
	if pid, err := e.PID(t.Context(), created); err != nil || pid != 0 {
		t.Errorf("pid of a created container %d, %v", pid, err)
	}
	if policy, err := e.RestartPolicy(t.Context(), created); err != nil || policy != "unless-stopped" {
		t.Errorf("restart policy %q, %v", policy, err)
	}
	if policy, err := e.RestartPolicy(t.Context(), project+"-none"); err != nil || policy != "" {
		t.Errorf("restart policy of no container %q, %v", policy, err)
	}
	if none, err := e.Containers(t.Context(), project+"x"); err != nil || len(none) != 0 {
		t.Errorf("another project has %v, %v", none, err)
	}
}

func TestInfo(t *testing.T) {
	e := real(t)
	got, err := e.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("docker", "version", "--format", "{{.Server.Version}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got.ServerVersion != strings.TrimSpace(string(out)) || got.APIVersion < MinAPI || got.OSType != "linux" || got.Host != e.Host() {
		t.Errorf("info %+v, docker says %s", got, out)
	}
}
