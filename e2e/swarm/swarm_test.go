//go:build e2e

// Package swarm runs the built bin/compose-secure on real swarms: one manager
// in a private engine, and three in network namespaces that are wired
// together. `make e2e` builds what it runs; it needs root.
package swarm

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	serverImage = "compose-secure-test/swarm-server"
	engineName  = "e2e-swarm"
)

// TestMain starts the manager that most tests share, and ends it. Tests wait
// for the swarm most of the time, so more run at once than there are processors.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", "4") // slower without it, no more
	}
	code, err := withManager(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withManager(run func() int) (int, error) {
	dir, err := os.MkdirTemp("", "compose-secure-swarm-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	server := filepath.Join(dir, "server")
	build := exec.Command("go", "build", "-trimpath", "-o", server, "./testdata/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the server: %w: %s", err, out)
	}
	if err := os.Setenv("COMPOSE_SECURE_TEST_SERVER", server); err != nil {
		return 1, err
	}
	if _, err := engineScript("stop", engineName); err != nil { // of a killed run
		return 1, err
	}
	socket, err := engineScript("private", engineName)
	if err != nil {
		return 1, err
	}
	defer func() { _, _ = engineScript("stop", engineName) }()
	initialize := exec.Command("docker", "--host", "unix://"+socket, "swarm", "init", "--advertise-addr", "127.0.0.1")
	if out, err := initialize.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("docker swarm init: %w: %s", err, out)
	}
	image, err := serverArchive(server)
	if err != nil {
		return 1, err
	}
	load := exec.Command("docker", "--host", "unix://"+socket, "import", "--change", `ENTRYPOINT ["/server"]`, "-", serverImage)
	load.Stdin = image
	if out, err := load.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("docker import: %w: %s", err, out)
	}
	return run(), nil
}

