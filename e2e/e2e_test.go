//go:build e2e

// Package e2e runs the built bin/compose-secure on a real engine, with real
// SOPS and real PostgreSQL, and looks at what a user could see: containers,
// processes, files. It owns no code of the tool; `make e2e` builds what it runs.
package e2e

import (
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
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes the tests wait for the engine side by side: they use little
// processor of their own.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", "4") // slower without it, no more
	}
	m.Run()
}

// The images that scripts/images makes.
const (
	busyboxImage  = "compose-secure-test/busybox"
	probeImage    = "compose-secure-test/probe"
	postgresImage = "postgres:16"
)

// built returns the path of a file that make put into bin.
func built(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; run make e2e", err)
	}
	return path
}

// randomWord returns a word that is nowhere else on the machine.
func randomWord() string { return "s3ntinel" + strings.ToLower(rand.Text()) }

// ramDir returns a new directory in RAM, for what must not be on disk.
func ramDir(t *testing.T) string {
	t.Helper()
	const tmpfsMagic = 0x01021994 // statfs(2)
	var fs syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &fs); err != nil || fs.Type != tmpfsMagic {
		t.Fatalf("/dev/shm is no tmpfs: %v", err)
	}
	dir, err := os.MkdirTemp("/dev/shm", "compose-secure-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // in RAM
	return dir
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

func (r result) output() string { return r.stdout + r.stderr }

// commandLimit is far above what any single command takes.
const commandLimit = 3 * time.Minute

// run runs a command. Its environment is that of the test with extra behind it.
func run(t *testing.T, dir string, extra []string, argv ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), extra...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return ended(t, cmd, cmd.Run(), &stdout, &stderr)
}

// ended reads the exit code of a command that ran.
func ended(t *testing.T, cmd *exec.Cmd, err error, stdout, stderr *bytes.Buffer) result {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", filepath.Base(cmd.Path), err)
	}
	r := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if r.code < 0 { // ended by a signal
		if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok {
			r.code = 128 + int(ws.Signal())
		}
	}
	return r
}

// project is one Compose project in a folder of its own.
type project struct {
	t      *testing.T
	name   string
	dir    string   // on disk
	ram    string   // in RAM: keys and plaintext
	env    []string // of every command
	global []string // global flags of every command
	user   *user    // who runs the tool; nil for the one who runs the tests
}

// newProject writes compose.yaml and takes everything away in the end.
func newProject(t *testing.T, composeFile string) *project {
	t.Helper()
	return newProjectAt(t, composeFile, nil)
}

// newProjectAt is newProject with an environment that chooses another engine.
func newProjectAt(t *testing.T, composeFile string, env []string) *project {
	t.Helper()
	p := &project{t: t, name: "e2e-" + strings.ToLower(rand.Text())[:12], dir: t.TempDir(), ram: ramDir(t)}
	p.env = append([]string{"COMPOSE_PROJECT_NAME=" + p.name}, env...)
	p.write("compose.yaml", composeFile)
	t.Cleanup(p.remove)
	return p
}

// remove takes the project's containers, volumes and files away, also when
// the tool does not.
func (p *project) remove() {
	if r := p.secure("down", "--volumes", "--remove-orphans", "--timeout", "0"); r.code != 0 {
		p.t.Logf("down: exit %d: %s", r.code, r.stderr)
	}
	if ids := p.containers(); len(ids) > 0 {
		p.t.Errorf("containers are left of %s", p.name)
		p.docker(append([]string{"rm", "--force", "--volumes"}, ids...)...)
	}
	if files := p.stored(); len(files) > 0 {
		p.t.Errorf("files are left in the store: %q", files)
	}
}

func (p *project) write(name, content string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// secure runs the tool in the project's folder.
func (p *project) secure(args ...string) result {
	p.t.Helper()
	return run(p.t, p.dir, p.env, p.argv(args...)...)
}

func (p *project) argv(args ...string) []string {
	p.t.Helper()
	argv := []string{built(p.t, "compose-secure")}
	if p.user != nil {
		argv = p.user.argv(p)
	}
	return append(append(argv, p.global...), args...)
}

// must is secure that has to succeed.
func (p *project) must(args ...string) result {
	p.t.Helper()
	r := p.secure(args...)
	if r.code != 0 {
		p.t.Fatalf("compose-secure %s: exit %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r
}

// docker runs the docker command on the project's engine.
func (p *project) docker(args ...string) result {
	p.t.Helper()
	return run(p.t, p.dir, p.env, append([]string{"docker"}, args...)...)
}

// mustDocker returns the output of a docker command that has to succeed.
func (p *project) mustDocker(args ...string) string {
	p.t.Helper()
	r := p.docker(args...)
	if r.code != 0 {
		p.t.Fatalf("docker %s: exit %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r.stdout
}

// containers returns the ids of the project's containers, running or not.
func (p *project) containers() []string {
	p.t.Helper()
	return strings.Fields(p.mustDocker("ps", "--all", "--quiet", "--no-trunc", "--filter", "label=com.docker.compose.project="+p.name))
}

// id returns the id of a service's one container.
func (p *project) id(service string) string {
	p.t.Helper()
	ids := strings.Fields(p.mustDocker("ps", "--all", "--quiet", "--no-trunc",
		"--filter", "label=com.docker.compose.project="+p.name, "--filter", "label=com.docker.compose.service="+service))
	if len(ids) != 1 {
		p.t.Fatalf("service %s has %d containers, want 1", service, len(ids))
	}
	return ids[0]
}

// container is what docker inspect says of one.
type container struct {
	ID    string
	State struct {
		Pid, ExitCode int
		Status        string
		StartedAt     time.Time
	}
	Config struct {
		Labels map[string]string
		Env    []string
	}
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
}

// inspect returns what the engine knows of the containers of services, by service.
func (p *project) inspect() map[string]container {
	p.t.Helper()
	list := []container{}
	if ids := p.containers(); len(ids) > 0 {
		// One that is gone by now is left out of the answer.
		if err := json.Unmarshal([]byte(p.docker(append([]string{"inspect"}, ids...)...).stdout), &list); err != nil {
			p.t.Fatal(err)
		}
	}
	byService := map[string]container{}
	for _, c := range list {
		byService[c.Config.Labels["com.docker.compose.service"]] = c
	}
	return byService
}

// exec runs a command in a service's container and returns its output.
func (p *project) exec(service string, argv ...string) string {
	p.t.Helper()
	return p.mustDocker(append([]string{"exec", p.id(service)}, argv...)...)
}

// storeDir is where the tool of this user keeps the project's values.
func (p *project) storeDir() string {
	root := "/run/compose-secure"
	if p.user != nil {
		return filepath.Join(p.user.runtimeDir, "compose-secure", p.name)
	}
	if uid := os.Getuid(); uid != 0 {
		if root = filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "compose-secure"); os.Getenv("XDG_RUNTIME_DIR") == "" {
			root = fmt.Sprintf("/dev/shm/compose-secure-%d", uid)
		}
	}
	return filepath.Join(root, p.name)
}

// stored lists the project's files in the store.
func (p *project) stored() []string {
	p.t.Helper()
	entries, err := os.ReadDir(p.storeDir())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// lines joins lines of a file.
func lines(list ...string) string { return strings.Join(list, "\n") + "\n" }

// feed runs the docker command with a text on its standard input.
func (p *project) feed(input string, args ...string) result {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "docker", args...)
	cmd.Env = append(os.Environ(), p.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	return ended(p.t, cmd, cmd.Run(), &stdout, &stderr)
}
