package dockercli

import "syscall"

// DieWithUs makes the kernel end a program when this process is killed:
// left alone it would go on working on a project that nobody has locked.
// The signal follows the thread that starts the command; see Exec, Start and prctl(2), PR_SET_PDEATHSIG.
func DieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
