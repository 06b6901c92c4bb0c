//go:build unix

package safefile_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/safefile"
)

// counted makes this test binary a process that raises the numbers in these files, separated by colons, by
// one for each line of its input, and answers "ok" or why not.
const counted = "COMPOSE_SECURE_TEST_COUNTED"

func TestMain(m *testing.M) {
	if files := os.Getenv(counted); files != "" {
		os.Exit(count(strings.Split(files, ":")))
	}
	os.Exit(m.Run())
}

func count(files []string) int {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		answer := "ok"
		if err := raise(context.Background(), files); err != nil {
			answer = err.Error()
		}
		fmt.Println(answer)
	}
	return 0
}

// raise adds one to the number in each file.
func raise(ctx context.Context, files []string) (err error) {
	lock, err := safefile.Acquire(ctx, files...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	var changes []safefile.Change
	for _, file := range files {
		data, err := lock.Read(file)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(data))
		if err != nil {
			return err
		}
		changes = append(changes, safefile.Change{Path: file, Old: data, New: []byte(strconv.Itoa(n + 1))})
	}
	_, err = lock.Replace(changes...)
	return err
}

type counter struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startCounter(t *testing.T, files ...string) *counter {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), counted+"="+strings.Join(files, ":"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // one of the tests kills it
	})
	return &counter{cmd, in, bufio.NewScanner(out)}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func symlink(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestLockTwoProcesses: two processes that name the same directories in different orders, and by different
// paths, never wait for each other forever, and no change is lost.
func TestLockTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	x, y := filepath.Join(mkdir(t, filepath.Join(dir, "x")), "n"), filepath.Join(mkdir(t, filepath.Join(dir, "y")), "n")
	symlink(t, "x", filepath.Join(dir, "z"))
	write(t, x, "0")
	write(t, y, "0")
	a, b := startCounter(t, x, y), startCounter(t, y, filepath.Join(dir, "z", "n"))
	for range 100 {
		for _, c := range []*counter{a, b} {
			if _, err := fmt.Fprintln(c.in); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []*counter{a, b} {
			if !c.out.Scan() || c.out.Text() != "ok" {
				t.Fatalf("answer %q", c.out.Text())
			}
		}
	}
	for _, path := range []string{x, y} {
		if data, err := os.ReadFile(path); err != nil || string(data) != "200" {
			t.Errorf("%s holds %s, want 200 (%v)", path, data, err)
		}
		if diff := cmp.Diff([]string{"n"}, names(t, filepath.Dir(path))); diff != "" {
			t.Errorf("left behind (-want +got):\n%s", diff)
		}
	}
}

// TestLockOneDirectoryTwice: two paths to one directory are one lock, not one that waits for itself.
func TestLockOneDirectoryTwice(t *testing.T) {
	dir := t.TempDir()
	symlink(t, dir, filepath.Join(mkdir(t, filepath.Join(dir, "sub")), "up"))
	for _, name := range []string{"a", "b"} {
		write(t, filepath.Join(dir, name), "0")
	}
	if err := raise(t.Context(), []string{filepath.Join(dir, "a"), filepath.Join(dir, "sub", "up", "b")}); err != nil {
		t.Fatal(err)
	}
}

// TestLockWaits: who waits is told who has the lock, ends at once when interrupted, and has the lock when the holder dies.
func TestLockWaits(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "n")
	write(t, path, "0")
	lock, err := safefile.Acquire(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = safefile.Acquire(ctx, path)
	busy := (*safefile.BusyError)(nil)
	if !errors.As(err, &busy) || busy.Dir != dir || busy.Holder != 0 && busy.Holder != os.Getpid() {
		t.Errorf("got %v, want that the directory is busy", err)
	}
	stop := errors.New("interrupted")
	interrupted, interrupt := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { interrupt(stop) })
	start := time.Now()
	if _, err := safefile.Acquire(interrupted, path); !errors.Is(err, stop) || time.Since(start) > 5*time.Second {
		t.Errorf("got %v after %v, want the interrupt", err, time.Since(start))
	}
	c := startCounter(t, path)
	if _, err := fmt.Fprintln(c.in); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = lock.Close() })
	if !c.out.Scan() || c.out.Text() != "ok" {
		t.Errorf("answer %q, want ok once the lock is free", c.out.Text())
	}
}

