package tmpfs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountSize bounds what a mistake can take of the RAM: 500 secrets of the
// largest size. tmpfs uses only what is written.
const mountSize = "256m"

// ensureMount makes sure that dir is a mount point of tmpfs. Two processes may
// call it at once: the directory underneath is the lock, and whoever comes
// second finds the mount. Nothing is ever mounted over a mount.
func ensureMount(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the RAM store: %w", err)
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%q is not a directory of its own (symlinks are not followed): remove it", dir)
	}
	if err != nil {
		return fmt.Errorf("open %q: %w", dir, err)
	}
	under := os.NewFile(uintptr(fd), dir)
	defer under.Close()
	fi, err := under.Stat()
	if err != nil {
		return err
	}
	if err := checkDir(dir, fi); err != nil {
		return err
	}
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Flock(fd, unix.LOCK_EX)
	}
	if err != nil {
		return fmt.Errorf("lock %q: %w", dir, err)
	}
	device, err := deviceOf(dir)
	if err != nil {
		return err
	}
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	top, ok := mountedAt(mounts, dir, device)
	if !ok {
		return mountTmpfs(dir)
	}
	if top.fsType != "tmpfs" && top.fsType != "ramfs" {
		return fmt.Errorf("%q is a mount point of %s, not of a RAM disk: unmount it", dir, top.fsType)
	}
	return nil
}

func mountTmpfs(dir string) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	data := "mode=0700,size=" + mountSize
	err := unix.Mount("compose-secure", dir, "tmpfs", flags, data+",noswap")
	if errors.Is(err, unix.EINVAL) {
		// Kernels before 6.4 and user namespaces do not take noswap;
		// swapWarnings tells.
		err = unix.Mount("compose-secure", dir, "tmpfs", flags, data)
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("mount a RAM disk at %q: not permitted: inside a container mount a tmpfs there from outside", dir)
	}
	if err != nil {
		return fmt.Errorf("mount a RAM disk at %q: %w", dir, err)
	}
	return nil
}

// mount is one line of /proc/self/mountinfo, see proc_pid_mountinfo(5).
type mount struct {
	device  string // major:minor
	point   string
	fsType  string
	options string // of the filesystem, not of the mount
}

func readMounts() ([]mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list the mounts: %w", err)
	}
	defer f.Close()
	return parseMounts(f)
}

func parseMounts(r io.Reader) ([]mount, error) {
	var mounts []mount
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		head, tail, ok := strings.Cut(sc.Text(), " - ")
		h, t := strings.Split(head, " "), strings.Split(tail, " ")
		if !ok || len(h) < 5 || len(t) < 2 {
			continue
		}
		mounts = append(mounts, mount{device: h[2], point: unescape(h[4]), fsType: t[0], options: t[len(t)-1]})
	}
	return mounts, sc.Err()
}

// unescape undoes the octal escapes of mountinfo (space, tab, newline, \).
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// mountedAt returns the mount at dir. The list also holds mounts that others
// hide; the one that dir shows is on the device that dir is on.
func mountedAt(mounts []mount, dir, device string) (mount, bool) {
	for _, m := range mounts {
		if m.point == dir && m.device == device {
			return m, true
		}
	}
	return mount{}, false
}

// deviceOf returns the device of a directory as mountinfo writes it.
func deviceOf(dir string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return "", fmt.Errorf("look at %q: %w", dir, err)
	}
	return fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)), nil
}

// Filesystem returns what the store is on: the type, and whether the kernel
// keeps its pages off the swap devices. For doctor.
func (s *Store) Filesystem() (fsType string, noSwap bool, err error) {
	device, err := deviceOf(s.dir)
	if err != nil {
		return "", false, err
	}
	mounts, err := readMounts()
	if err != nil {
		return "", false, err
	}
	return filesystem(mounts, device)
}

// filesystem is the type of a device; ramfs never swaps.
func filesystem(mounts []mount, device string) (fsType string, noSwap bool, err error) {
	for _, m := range mounts {
		if m.device == device {
			return m.fsType, m.fsType == "ramfs" || strings.Contains(","+m.options+",", ",noswap,"), nil
		}
	}
	return "", false, fmt.Errorf("no mount of device %s is listed", device)
}

// swapWarnings says when pages of the store can reach a swap device.
func (s *Store) swapWarnings() ([]string, error) {
	swaps, err := os.ReadFile("/proc/swaps")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a kernel without swap
	}
	if err != nil {
		return nil, fmt.Errorf("list the swap devices: %w", err)
	}
	if !swapOn(string(swaps)) {
		return nil, nil
	}
	_, noSwap, err := s.Filesystem()
	if err != nil || noSwap {
		return nil, err
	}
	return []string{fmt.Sprintf("swap is on and %q is not mounted noswap, so secrets can be written to the swap device: encrypt the swap or turn it off", s.dir)}, nil
}

// swapOn reads /proc/swaps: a title, then one line per device. Compressed RAM
// is no disk.
func swapOn(swaps string) bool {
	for _, line := range strings.Split(swaps, "\n")[1:] {
		if f := strings.Fields(line); len(f) > 0 && !strings.HasPrefix(filepath.Base(f[0]), "zram") {
			return true
		}
	}
	return false
}

// lingerText is the warning for a user whose files systemd-logind removes at
// the last logout (the runtime directory always, /dev/shm with RemoveIPC);
// empty without logind or with lingering on.
func lingerText(lingerDir, logindDir, dir string) string {
	if _, err := os.Stat(logindDir); err != nil {
		return ""
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join(lingerDir, u.Username)); err == nil {
		return ""
	}
	return fmt.Sprintf("%q is emptied when your last login ends, containers then restart without their secrets: run loginctl enable-linger", dir)
}
