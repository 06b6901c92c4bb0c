package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/compose-secure/compose-secure/boot"
	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/engine"
)

// checkBoot finds projects that the engine starts again after a reboot, when nothing
// puts their files back before it does.
func (d *doctor) checkBoot(ctx context.Context) {
	if !d.Machine.SystemdRuns() {
		return
	}
	dir, err := d.Machine.UnitDir("")
	if err != nil {
		d.add("boot", err, "")
		return
	}
	installed, any := boot.Installed(dir), false
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

// checkTrust finds what others can replace of what boot reads and runs: it leaves such a project out.
func (d *doctor) checkTrust(context.Context) {
	records, err := d.Env.Records().List()
	if err != nil {
		d.add("boot", err, "")
	}
	for _, r := range records {
		if err := deliver.Untrusted(r); err != nil {
			d.add("boot", fmt.Errorf("project %s: %w; its secrets are not put back after a reboot", r.Project, err), "")
		}
	}
	dir, err := d.Machine.UnitDir("")
	var program string
	if err == nil {
		program, err = boot.Program(dir)
	}
	if err != nil {
		d.add("boot", err, "")
		return
	}
	if program == "" {
		return
	}
	if err := boot.CheckTrust(program, os.Geteuid()); err != nil {
		d.add("boot", fmt.Errorf("others can replace the program that %s runs: %w, then run compose-secure boot install", boot.UnitName, err), "")
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
