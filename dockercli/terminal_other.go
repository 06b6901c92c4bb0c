//go:build !unix

package dockercli

import "os"

func inForeground() bool { return true }

func signalNumber(*os.ProcessState) int { return 1 }
