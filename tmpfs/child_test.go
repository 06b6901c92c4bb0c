//go:build linux

package tmpfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/compose-secure/compose-secure/secret"
)

var (
	putA = bytes.Repeat([]byte("a"), 400_000)
	putB = bytes.Repeat([]byte("b"), 500_000)
)

// children are what the test binary does when it is started by child. Each
// returns its exit code.
var children = map[string]func(args []string) int{
	"lock":  childLock,
	"put":   childPut,
	"user":  report(childUser),
	"full":  report(childFull),
	"ro":    report(childReadOnly),
	"mount": report(childMount),
	"over":  report(childMountOver),
	"root":  report(childRoot),
}

func report(f func(args []string) error) func([]string) int {
	return func(args []string) int {
		if err := f(args); err != nil {
			fmt.Println(err)
			return 1
		}
		return 0
	}
}

func lockAt(root string) (*Project, error) {
	s, err := Open(Options{Root: root})
	if err != nil {
		return nil, err
	}
	p, err := s.Project("p")
	if err != nil {
		return nil, err
	}
	_, err = p.Lock()
	return p, err
}

func childLock(args []string) int {
	_, err := lockAt(args[0])
	if locked := (*LockedError)(nil); errors.As(err, &locked) {
		fmt.Println(err)
		return 7
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func childPut(args []string) int {
	p, err := lockAt(args[0])
	for i := 0; err == nil; i++ {
		v := putA
		if i%2 == 1 {
			v = putB
		}
		_, err = p.Put("s", secret.NewValue(v), -1, -1, 0o400)
		if i == 0 {
			fmt.Println("ready")
		}
	}
	fmt.Println(err)
	return 1
}

func childUser([]string) error {
	s, err := Open(Options{})
	if err != nil {
		return err
	}
	p, err := s.Project("compose-secure-test")
	if err != nil {
		return err
	}
	unlock, err := p.Lock()
	if err != nil {
		return err
	}
	defer os.Remove(s.Dir()) // if it was not there before
	defer unlock()
	if _, err := p.Put("s", secret.NewValue([]byte("v")), -1, -1, 0o444); err != nil {
		return err
	}
	var owner *OwnerError
	if _, err := p.Put("other", secret.NewValue([]byte("v")), 4711, -1, 0o400); !errors.As(err, &owner) {
		return fmt.Errorf("giving a file away: %v, want an OwnerError", err)
	}
	names, err := p.List()
	if err != nil || len(names) != 1 {
		return fmt.Errorf("files %v, %v", names, err)
	}
	if uid := os.Geteuid(); s.Dir() != userRoot("", uid) || uid == 0 {
		return fmt.Errorf("user %d got %q", uid, s.Dir())
	}
	return p.RemoveAll()
}

// private makes the mounts of this process its own and mounts a RAM disk.
func private(dir, data string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("test", dir, "tmpfs", 0, data)
}

func childFull(args []string) error {
	if err := private(args[0], "size=64k,mode=0700"); err != nil {
		return err
	}
	p, err := lockAt(filepath.Join(args[0], "store"))
	if err != nil {
		return err
	}
	if _, err := p.Put("old", secret.NewValue([]byte("kept")), -1, -1, 0o400); err != nil {
		return err
	}
	for _, file := range []string{"new", "old"} {
		_, err = p.Put(file, secret.NewValue(bytes.Repeat([]byte("sentinel"), 20_000)), -1, -1, 0o400)
		if err == nil || !strings.Contains(err.Error(), "RAM disk is full") || !strings.Contains(err.Error(), p.Path(file)) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "sentinel") {
			return fmt.Errorf("a full RAM disk gave %q", err)
		}
	}
	if v, _, err := p.Get("old"); err != nil || string(v.Reveal()) != "kept" {
		return fmt.Errorf("the old file was lost: %v", err)
	}
	entries, err := os.ReadDir(p.Dir())
	if err != nil || len(entries) != 2 { // the lock and old
		return fmt.Errorf("left behind: %v %v", entries, err)
	}
	// With not one page left a project can still be locked and removed.
	for i := 0; err == nil; i++ {
		_, err = p.Put(fmt.Sprintf("fill%d", i), secret.NewValue([]byte("x")), -1, -1, 0o400)
	}
	other, err := p.store.Project("other")
	if err != nil {
		return err
	}
	unlock, err := other.Lock()
	if err != nil {
		return fmt.Errorf("lock on a full RAM disk: %w", err)
	}
	unlock()
	if err := p.RemoveAll(); err != nil {
		return err
	}
	_, err = p.Put("new", secret.NewValue([]byte("v")), -1, -1, 0o400)
	return err
}

func childReadOnly(args []string) error {
	if err := private(args[0], "mode=0700"); err != nil {
		return err
	}
	store, readOnly := filepath.Join(args[0], "store"), filepath.Join(args[0], "ro")
	if _, err := lockAt(store); err != nil {
		return err
	}
	if err := os.Mkdir(readOnly, 0o700); err != nil {
		return err
	}
	if err := unix.Mount(store, readOnly, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	if err := unix.Mount("", readOnly, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		return err
	}
	if _, err := lockAt(readOnly); err == nil || !strings.Contains(err.Error(), "RAM disk is read-only") || strings.Contains(err.Error(), "\n") {
		return fmt.Errorf("locking gave %q", err)
	}
	s, err := Open(Options{Root: readOnly})
	if err != nil {
		return err
	}
	p := &Project{store: s, name: "p"}
	if p.root, err = openDir(s.root, "p", p.Dir()); err != nil {
		return err
	}
	if _, err := p.Put("s", secret.NewValue([]byte("v")), -1, -1, 0o400); err == nil || !strings.Contains(err.Error(), "RAM disk is read-only") {
		return fmt.Errorf("writing gave %q", err)
	}
	return nil
}

// childMount lets many mount the same store at once, again and again.
func childMount(args []string) error {
	if err := private(args[0], ""); err != nil {
		return err
	}
	var dir string
	for i := range 30 {
		dir = filepath.Join(args[0], fmt.Sprintf("compose secure %d", i)) // a name that mountinfo escapes
		if err := mountAtOnce(dir); err != nil {
			return err
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return err
	}
	const want = unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC
	if st.Flags&want != want {
		return fmt.Errorf("mount flags %#x", st.Flags)
	}
	s, err := Open(Options{Root: dir})
	if err != nil {
		return err
	}
	return s.Close()
}

func mountAtOnce(dir string) error {
	errs := make(chan error, 16)
	start := make(chan struct{})
	for range cap(errs) {
		go func() {
			<-start
			errs <- ensureMount(dir)
		}()
	}
	close(start)
	for range cap(errs) {
		if err := <-errs; err != nil {
			return err
		}
	}
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	count := 0
	for _, m := range mounts {
		if m.point == dir {
			count++
		}
	}
	if count != 1 {
		return fmt.Errorf("%d mounts at %q", count, dir)
	}
	return nil
}

func childMountOver(args []string) error {
	if err := private(args[0], ""); err != nil {
		return err
	}
	dir := filepath.Join(args[0], "store")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	disk := args[1]
	if err := unix.Mount(disk, dir, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	if err := ensureMount(dir); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "not of a RAM disk") {
		return fmt.Errorf("a disk mounted there gave %q", err)
	}
	link := filepath.Join(args[0], "link")
	if err := os.Symlink(disk, link); err != nil {
		return err
	}
	if err := ensureMount(link); err == nil || !strings.Contains(err.Error(), "symlinks are not followed") {
		return fmt.Errorf("a symlink gave %q", err)
	}
	return nil
}

// childRoot is root with a /run of its own and the default options.
func childRoot([]string) error {
	if err := private("/run", ""); err != nil {
		return err
	}
	// A mount that a newer /run hides does not count.
	if err := errors.Join(os.Mkdir(systemRoot, 0o700), unix.Mount("test", systemRoot, "tmpfs", 0, "mode=0700")); err != nil {
		return err
	}
	if err := unix.Mount("test", "/run", "tmpfs", 0, ""); err != nil {
		return err
	}
	for range 2 {
		s, err := Open(Options{Getenv: func(string) string { return "/nowhere" }})
		if err != nil {
			return err
		}
		defer s.Close()
		if s.Dir() != "/run/compose-secure" || s.LingerWarning() != "" {
			return fmt.Errorf("root got %q", s.Dir())
		}
	}
	device, err := deviceOf(systemRoot)
	if err != nil {
		return err
	}
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	top, ok := mountedAt(mounts, systemRoot, device)
	// The kernel takes noswap since 6.4, outside a user namespace.
	refused := unix.Mount("test", "/run", "tmpfs", 0, "noswap") != nil
	if !ok || strings.Contains(top.options, "noswap") == refused {
		return fmt.Errorf("mounted as %+v; the kernel refuses noswap: %v", top, refused)
	}
	return nil
}
