package command

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// protectMemory keeps the memory of this process from core dumps and from other programs of its user, which could read it
// through /proc or attach to it: PR_SET_DUMPABLE, see PR_SET_DUMPABLE(2const) and ptrace(2). It ends at the next exec, so that
// children are as they would be without it. Root with CAP_SYS_PTRACE still reads everything.
func protectMemory() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("the memory of this process can be dumped and be read by other programs of this user: %w", err)
	}
	return nil
}
