//go:build e2e

// Package hostile runs every command of the tool over repositories that mean
// harm, and watches what it starts, reaches, opens and prints. It owns no code of
// the tool; README.md says how to add a repository.
package hostile

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	sentinel = "SENTINEL"
	// limit is what one command may take of a processor, and hung that of the clock: the machine has
	// other work to do meanwhile.
	limit = 5 * time.Second
	hung  = 30 * time.Second
)

// keyCommand is the program that the user has SOPS ask for a key.
const keyCommand = "cat"

// call is one way to run a command.
type call struct {
	args    []string
	watches bool // runs until it is interrupted
	values  bool // may decrypt: start gpg and read the user's keys
}

// TestHostile runs every command that the tool lists over every repository.
func TestHostile(t *testing.T) {
	bin := built(t)
	calls := allCalls(t, bin)
	entries, err := os.ReadDir("repositories")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		t.Run(entry.Name(), func(t *testing.T) {
			t.Parallel()
			server := listen(t)
			project := "hostile-" + strings.ToLower(rand.Text())[:12]
			t.Cleanup(func() { remove(t, project) })
			for _, c := range calls {
				s := newSandbox(t, bin, entry.Name(), project, server)
				s.run(c)
			}
		})
	}
}

// TestWatcher shows that the watcher sees what it is there to see.
func TestWatcher(t *testing.T) {
	s := newSandbox(t, built(t), "links", "hostile-watcher", listen(t))
	for _, script := range []string{
		"touch " + s.canary,
		"cat ../outside/secret >/dev/null",
		"exec 3<>/dev/tcp/" + strings.Replace(s.server.address(), ":", "/", 1),
		"echo x >../outside/new",
		"mv compose.yaml ../outside/",
	} {
		r := s.trace(hung, "bash", "-c", script)
		if found := s.harm(r, call{}); len(found) == 0 {
			t.Errorf("%s: not seen", script)
		}
	}
}

// allCalls are the commands of the tool, as its own completion lists them. One without an entry
// in known fails the test.
func allCalls(t *testing.T, bin string) []call {
	t.Helper()
	list := func(args ...string) []string {
		out, err := exec.Command(bin, append(args, "--generate-bash-completion")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))
	}
	var calls []call
	known := knownCalls()
	for _, name := range append(list(), "man") {
		own, ok := known[name]
		if !ok {
			t.Errorf("command %q is new: say in calls_test.go how it is called", name)
			continue
		}
		for _, sub := range list(name) {
			if _, ok := known[name+" "+sub]; !ok && len(own) == 0 {
				t.Errorf("command %q is new: say in calls_test.go how it is called", name+" "+sub)
			}
			own = append(own, known[name+" "+sub]...)
		}
		calls = append(calls, own...)
		calls = append(calls, call{args: []string{name, "--generate-bash-completion"}})
	}
	return calls
}

func built(t *testing.T) string {
	t.Helper()
	bin, err := filepath.Abs("../bin/compose-secure")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("%v; run make build", err)
	}
	return bin
}

// server counts who connects to it; it answers nobody.
type server struct {
	listener net.Listener
	reached  atomic.Int32
}

func listen(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &server{listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.reached.Add(1)
			_ = c.Close() // it gets no answer
		}
	}()
	return s
}

func (s *server) address() string { return s.listener.Addr().String() }

// sandbox is a copy of a repository in a directory of its own, with a home for the user.
type sandbox struct {
	t                             *testing.T
	bin, root, tree, home, canary string
	env                           []string
	server                        *server
}

func newSandbox(t *testing.T, bin, repository, project string, srv *server) *sandbox {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &sandbox{t: t, bin: bin, root: root, tree: filepath.Join(root, "project"), home: filepath.Join(root, "home"), canary: filepath.Join(root, "canary"), server: srv}
	s.copy("named", filepath.Join(root, "named"))
	s.write("outside/secret", "PASSWORD="+sentinel+"outside\n")
	s.write("outside/.dockerignore", "*\n")
	s.program("age-plugin-evil")
	s.program("docker-credential-evil")
	s.write("home/.vault-token", "hvs."+sentinel)
	s.write("home/.docker/config.json", "{}")
	s.write("tmp/.keep", "")
	identity, err := os.ReadFile("identity.txt")
	if err != nil {
		t.Fatal(err)
	}
	s.write("home/.config/sops/age/keys.txt", string(identity))
	s.copy(filepath.Join("repositories", repository), s.tree)
	s.env = []string{
		"PATH=" + s.programs() + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + s.home, "TMPDIR=" + filepath.Join(root, "tmp"), "LANG=C.UTF-8", "TERM=dumb",
		"COMPOSE_PROJECT_NAME=" + project, "OWN_TOKEN=" + sentinel + "environment",
		"SOPS_AGE_KEY_CMD=" + keyCommand + " " + filepath.Join(s.home, ".config/sops/age/keys.txt"),
	}
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT"} {
		if value := os.Getenv(name); value != "" {
			s.env = append(s.env, name+"="+value)
		}
	}
	return s
}

func (s *sandbox) write(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		s.t.Fatal(err)
	}
}

// programs is a folder in PATH with what the user has installed.
func (s *sandbox) programs() string { return filepath.Join(s.root, "programs") }

