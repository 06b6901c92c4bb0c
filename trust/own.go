package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks bounds how many symlinks a path may lead through.
const maxLinks = 40

// Own reports, as an error, why a regular file does not speak for the user: it, a
// symlink on the way to it, or a directory below top that leads to it belongs to
// somebody other than the user or root, or can be written by others; or a symlink
// leads out of top. A missing file is an error that wraps fs.ErrNotExist.
//
// A group may write only if it is the user's own, with the number of the user,
// as distributions that give each user a group make it. A sticky directory such as /tmp does, since
// nobody can replace the file of another there. path and top are absolute; top has no symlink in it.
func Own(path, top string) error {
	real, err := ownWalk(path, top)
	if err != nil {
		return err
	}
	// A .. behind a symlink means to the kernel what it does not mean in the text of a path.
	if got, err := filepath.EvalSymlinks(path); err != nil || got != real {
		return errors.New("it leads through a .. behind a symlink")
	}
	return nil
}

// ownWalk looks at each part of a path, and returns the file that it leads to.
func ownWalk(path, top string) (string, error) {
	links := 0
	at, rest := top, relativeTo(top, path)
	if rest == "" {
		return "", fmt.Errorf("it lies outside of %q", top)
	}
	for {
		info, err := os.Lstat(at)
		if err != nil {
			return "", err
		}
		if err := ownEntry(at, info, rest == ""); err != nil && at != "/" {
			return "", err
		}
		if info.Mode()&os.ModeSymlink != 0 {
			if links++; links > maxLinks {
				return "", errors.New("it leads through too many symlinks")
			}
			to, err := os.Readlink(at)
			if err != nil {
				return "", err
			}
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(at), to)
			}
			at, rest = top, relativeTo(top, filepath.Join(to, rest))
			if rest == "" {
				return "", fmt.Errorf("it is a symlink that leads out of %q", top)
			}
			continue
		}
		if rest == "" {
			if !info.Mode().IsRegular() {
				return "", errors.New("it is not a regular file")
			}
			return at, nil
		}
		var name string
		name, rest, _ = strings.Cut(rest, string(filepath.Separator))
		at = filepath.Join(at, name)
	}
}

// relativeTo is path below top, "" if it is not below.
func relativeTo(top, path string) string {
	rel, err := filepath.Rel(top, path)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return ""
	}
	return rel
}

func ownEntry(path string, info os.FileInfo, last bool) error {
	owner, group, ok := Owner(info)
	if !ok {
		return fmt.Errorf("%q has no owner that is known", path)
	}
	if owner != os.Geteuid() && owner != 0 {
		return fmt.Errorf("%q belongs to user %d, neither to you nor to root", path, owner)
	}
	mode := info.Mode()
	if mode&os.ModeSymlink != 0 || mode.IsDir() && mode&os.ModeSticky != 0 && !last {
		return nil // the mode of a symlink means nothing
	}
	if mode.Perm()&0o002 != 0 {
		return fmt.Errorf("%q can be written by everybody; chmod o-w it", path)
	}
	if mode.Perm()&0o020 != 0 && group != 0 && group != owner {
		return fmt.Errorf("%q can be written by group %d; chmod g-w it", path, group)
	}
	return nil
}