// serverArchive is a root filesystem with the server alone.
func serverArchive(path string) (*bytes.Buffer, error) {
	server, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	archive := &bytes.Buffer{}
	w := tar.NewWriter(archive)
	if err := w.WriteHeader(&tar.Header{Name: "server", Mode: 0o755, Size: int64(len(server))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(server); err != nil {
		return nil, err
	}
	return archive, w.Close()
}

func repository() string {
	path, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		panic(err)
	}
	return path
}

func engineScript(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(repository(), "scripts", "engine"), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("scripts/engine %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// node is one engine of a swarm.
type node struct {
	t    *testing.T
	name string
	host string
}

// startNode starts a private engine that has the image of the tests.
func startNode(t *testing.T, name string) *node {
	t.Helper()
	socket, err := engineScript("private", name)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, name: name, host: "unix://" + socket}
	image, err := serverArchive(os.Getenv("COMPOSE_SECURE_TEST_SERVER"))
	if err != nil {
		t.Fatal(err)
	}
	if r := n.run(image, nil, "", "docker", "import", "--change", `ENTRYPOINT ["/server"]`, "-", serverImage); r.code != 0 {
		t.Fatalf("docker import: %s", r.stderr)
	}
	return n
}

// manager is the swarm of one node that most tests share.
func manager(t *testing.T) *node {
	t.Helper()
	return &node{t: t, name: engineName, host: "unix:///var/lib/compose-secure-engine/" + engineName + "/docker.sock"}
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

func (n *node) command(ctx context.Context, env []string, dir string, argv ...string) *exec.Cmd {
	if argv[0] == "compose-secure" {
		argv[0] = filepath.Join(repository(), "bin", "compose-secure")
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append([]string{"DOCKER_HOST=" + n.host}, env...)...)
	return cmd
}

func (n *node) run(stdin *bytes.Buffer, env []string, dir string, argv ...string) result {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := n.command(ctx, env, dir, argv...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if stdin != nil {
		cmd.Stdin = stdin
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		n.t.Fatalf("%s: %v", argv[0], err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func (n *node) docker(args ...string) result {
	n.t.Helper()
	return n.run(nil, nil, "", append([]string{"docker"}, args...)...)
}

func (n *node) must(argv ...string) string {
	n.t.Helper()
	r := n.run(nil, nil, "", argv...)
	if r.code != 0 {
		n.t.Fatalf("%s: exit %d: %s", strings.Join(argv, " "), r.code, r.stderr)
	}
	return r.stdout
}

// stack is a stack of one test, with the folder of its compose file.
type stack struct {
	*node
	name, dir string
	env       []string
}

func (n *node) stack(t *testing.T, compose string) *stack {
	t.Helper()
	own := *n
	own.t = t
	s := &stack{node: &own, name: "t" + strings.ToLower(rand.Text()[:8]), dir: t.TempDir()}
	s.write("compose.yaml", strings.ReplaceAll(compose, "SERVER", serverImage))
	t.Cleanup(func() {
		if s.docker("stack", "ls").code == 0 {
			s.cs("stack", "rm", s.name)
		}
	})
	return s
}

func (s *stack) write(name, content string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// cs runs compose-secure in the stack's folder.
func (s *stack) cs(args ...string) result {
	s.t.Helper()
	return s.run(nil, s.env, s.dir, append([]string{"compose-secure"}, args...)...)
}

func (s *stack) mustCS(args ...string) result {
	s.t.Helper()
	r := s.cs(args...)
	if r.code != 0 {
		s.t.Fatalf("compose-secure %s: exit %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r
}

// feed runs compose-secure with stdin.
func (s *stack) feed(stdin string, args ...string) result {
	s.t.Helper()
	return s.run(bytes.NewBufferString(stdin), s.env, s.dir, append([]string{"compose-secure"}, args...)...)
}

// status is one row of compose-secure status.
type status struct {
	Secret   string
	Version  int
	Name     string
	Services []string
	Previous []string
	Tasks    int
	State    string
	Digest   string
}

func (s *stack) status() []status {
	s.t.Helper()
	var rows []status
	if err := json.Unmarshal([]byte(s.mustCS("status", s.name, "--format", "json").stdout), &rows); err != nil {
		s.t.Fatal(err)
	}
	return rows
}

// current is the version that the services use; -1 when they use several.
func (s *stack) current(secret string) int {
	s.t.Helper()
	current := -2
	for _, row := range s.status() {
		if row.Secret == secret && len(row.Services) > 0 {
			if current != -2 {
				return -1
			}
			current = row.Version
		}
	}
	return current
}

// tasks are the ids of the tasks that should run, by service, sorted.
func (s *stack) tasks() []string {
	s.t.Helper()
	ids := strings.Fields(s.must("docker", "stack", "ps", s.name, "--filter", "desired-state=running", "--no-trunc", "-q"))
	slices.Sort(ids)
	return ids
}

// service is what the engine says of one service.
type service struct {
	Spec, PreviousSpec serviceSpec
	UpdateStatus       struct{ State string }
}

type serviceSpec struct {
	Name         string
	Labels       map[string]string
	UpdateConfig struct{ Order string }
	TaskTemplate struct {
		ContainerSpec struct {
			Secrets []struct {
				SecretID, SecretName string
				File                 struct{ Name, UID, GID string }
			}
		}
	}
}

func (s *stack) service(name string) service {
	s.t.Helper()
	var list []service
	if err := json.Unmarshal([]byte(s.must("docker", "service", "inspect", s.name+"_"+name)), &list); err != nil {
		s.t.Fatal(err)
	}
	return list[0]
}

// checkWhole fails unless every service runs one version of each secret, all its tasks
// are up, and no spec names a secret that is not there.
func (s *stack) checkWhole() {
	s.t.Helper()
	there := map[string]bool{}
	for _, id := range strings.Fields(s.must("docker", "secret", "ls", "-q")) {
		there[id] = true
	}
	for _, name := range strings.Fields(s.must("docker", "stack", "services", s.name, "--format", "{{.Name}}")) {
		svc := s.service(strings.TrimPrefix(name, s.name+"_"))
		for _, spec := range []serviceSpec{svc.Spec, svc.PreviousSpec} {
			for _, ref := range spec.TaskTemplate.ContainerSpec.Secrets {
				if !there[ref.SecretID] {
					s.t.Errorf("%s names %s, which is not there", name, ref.SecretName)
				}
			}
		}
		replicas := strings.TrimSpace(s.must("docker", "service", "ls", "--filter", "name="+name, "--format", "{{.Replicas}}"))
		if running, wanted, _ := strings.Cut(replicas, "/"); running < wanted {
			s.t.Errorf("%s has %s tasks", name, replicas)
		}
	}
	if n := s.current("token"); n < 0 {
		s.t.Errorf("the services use several versions of token: %+v", s.status())
	}
}
