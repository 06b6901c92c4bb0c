package swarm

import (
	"context"
	"fmt"
	"maps"
)

// ownLabels are the labels of the compose file, by secret and by config.
func (d *Deployment) ownLabels() (secrets, configs map[string]map[string]string) {
	secrets, configs = map[string]map[string]string{}, map[string]map[string]string{}
	for key, s := range d.Project.Secrets {
		secrets[key] = s.Labels
	}
	for key, c := range d.Project.Configs {
		configs[key] = c.Labels
	}
	return secrets, configs
}

// relabel gives versions that were there before the deploy the labels that the compose file has now.
func (c *Cluster) relabel(ctx context.Context, v *view, d Deployment, names Names) error {
	secrets, configs := d.ownLabels()
	for base := range d.Secrets {
		o, differs := v.secrets.labelledOtherwise(base, names.Secrets[base], secrets[base])
		if !differs {
			continue
		}
		there, _, err := c.engine.SecretInspectWithRaw(ctx, o.id)
		if err == nil {
			there.Spec.Labels = relabelled(secrets[base], there.Spec.Labels)
			err = c.engine.SecretUpdate(ctx, o.id, there.Version, there.Spec)
		}
		if err != nil {
			return fmt.Errorf("label secret %s: %w", o.name, managerHint(err))
		}
	}
	for base := range d.Configs {
		o, differs := v.configs.labelledOtherwise(base, names.Configs[base], configs[base])
		if !differs {
			continue
		}
		there, _, err := c.engine.ConfigInspectWithRaw(ctx, o.id)
		if err == nil {
			there.Spec.Labels = relabelled(configs[base], there.Spec.Labels)
			err = c.engine.ConfigUpdate(ctx, o.id, there.Version, there.Spec)
		}
		if err != nil {
			return fmt.Errorf("label config %s: %w", o.name, managerHint(err))
		}
	}
	return nil
}

// labelledOtherwise finds the version of that name when its own labels are not those.
func (c *catalog) labelledOtherwise(base, name string, own map[string]string) (version, bool) {
	for _, o := range c.byBase[base] {
		if o.name == name && o.managed() {
			return o, !maps.Equal(o.own, ownLabels(own))
		}
	}
	return version{}, false
}

// relabelled returns own with those of labels that are this tool's and docker stack's.
func relabelled(own, labels map[string]string) map[string]string {
	kept := maps.Clone(labels)
	for name := range ownLabels(labels) {
		delete(kept, name)
	}
	return labelled(own, kept)
}
