//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-secure/compose-secure/transform"
)

func pidText(pid int) string { return strconv.Itoa(pid) }

// processEnv is the environment that a process was started with.
func processEnv(t *testing.T, pid int) map[string]string {
	t.Helper()
	awaitExec(t, pid)
	data, err := os.ReadFile(filepath.Join("/proc", pidText(pid), "environ"))
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for kv := range strings.SplitSeq(strings.TrimSuffix(string(data), "\x00"), "\x00") {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	return env
}

// awaitExec waits until the program runs in place of the wrapper that starts
// it: reading a large value takes a shell a moment, and no healthcheck says
// when that is over.
func awaitExec(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		args, err := os.ReadFile(filepath.Join("/proc", pidText(pid), "cmdline"))
		if err != nil {
			t.Fatal(err)
		}
		if len(args) == 0 { // the kernel is between two programs: the environment is empty too
			continue
		}
		first, _, _ := bytes.Cut(args, []byte{0})
		shell := string(first) == "/bin/sh" && bytes.Contains(args, []byte("\x00compose-secure\x00"))
		if !shell && string(first) != transform.HelperTarget && string(first) != "runc" {
			return
		}
	}
	t.Fatalf("process %d is still the wrapper", pid)
}
