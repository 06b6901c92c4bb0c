package wrap

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// importImage makes an image of the given files through the docker command.
func importImage(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, source := range files {
		content, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ref := "compose-secure-wrap-test:" + strings.ToLower(rand.Text())
	cmd := exec.Command("docker", "import", "-", ref)
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { docker(t, "rmi", "-f", ref) })
	return ref
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// The wrapped program is process 1 and alone has the value: neither inspect nor
// a fresh exec shows it.
func TestInContainers(t *testing.T) {
	const sentinel = "sentinel-5f1d\n"
	path := filepath.Join(t.TempDir(), "secret")
	program := filepath.Join(t.TempDir(), "helper")
	bin, err := Helper(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(sentinel), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, bin, 0o555); err != nil {
		t.Fatal(err)
	}
	vars := []Var{{Name: "DB_PASSWORD", Path: "/run/secrets/db"}}
	shell, err := Shell(vars)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		files map[string]string
		args  []string
	}{
		{"with a shell", map[string]string{"bin/busybox": "/bin/busybox", "bin/sh": "/bin/busybox"}, shell},
		{"from scratch", map[string]string{"bin/busybox": "/bin/busybox"}, HelperArgs("/helper", vars)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ref := importImage(t, tt.files)
			name := "compose-secure-wrap-" + strings.ToLower(rand.Text())
			args := []string{"run", "-d", "--name", name, "--network=none", "--read-only", "--user", "1234:1234", "-e", "DB_PASSWORD=decoy",
				"-v", path + ":/run/secrets/db:ro", "-v", program + ":/helper:ro", "--entrypoint", tt.args[0], ref}
			args = append(args, tt.args[1:]...)
			docker(t, append(args, "/bin/busybox", "sleep", "600")...)
			t.Cleanup(func() { docker(t, "rm", "-f", name) })
			waitForProgram(t, name)
			env := docker(t, "exec", name, "/bin/busybox", "cat", "/proc/1/environ")
			if !strings.Contains(env, "DB_PASSWORD="+sentinel+"\x00") || strings.Contains(env, "decoy") {
				t.Errorf("the program has %q", env)
			}
			if got := docker(t, "exec", name, "/bin/busybox", "cat", "/proc/1/cmdline"); got != "/bin/busybox\x00sleep\x00600\x00" {
				t.Errorf("process 1 is %q", got)
			}
			for _, seen := range []string{docker(t, "inspect", name), docker(t, "exec", name, "/bin/busybox", "env"), docker(t, "logs", name), docker(t, "diff", name)} {
				if strings.Contains(seen, strings.TrimSpace(sentinel)) {
					t.Errorf("the value is seen in %q", seen)
				}
			}
		})
	}
}

// waitForProgram waits until process 1 is no longer the wrapper.
func waitForProgram(t *testing.T, name string) {
	t.Helper()
	for range 50 {
		if strings.HasPrefix(docker(t, "exec", name, "/bin/busybox", "cat", "/proc/1/cmdline"), "/bin/busybox\x00") {
			return
		}
	}
	t.Fatalf("the program was not started: %s", docker(t, "logs", name))
}
