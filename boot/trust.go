package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/compose-secure/compose-secure/trust"
)

// maxLinks is how many symlinks a path may lead through, as in the kernel.
const maxLinks = 40

// CheckTrust returns an error when anybody but root and the user uid can replace the file or directory
// at path, an absolute one: when it, a symlink on the way or a directory above belongs to
// another user, or others may write it. In a sticky directory others may add and not replace, so
// that one counts for what is its own there. What does not exist is no error.
func CheckTrust(path string, uid int) error {
	at, rest := "/", strings.Split(filepath.Clean(path), "/")
	for links := 0; ; {
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look at %q: %w", at, err)
		}
		if err := checkOwner(at, info, uid); err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if links++; links > maxLinks {
				return fmt.Errorf("%q leads through too many symlinks", path)
			}
			target, err := os.Readlink(at)
			if err != nil {
				return fmt.Errorf("look at %q: %w", at, err)
			}
			if !filepath.IsAbs(target) {
				target = filepath.Dir(at) + "/" + target
			}
			at, rest = "/", append(strings.Split(target, "/"), rest...)
			continue
		}
		for len(rest) > 0 && (rest[0] == "" || rest[0] == ".") {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return nil
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:] // at is no symlink, so .. is what Join takes it for
	}
}

func checkOwner(path string, info fs.FileInfo, uid int) error {
	owner, group, ok := trust.Owner(info)
	if !ok {
		return fmt.Errorf("%q: its owner cannot be told", path)
	}
	if owner != 0 && owner != uid {
		return fmt.Errorf("%q belongs to uid %d; make it yours with chown", path, owner)
	}
	mode := info.Mode()
	switch {
	case mode&fs.ModeSymlink != 0, mode.IsDir() && mode&fs.ModeSticky != 0:
		return nil
	case mode&0o002 != 0:
		return fmt.Errorf("every user may write %q; take that away with chmod o-w", path)
	case mode&0o020 != 0 && !ownGroup(group, uid):
		return fmt.Errorf("group %d may write %q; take that away with chmod g-w", group, path)
	}
	return nil
}

// ownGroup reports whether a group is root's, or the one of the name of the user that many distributions
// give to each.
func ownGroup(gid, uid int) bool {
	if gid == 0 {
		return true
	}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil || uid == 0 {
		return false
	}
	g, err := user.LookupGroupId(strconv.Itoa(gid))
	return err == nil && g.Name == u.Username
}
