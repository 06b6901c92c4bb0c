//go:build !linux

package compose

import "syscall"

// DieWithUs has no counterpart here.
func DieWithUs() *syscall.SysProcAttr { return nil }
