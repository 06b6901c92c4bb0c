package command

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/compose-secure/compose-secure/boot"
	"github.com/compose-secure/compose-secure/engine"
)

// checkBoot finds projects that the engine starts again after a reboot, when nothing
// puts their files back before it does.
func (d *doctor) checkBoot(ctx context.Context) {
	if !d.systemdRuns() {
		return
	}
	installed, any := boot.Installed(d.unitDir("")), false
	install := "compose-secure boot install"
	if os.Geteuid() == 0 {
		install = "sudo " + install
	}
	for _, m := range d.projects {
		restarts, err := m.restarts(ctx, d.eng)
		switch {
		case err != nil:
			d.add("boot", err, "")
		case restarts && !installed:
			d.add("boot", fmt.Errorf("%s has \"restart:\", but nothing fills the store after a reboot; run: %s", m.project, install), "")
		}
		any = any || restarts
	}
	if any && installed {
		d.add("boot", nil, "%s fills the store after a reboot", boot.UnitName)
	}
}

// restarts reports whether the engine starts a container of the project when it starts itself.
func (m *mounting) restarts(ctx context.Context, eng *engine.Engine) (bool, error) {
	var errs []error
	for _, c := range m.containers {
		policy, err := eng.RestartPolicy(ctx, c.ID)
		if err == nil && (policy == "always" || policy == "unless-stopped") {
			return true, nil
		}
		errs = append(errs, err)
	}
	return false, errors.Join(errs...)
}
