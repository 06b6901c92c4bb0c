//go:build !unix

package compose

import "os"

func inForeground() bool { return true }

func signalNumber(*os.ProcessState) int { return 1 }
