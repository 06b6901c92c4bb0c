// Package dockercli owns what the docker command and docker compose have on this machine: Docker's configuration
// directory and contexts, the folders of plugins, docker compose itself with the table of its commands, and how programs
// of docker are started. It knows nothing of a project, nor of secrets.
package dockercli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/subprocess"
)

// MinVersion is the oldest docker compose that is supported.
const MinVersion = "2.20"

// Compose is the installed docker compose.
type Compose struct {
	Path    string // of the plugin's binary
	Version string // as it reports it
}

// FindCompose finds the Compose plugin where the docker command looks for it
// (https://docs.docker.com/compose/install/linux/): the user's own directory, those of
// cliPluginsExtraDirs in config.json, the system's. The plugin runs on its own, without the docker command in between.
func FindCompose(ctx context.Context, getenv func(string) string) (*Compose, error) {
	path := findPlugin(getenv, "compose")
	if path == "" {
		return nil, fmt.Errorf("docker compose is not installed; install the Compose plugin %s or newer (Debian, Ubuntu: docker-compose-plugin)", MinVersion)
	}
	d := &Compose{Path: path}
	var err error
	if d.Version, err = versionOf(ctx, path, getenv); err != nil {
		return nil, err
	}
	if older(d.Version, MinVersion) {
		return nil, fmt.Errorf("docker compose %s at %s is too old; install %s or newer", d.Version, path, MinVersion)
	}
	return d, nil
}

// HasPlugin reports whether the docker command has a plugin of that name where it looks for one.
func HasPlugin(getenv func(string) string, name string) bool { return findPlugin(getenv, name) != "" }

// ConfigDir is the directory of docker's configuration, relative only when DOCKER_CONFIG is.
func ConfigDir(getenv func(string) string) string {
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	return filepath.Join(HomeDir(getenv), ".docker")
}

func findPlugin(getenv func(string) string, plugin string) string {
	config := ConfigDir(getenv)
	var dirs []string
	var settings struct {
		Dirs []string `json:"cliPluginsExtraDirs"`
	}
	if data, err := os.ReadFile(filepath.Join(config, "config.json")); err == nil && filepath.IsAbs(config) && json.Unmarshal(data, &settings) == nil {
		dirs = settings.Dirs
	}
	dirs = append(dirs, filepath.Join(config, "cli-plugins"),
		"/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
		"/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins")
	name := "docker-" + plugin
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) { // it would start in the project, whose files are not the user's to run
			continue
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// versionOf asks the binary once and remembers the answer for as long as the
// binary stays the same: asking takes longer than all the rest of a start.
func versionOf(ctx context.Context, path string, getenv func(string) string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read %q: %w", path, err)
	}
	key := fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())
	cache := cacheFile(getenv)
	if data, err := os.ReadFile(cache); err == nil {
		if k, v, ok := strings.Cut(strings.TrimSpace(string(data)), "\n"); ok && k == key {
			return v, nil
		}
	}
	var out bytes.Buffer
	cmd := subprocess.Command(ctx, []string{"PATH=" + getenv("PATH"), "HOME=" + HomeDir(getenv)}, path, "version", "--short")
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s does not run as docker compose: %w", path, err)
	}
	version := strings.TrimPrefix(strings.TrimSpace(out.String()), "v")
	if cache != "" && os.MkdirAll(filepath.Dir(cache), 0o700) == nil {
		_ = os.WriteFile(cache, []byte(key+"\n"+version+"\n"), 0o600) // without it the next start is slower, no more
	}
	return version, nil
}

// HomeDir is the user's home: HOME, else that of the system's list of users, "" when there is none.
// It is absolute: a relative one would be a directory of the project.
func HomeDir(getenv func(string) string) string {
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return home
	}
	if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
		return u.HomeDir
	}
	return ""
}

// CacheDir is where facts that are no secret may be kept, or "".
func CacheDir(getenv func(string) string) string {
	dir := getenv("XDG_CACHE_HOME")
	if dir == "" {
		if home := HomeDir(getenv); home != "" {
			dir = filepath.Join(home, ".cache")
		}
	}
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "compose-secure")
}

func cacheFile(getenv func(string) string) string {
	if dir := CacheDir(getenv); dir != "" {
		return filepath.Join(dir, "compose-version")
	}
	return ""
}

// older compares major and minor numbers; what is no version is not older.
func older(version, than string) bool {
	a, known := parseVersion(version)
	b, _ := parseVersion(than)
	return known && slices.Compare(a, b) < 0
}

// parseVersion returns the first two numbers of a version.
func parseVersion(version string) ([]int, bool) {
	var numbers []int
	for part := range strings.SplitSeq(version, ".") {
		digits := part[:len(part)-len(strings.TrimLeft(part, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil {
			return nil, false
		}
		if numbers = append(numbers, n); len(numbers) == 2 {
			return numbers, true
		}
		if digits != part {
			break
		}
	}
	return nil, false
}

// Run is one call of docker compose.
type Run struct {
	Args           []string // after the model's own: flags and command
	Env            []string
	Model          []byte // passed in memory when ModelPath is ""
	ModelPath      string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Signals        <-chan os.Signal // forwarded to the command
}

// Exec runs docker compose and returns its exit code. An error means that it
// did not run at all.
func (d *Compose) Exec(r Run) (int, error) {
	cmd := subprocess.Command(context.Background(), r.Env, d.Path) // ended by the signals it gets itself, so that it can clean up
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.Stdin, r.Stdout, r.Stderr
	cmd.Args = []string{"docker-compose"}
	path := r.ModelPath
	if path == "" && r.Model != nil {
		f, err := safefile.Memory("compose.json", r.Model)
		if err != nil {
			return 0, err
		}
		defer func() { _ = f.Close() }() // nothing to lose
		cmd.ExtraFiles, path = []*os.File{f}, "/dev/fd/3"
	}
	if path != "" { // what the project's own env files say is in the model
		cmd.Args = append(cmd.Args, "-f", path, "--env-file", os.DevNull)
	}
	cmd.Args = append(cmd.Args, r.Args...)
	cmd.SysProcAttr = DieWithUs()
	runtime.LockOSThread() // the thread that starts the command must live as long as it does
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("run docker compose: %w", err)
	}
	done := make(chan struct{})
	defer close(done)
	go forward(r.Signals, cmd.Process, done)
	return exitCode(cmd.Wait())
}

// exitCode is that of the command: 128 and the signal's number when one ended it.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if code := exit.ExitCode(); code >= 0 {
			return code, nil
		}
		return 128 + signalNumber(exit.ProcessState), nil
	}
	if err != nil {
		return 0, fmt.Errorf("run docker compose: %w", err)
	}
	return 0, nil
}

// forward passes signals on, save those that the terminal sends to the command as
// well: a second SIGINT would make docker compose give up on a clean stop.
func forward(signals <-chan os.Signal, process *os.Process, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case s := <-signals:
			if s == os.Interrupt && inForeground() {
				continue
			}
			_ = process.Signal(s) // it may have ended just now
		}
	}
}
