package boot

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/subprocess"
)

// Machine is where systemd and its units are looked for.
type Machine struct {
	Root   string // the directory that has the place of /; "" is the machine's own
	Getenv func(string) string
}

// UnitDir is where the unit is installed below root, a directory as the user writes it; "" is this machine.
func (m Machine) UnitDir(root string) (string, error) {
	if root == "" {
		root = cmp.Or(m.Root, "/")
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("find %q: %w", root, err)
	}
	if os.Geteuid() == 0 {
		return filepath.Join(root, "etc/systemd/system"), nil
	}
	config := m.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = filepath.Join("/", dockercli.HomeDir(m.Getenv), ".config")
	}
	return filepath.Join(root, config, "systemd/user"), nil
}

// SystemdRuns is sd_booted(3).
func (m Machine) SystemdRuns() bool {
	_, err := os.Stat(filepath.Join("/", m.Root, "run/systemd/system"))
	return err == nil
}

// Reload has systemd read its units again: root's, or those of the user.
func Reload(ctx context.Context, environ []string) error {
	args := []string{"daemon-reload"}
	if os.Geteuid() != 0 {
		args = append([]string{"--user"}, args...)
	}
	cmd := subprocess.Command(ctx, subprocess.Program(environ, "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"), "systemctl", args...) // where the user's systemd listens
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("systemctl %s: %s", strings.Join(args, " "), strings.TrimSpace(string(out)))
	}
	return nil
}
