package engine

import (
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// thisMachine returns the kernel release and the bytes of memory, measured as
// the engine measures them.
func thisMachine() (kernel string, memory int64, err error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", 0, fmt.Errorf("ask for the kernel release: %w", err)
	}
	var s unix.Sysinfo_t
	if err := unix.Sysinfo(&s); err != nil {
		return "", 0, fmt.Errorf("ask for the memory size: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), int64(uint64(s.Totalram) * uint64(s.Unit)), nil
}

// ownerOf returns the user who runs the engine behind a unix socket, and the process that
// listens there; for other addresses the current user and 0.
func ownerOf(host string) (uid, pid int, err error) {
	path, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return os.Geteuid(), 0, nil
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		return 0, 0, fmt.Errorf("ask who runs the engine: %w", err)
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, 0, fmt.Errorf("ask who runs the engine: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = credErr
	}
	if err != nil {
		return 0, 0, fmt.Errorf("ask who runs the engine: %w", err)
	}
	return int(cred.Uid), int(cred.Pid), nil
}
