//go:build !linux

package dockercli

import "syscall"

// DieWithUs has no counterpart here.
func DieWithUs() *syscall.SysProcAttr { return nil }