// TestLockOfKilled: a holder that is killed leaves no lock.
func TestLockOfKilled(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "flock", dir, "sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	busy := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		lock, err := safefile.Acquire(ctx, filepath.Join(dir, "n"))
		if err == nil {
			err = lock.Close()
		}
		return err != nil
	}
	for i := 0; !busy(); i++ {
		if i == 500 {
			t.Fatal("the other process never held the lock")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	lock, err := safefile.Acquire(t.Context(), filepath.Join(dir, "n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	tests := map[string]struct {
		spoil   func(t *testing.T)
		changes []safefile.Change
		want    map[string]string
		errHas  string
	}{
		"all": {nil, []safefile.Change{{Path: path("a"), Old: []byte("1"), New: []byte("2")}, {Path: path("new"), New: []byte("n"), Mode: 0o640}},
			map[string]string{"a": "-rwxr-x--- 2", "b": "-rwxr-x--- 1", "new": "-rw-r----- n"}, ""},
		"one has changed": {nil, []safefile.Change{{Path: path("new"), New: []byte("n"), Mode: 0o600}, {Path: path("a"), Old: []byte("1"), New: []byte("2")}, {Path: path("b"), Old: []byte("other"), New: []byte("2")}},
			map[string]string{"a": "-rwxr-x--- 1", "b": "-rwxr-x--- 1"}, "changed by somebody else"},
		"new one exists": {nil, []safefile.Change{{Path: path("a"), New: []byte("2")}},
			map[string]string{"a": "-rwxr-x--- 1", "b": "-rwxr-x--- 1"}, "changed by somebody else"},
		"one is gone": {nil, []safefile.Change{{Path: path("c"), Old: []byte("1"), New: []byte("2")}},
			map[string]string{"a": "-rwxr-x--- 1", "b": "-rwxr-x--- 1"}, "changed by somebody else"},
		"a symlink": {func(t *testing.T) { symlink(t, "a", path("c")) }, []safefile.Change{{Path: path("c"), Old: []byte("1"), New: []byte("2")}},
			map[string]string{"a": "-rwxr-x--- 1", "b": "-rwxr-x--- 1", "c": "Lrwxrwxrwx "}, "not a regular file"},
		"left by a killed one": {func(t *testing.T) { write(t, path(".compose-secure.tmp-x"), "value") }, []safefile.Change{{Path: path("a"), Old: []byte("1"), New: []byte("2")}},
			map[string]string{"a": "-rwxr-x--- 2", "b": "-rwxr-x--- 1"}, ""},
		"another directory": {nil, []safefile.Change{{Path: filepath.Join(filepath.Dir(dir), "x"), New: []byte("2")}},
			map[string]string{"a": "-rwxr-x--- 1", "b": "-rwxr-x--- 1"}, "not locked"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, name := range names(t, dir) {
				if err := os.Remove(path(name)); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{"a", "b"} {
				write(t, path(name), "1")
				if err := os.Chmod(path(name), 0o750); err != nil {
					t.Fatal(err)
				}
			}
			if tt.spoil != nil {
				tt.spoil(t)
			}
			lock, err := safefile.Acquire(t.Context(), path("a"))
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
			undo, err := lock.Replace(tt.changes...)
			if (err != nil) != (tt.errHas != "") || err != nil && !strings.Contains(err.Error(), tt.errHas) {
				t.Errorf("error %v, want %q", err, tt.errHas)
			}
			if diff := cmp.Diff(tt.want, content(t, dir)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if err != nil {
				return
			}
			if err := undo(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]string{"a": "-rwxr-x--- 1", "b": "-rwxr-x--- 1"}, content(t, dir)); diff != "" {
				t.Errorf("put back (-want +got):\n%s", diff)
			}
		})
	}
}

// content gives mode and text of each file.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range names(t, dir) {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var data []byte
		if info.Mode().IsRegular() {
			if data, err = os.ReadFile(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		files[name] = info.Mode().String() + " " + string(data)
	}
	return files
}

// TestUndoLeavesForeignChanges: what somebody else made of a file since stays.
func TestUndoLeavesForeignChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for name, old := range map[string][]byte{"replaced": []byte("1"), "new": nil} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if old != nil {
				write(t, path, string(old))
			}
			lock, err := safefile.Acquire(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
			undo, err := lock.Replace(safefile.Change{Path: path, Old: old, New: []byte("2"), Mode: 0o600})
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, "3")
			changed := (*safefile.ChangedError)(nil)
			if err := undo(); !errors.As(err, &changed) {
				t.Errorf("error %v, want that it was changed", err)
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != "3" {
				t.Errorf("the file holds %s (%v)", data, err)
			}
		})
	}
}

