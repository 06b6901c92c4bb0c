package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// UnitName is the systemd unit that puts the files back.
const UnitName = "compose-secure-boot.service"

// wantedBy starts it at boot; see systemd.unit(5).
const (
	systemTarget = "multi-user.target"
	userTarget   = "default.target"
)

// Unit returns the text of the unit for the binary at path. It runs before the
// engine, whose containers with a restart policy need the files, and after the
// network, which sources may need. The engine does not wait for it longer than
// that: it is ordered before, and not required.
func Unit(path string, user bool) string {
	network := "After=network-online.target local-fs.target\nWants=network-online.target\n"
	target := systemTarget
	if user {
		network, target = "", userTarget
	}
	return fmt.Sprintf(`[Unit]
Description=Put the secrets of Compose projects back into RAM
Documentation=man:compose-secure(1)
Before=docker.service
%s
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=%s boot run
TimeoutStartSec=5min
Restart=on-failure
RestartSec=30

[Install]
WantedBy=%s
`, network, quoteExec(path), target)
}

// quoteExec makes path one word of ExecStart=; see systemd.service(5), "Command lines".
func quoteExec(path string) string {
	path = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$").Replace(path)
	if strings.ContainsAny(path, " \t'\"\\") {
		return `"` + path + `"`
	}
	return path
}

// Install writes the unit below dir, such as /etc/systemd/system, and enables
// it the way systemctl enable does, by a symlink.
func Install(dir, binary string, user bool) (path string, err error) {
	target := systemTarget
	if user {
		target = userTarget
	}
	wants := filepath.Join(dir, target+".wants")
	if err := os.MkdirAll(wants, 0o755); err != nil { //nolint:gosec // systemd's own mode
		return "", fmt.Errorf("install the unit: %w", err)
	}
	path = filepath.Join(dir, UnitName)
	if err := os.WriteFile(path, []byte(Unit(binary, user)), 0o644); err != nil { //nolint:gosec // a unit holds no secret
		return "", fmt.Errorf("install the unit: %w", err)
	}
	link := filepath.Join(wants, UnitName)
	if err := os.Symlink(filepath.Join("..", UnitName), link); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("enable the unit: %w", err)
	}
	return path, nil
}

// Program returns the program that the unit in dir runs, "" when there is none.
func Program(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, UnitName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the unit: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		word, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecStart=")
		if word, ours := strings.CutSuffix(word, " boot run"); ok && ours {
			return unquoteExec(word), nil
		}
	}
	return "", nil
}

// unquoteExec takes back quoteExec.
func unquoteExec(word string) string {
	if len(word) > 1 && word[0] == '"' {
		word = word[1 : len(word)-1]
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, "%%", "%", "$$", "$").Replace(word)
}

// Installed reports whether dir has the unit, enabled.
func Installed(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, UnitName)); err != nil {
		return false
	}
	return slices.ContainsFunc([]string{systemTarget, userTarget}, func(target string) bool {
		_, err := os.Lstat(filepath.Join(dir, target+".wants", UnitName))
		return err == nil
	})
}

// Remove takes back what Install wrote; what is not there is no error.
func Remove(dir string) error {
	var errs []error
	for _, path := range []string{
		filepath.Join(dir, systemTarget+".wants", UnitName), filepath.Join(dir, userTarget+".wants", UnitName), filepath.Join(dir, UnitName),
	} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove the unit: %w", err))
		}
	}
	return errors.Join(errs...)
}
