//go:build linux

package tmpfs

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/secret"
)

// childMode names the environment variable that turns the test binary into one
// of the children below.
const childMode = "TMPFS_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		os.Exit(children[mode](os.Args[1:]))
	}
	os.Exit(m.Run())
}

// child runs the test binary as children[mode]. With namespace it gets mounts
// of its own, which also works for a user who is not root.
func child(t *testing.T, namespace bool, mode string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), childMode+"="+mode)
	if namespace {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if os.Geteuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		}
	}
	return cmd
}

// ramDir returns a new directory in RAM.
func ramDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "compose-secure-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(Options{Root: filepath.Join(ramDir(t), "store")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// newProject returns a locked project.
func newProject(t *testing.T, s *Store, name string) *Project {
	t.Helper()
	p, err := s.Project(name)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := p.Lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)
	return p
}

func value(s string) secret.Value { return secret.NewValue([]byte(s)) }

// wantError fails unless err is one line that holds every one of the words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, w := range append(words, "") {
		if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q, want one line with %q", err, w)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	ram := ramDir(t)
	disk := t.TempDir()
	mkdir := func(name string, mode fs.FileMode) string {
		path := filepath.Join(ram, name)
		if err := errors.Join(os.Mkdir(path, mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := "/dev/shm" // root's
	if os.Geteuid() == 0 {
		foreign = mkdir("foreign", 0o700)
		if err := os.Chown(foreign, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(ram, "link")
	if err := os.Symlink(mkdir("target", 0o700), link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(ram, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, root string
		want       []string
	}{
		{"a directory on disk", disk, []string{disk, "not in RAM"}},
		{"a new directory on disk", filepath.Join(disk, "new"), []string{disk, "not in RAM"}},
		{"a directory of another user", foreign, []string{foreign, "another user"}},
		{"a directory open to others", mkdir("open", 0o755), []string{"open", "0755"}},
		{"a symlink", link, []string{link, "symlink"}},
		{"a file", file, []string{file, "not a directory"}},
		{"a relative path", "store", []string{"store", "absolute"}},
		{"a missing parent", filepath.Join(ram, "none", "store"), []string{"none"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "a directory on disk" {
				if err := os.Chmod(tt.root, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Open(Options{Root: tt.root})
			wantError(t, err, tt.want...)
		})
	}
	if _, err := os.Stat(filepath.Join(disk, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused disk got a directory: %v", err)
	}
}

func TestDirectoriesAreClosedWhateverTheUmask(t *testing.T) {
	root := filepath.Join(ramDir(t), "store")
	old := syscall.Umask(0o777)
	defer syscall.Umask(old)
	s, err := Open(Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := newProject(t, s, "p")
	if _, err := p.Put("a", value("v"), -1, -1, 0o444); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{
		p.store.Dir(): fs.ModeDir | 0o700, p.Dir(): fs.ModeDir | 0o700, p.Path("a"): 0o444,
	} {
		fi, err := os.Stat(path)
		if err != nil || fi.Mode() != want {
			t.Errorf("%s has mode %v (%v), want %v", path, fi.Mode(), err, want)
		}
	}
}

func TestUserRoot(t *testing.T) {
	mine := ramDir(t)
	uid := os.Geteuid()
	if uid == 0 {
		uid = 64999 // a user without a runtime directory
	}
	shm := userRoot("", 64999)
	if want := "/dev/shm/compose-secure-64999"; shm != want {
		t.Errorf("without a runtime directory: %q, want %q", shm, want)
	}
	if got, want := userRoot(mine, uid), filepath.Join(mine, "compose-secure"); got != want {
		t.Errorf("with a runtime directory: %q, want %q", got, want)
	}
	if got := userRoot(filepath.Join(mine, "gone"), 64999); got != shm {
		t.Errorf("with a runtime directory that is gone: %q, want %q", got, shm)
	}
}

func TestNames(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{"", ".", "..", "a/b", "A", "-a", "a b", strings.Repeat("a", 201)} {
		if _, err := s.Project(name); err == nil {
			t.Errorf("project name %q was taken", name)
		}
	}
	p := newProject(t, s, "p")
	for _, name := range []string{"", ".", "..", "a/b", ".state.json", "-a", "a\x00", "a b", strings.Repeat("a", 201)} {
		if _, err := p.Put(name, value("v"), -1, -1, 0o400); err == nil {
			t.Errorf("file name %q was taken", name)
		}
		if _, _, err := p.Get(name); err == nil {
			t.Errorf("file name %q was read", name)
		}
		if err := p.Remove(name); err == nil {
			t.Errorf("file name %q was removed", name)
		}
	}
	for _, name := range []string{"db_password", "db_password@1000-1000-0400", "tls.key", "A-1"} {
		if _, err := p.Put(name, value("v"), -1, -1, 0o400); err != nil {
			t.Error(err)
		}
	}
}

func TestProjects(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{"b", "a"} {
		p := newProject(t, s, name)
		if _, err := p.Put("x", value("v"), -1, -1, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(s.Dir(), ".other"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := s.Projects()
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" || err != nil {
		t.Errorf("projects (-want +got):\n%s%v", diff, err)
	}
}

// A user who is not root, with this machine's real choice of directory.
func TestAnotherUser(t *testing.T) {
	cmd := child(t, false, "user")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	cmd.Env = slices.DeleteFunc(cmd.Env, func(e string) bool { return strings.HasPrefix(e, "XDG_RUNTIME_DIR=") })
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestLingerText(t *testing.T) {
	linger, logind := t.TempDir(), t.TempDir()
	if got := lingerText(linger, logind, "/run/user/1/x"); !strings.Contains(got, "/run/user/1/x") || !strings.Contains(got, "enable-linger") {
		t.Errorf("without lingering: %q", got)
	}
	if got := lingerText(linger, filepath.Join(logind, "none"), "/x"); got != "" {
		t.Errorf("without logind: %q", got)
	}
	out, err := exec.Command("id", "-un").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(linger, strings.TrimSpace(string(out))), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := lingerText(linger, logind, "/x"); got != "" {
		t.Errorf("with lingering: %q", got)
	}
	s := &Store{linger: "text"}
	if first, second := s.LingerWarning(), s.LingerWarning(); first != "text" || second != "" {
		t.Errorf("the warning came as %q, then %q", first, second)
	}
}