// TestReplaceKeepsOwner runs as root, as all tests of this repository do that need two users.
func TestReplaceKeepsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	write(t, path, "1")
	if err := os.Chown(path, 12345, 54321); err != nil {
		t.Fatal(err)
	}
	lock, err := safefile.Acquire(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.Replace(safefile.Change{Path: path, Old: []byte("1"), New: []byte("2")}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || s.Uid != 12345 || s.Gid != 54321 {
		t.Errorf("owner %+v", info.Sys())
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "empty"), "")
	write(t, filepath.Join(dir, "text"), "text")
	symlink(t, "text", filepath.Join(dir, "link"))
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int64{"full": safefile.MaxSize, "over": safefile.MaxSize + 1} {
		write(t, filepath.Join(dir, name), "")
		if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]error{
		"empty": nil, "text": nil, "link": nil, "full": nil, "over": safefile.ErrTooLarge, "pipe": safefile.ErrNotRegular,
		".": safefile.ErrNotRegular, "/dev/zero": safefile.ErrNotRegular, "missing": fs.ErrNotExist,
	} {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		data, err := safefile.Read(path)
		if !errors.Is(err, want) || (err == nil) != (data != nil) {
			t.Errorf("%s: error %v, want %v", path, err, want)
		}
	}
}

// TestBelow: a name that a stranger chose leads to nothing outside of the directory, be it read or locked.
func TestBelow(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "f"), "outside")
	dir := t.TempDir()
	write(t, filepath.Join(mkdir(t, filepath.Join(dir, "sub", "deep")), "f"), "inside")
	symlink(t, outside, filepath.Join(dir, "out"))
	symlink(t, "sub", filepath.Join(dir, "in"))
	symlink(t, filepath.Join(outside, "f"), filepath.Join(dir, "f"))
	tests := map[string]struct {
		name         string
		reads, locks bool
	}{
		"inside":              {"sub/deep/f", true, true},
		"not clean":           {"sub/./deep//f", true, true},
		"absolute":            {filepath.Join(outside, "f"), false, false},
		"parent":              {"../" + filepath.Base(outside) + "/f", false, false},
		"parent in between":   {"sub/../../" + filepath.Base(outside) + "/f", false, false},
		"link to a directory": {"out/f", false, false},
		"link that stays":     {"in/deep/f", false, false},
		"link to a file":      {"f", false, true},
		"the directory":       {".", false, false},
		"nothing":             {"", false, false},
		"no directory":        {"sub/deep/f/f", false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			data, err := safefile.ReadBelow(dir, tt.name)
			if tt.reads != (err == nil) || tt.reads && string(data) != "inside" {
				t.Errorf("read %q, %v", data, err)
			}
			lock, err := safefile.AcquireBelow(t.Context(), dir, tt.name)
			if tt.locks != (err == nil) {
				t.Fatalf("lock: %v", err)
			}
			if err != nil {
				return
			}
			defer lock.Close()
			_, err = lock.Replace(safefile.Change{Path: filepath.Join(dir, tt.name), Old: []byte("outside"), New: []byte("mine")})
			if err == nil {
				t.Error("replaced")
			}
		})
	}
	if data, err := os.ReadFile(filepath.Join(outside, "f")); err != nil || string(data) != "outside" {
		t.Errorf("the file outside holds %q (%v)", data, err)
	}
}
