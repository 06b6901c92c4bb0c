// Package tmpfs owns the RAM store: the files that containers mount as
// secrets. It chooses and checks the filesystem, keeps one directory per
// project, replaces files atomically and locks out a second writer.
//
// It does not know where values come from, which service uses which file or
// whether a container still needs one; the caller decides that and removes.
// There is no fall-back to disk.
package tmpfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"sort"
)

// Options chooses the store. The zero Options is what users get.
type Options struct {
	// Root is the directory to use in place of the usual one. It gets the
	// same checks, but nothing is mounted on it.
	Root string
	// Getenv reads the environment; nil means os.Getenv.
	Getenv func(string) string
}

// Store is an open RAM store.
type Store struct {
	dir      string
	root     *os.Root
	linger   string
	warnings []string
	engine   int
}

// Open returns the store of the current user and makes it when it is missing:
// for root a tmpfs of its own at /run/compose-secure (noswap where the kernel
// knows it), for others compose-secure in $XDG_RUNTIME_DIR or /run/user/UID,
// else /dev/shm/compose-secure-UID. A directory that is not on tmpfs or ramfs,
// belongs to somebody else, is open to others or is a symlink is refused with
// an error that names it.
func Open(o Options) (*Store, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	return open(o)
}

// Dir returns the directory that Open would use, and touches nothing.
func Dir(o Options) string {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	return rootDir(o)
}

// Close releases the directory handle; files and mounts stay.
func (s *Store) Close() error { return s.root.Close() }

// Dir returns the absolute path of the store.
func (s *Store) Dir() string { return s.dir }

// Warnings lists what weakens the store without making it unusable, such as
// swap that can take its pages. Each is one line.
func (s *Store) Warnings() []string { return s.warnings }

// LingerWarning says that the files vanish when the user's last login ends,
// or is empty when they do not. The text is returned once per Store. It
// matters to callers that leave containers running.
func (s *Store) LingerWarning() string {
	text := s.linger
	s.linger = ""
	return text
}

// UseEngine names the process of a rootless engine, as engine.IDMap has it, 0 for none. In
// its user namespace a user who is not root can give files to the user's
// subordinate ids, and read them again.
func (s *Store) UseEngine(pid int) { s.engine = pid }

// Projects lists the projects that have a directory in the store, sorted.
func (s *Store) Projects() ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, s.explain("list", s.dir, err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && validProject(e.Name()) {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, nil
}

// Project returns the part of the store that belongs to a Compose project. It
// touches nothing: Lock makes the directory.
func (s *Store) Project(name string) (*Project, error) {
	if !validProject(name) {
		return nil, errName(name)
	}
	return &Project{store: s, name: name}, nil
}

func errName(project string) error {
	return fmt.Errorf("project name %q may hold only a-z, 0-9, - and _, and starts with a letter or digit", project)
}

// The name grammar of the Compose specification, bounded by what a directory
// name can hold.
func validProject(name string) bool { return len(name) <= maxName && projectName.MatchString(name) }

// Secret names as Compose and Swarm take them, with an optional suffix for the
// owner and mode. No leading dot: those names are the store's own.
func validFile(name string) bool { return len(name) <= maxName && fileName.MatchString(name) }

// The length is no part of the patterns: compiled, a count of 200 is 200 states,
// and a millisecond of every start.
var (
	projectName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	fileName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@-]*$`)
)

const maxName = 200 // bytes

// checkDir refuses a directory that somebody else could have put there or
// can look into.
func checkDir(path string, fi fs.FileInfo) error {
	switch {
	case fi.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%q is a symlink and is not followed: remove it", path)
	case !fi.IsDir():
		return fmt.Errorf("%q is not a directory: remove it", path)
	case !ownedByUs(fi):
		return fmt.Errorf("%q belongs to another user: have it removed", path)
	case fi.Mode().Perm() != 0o700:
		return fmt.Errorf("%q is open to others (mode %04o): remove it or set mode 0700", path, fi.Mode().Perm())
	}
	return nil
}

// openDir opens name inside root without following a symlink and with the
// checks of checkDir. A missing directory is fs.ErrNotExist, one that was
// removed and made anew meanwhile errStale.
func openDir(root *os.Root, name, path string) (*os.Root, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if err := checkDir(path, before); err != nil {
		return nil, err
	}
	dir, err := root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	after, err := dir.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = fmt.Errorf("%q was replaced while it was opened: %w", path, errStale)
	}
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

// makeDir makes name with mode 0700 whatever the umask is; one that is there
// already is left for openDir to judge.
func makeDir(root *os.Root, name string) error {
	err := root.Mkdir(name, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return root.Chmod(name, 0o700)
}