// program makes a program of the user's that nothing may start.
func (s *sandbox) program(name string) {
	s.t.Helper()
	s.write(filepath.Join("programs", name), "#!/bin/sh\ntouch "+s.canary+"\n")
	if err := os.Chmod(filepath.Join(s.programs(), name), 0o700); err != nil { //nolint:gosec // it can be run
		s.t.Fatal(err)
	}
}

// copy makes a repository of a folder, as README.md says.
func (s *sandbox) copy(from, to string) {
	s.t.Helper()
	git := filepath.Join(from, "dot-git")
	if _, err := os.Stat(git); err == nil {
		s.git(to, "init", "--quiet")
		defer s.copy(git, filepath.Join(to, ".git"))
		defer s.git(to, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "all")
		defer s.git(to, "add", "--all")
	}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch fifo, isFIFO := strings.CutSuffix(target, ".fifo"); {
		case path == git:
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case isFIFO:
			return syscall.Mkfifo(fifo, 0o600)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			return errors.Join(err, os.Symlink(link, target))
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data = bytes.ReplaceAll(data, []byte("@SERVER@"), []byte(s.server.address()))
		data = bytes.ReplaceAll(data, []byte("@CANARY@"), []byte(s.canary))
		return os.WriteFile(target, data, info.Mode().Perm())
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *sandbox) git(dir string, args ...string) {
	s.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.home}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

// run runs one command and reports all harm that it does.
func (s *sandbox) run(c call) {
	s.t.Helper()
	clock := hung
	if c.watches {
		clock = 2 * time.Second
	}
	argv := append([]string{s.bin}, c.args...)
	if c.args[0] == "bash" {
		argv = append(c.args[:3:3], s.bin)
	}
	r := s.trace(clock, argv...)
	name := strings.Join(c.args, " ")
	if c.args[0] == "bash" {
		name = "completion in bash"
	}
	if r.ended == codeTimeout && !c.watches {
		s.t.Errorf("%s: does not end", name)
	}
	for _, text := range s.harm(r, c) {
		s.t.Errorf("%s: %s", name, text)
	}
}

const codeTimeout = 124 // of timeout(1)

// traced is what a command did.
type traced struct {
	ended  int
	output string
	used   time.Duration // of a processor, children included
	events []event
}

// trace runs a command in the tree under strace, and interrupts it when the clock runs out.
func (s *sandbox) trace(clock time.Duration, argv ...string) traced {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), clock+hung)
	defer cancel()
	dir, err := os.MkdirTemp(s.root, "trace")
	if err != nil {
		s.t.Fatal(err)
	}
	words := append([]string{"-ff", "--seccomp-bpf", "-qq", "-v", "-y", "-s", "65536", "-e", "signal=none", "-e", "trace=" + strings.Join(watched(), ","), "-o", filepath.Join(dir, "t"),
		"timeout", "--signal=INT", "--kill-after=10", strconv.FormatFloat(clock.Seconds(), 'f', 1, 64)}, argv...)
	cmd := exec.CommandContext(ctx, "strace", words...)
	cmd.Dir, cmd.Env = s.tree, s.env
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 5 * time.Second
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("strace: %v", err)
	}
	state := cmd.ProcessState
	return traced{state.ExitCode(), out.String(), state.UserTime() + state.SystemTime(), readTrace(s.t, dir)}
}

// harm lists what a command must not do and did.
func (s *sandbox) harm(r traced, c call) []string {
	s.t.Helper()
	var found []string
	if r.used > limit {
		found = append(found, fmt.Sprintf("takes %s of a processor", r.used))
	}
	if at := strings.Index(r.output, sentinel); at >= 0 {
		found = append(found, "prints a value: "+strconv.Quote(r.output[max(0, at-60):min(len(r.output), at+len(sentinel))]))
	}
	if n := s.server.reached.Swap(0); n > 0 {
		found = append(found, fmt.Sprintf("reaches the server, %d times", n))
	}
	if _, err := os.Lstat(s.canary); err == nil {
		found = append(found, "makes the canary")
		_ = os.Remove(s.canary)
	}
	for _, e := range r.events {
		if text := s.unlisted(e, c); text != "" && !slices.Contains(found, text) {
			found = append(found, text)
		}
	}
	return found
}

// remove takes away what the commands made on the engine.
func remove(t *testing.T, project string) {
	label := "label=com.docker.compose.project=" + project
	for _, kind := range [][]string{{"container", "rm", "-f", "-v"}, {"network", "rm"}, {"volume", "rm"}} {
		list := []string{kind[0], "ls", "-q", "--filter", label}
		if kind[0] == "container" {
			list = append(list, "-a")
		}
		out, err := exec.Command("docker", list...).Output()
		if err != nil {
			t.Errorf("docker %q: %v", list, err)
		}
		if ids := strings.Fields(string(out)); len(ids) > 0 {
			_ = exec.Command("docker", append(kind, ids...)...).Run() // nothing is left to tell it to
		}
	}
	_ = os.RemoveAll(filepath.Join("/run/compose-secure", project))
	_ = os.Remove(filepath.Join("/var/lib/compose-secure/projects", project+".json")) // there is none unless up came far
}
