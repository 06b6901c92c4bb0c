package swarm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// RejectedError says that a value is one that rollback left: its source was not changed since.
type RejectedError struct {
	Secret  string
	Version int
	When    string // RFC 3339
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("the source of secret %s holds the value of v%d, which was rolled back at %.20q; put the earlier value, or a new one, there, or use --force", e.Secret, e.Version, e.When)
}

// checkRejected refuses versions that rollback left and that no service uses again.
func (v *view) checkRejected(choices []choice) error {
	used := v.inUse()
	var errs []error
	for _, ch := range choices {
		again := slices.ContainsFunc(used[ch.base], func(o version) bool { return o.id == ch.target.id })
		if ch.target.rejected != "" && !ch.create && !again {
			errs = append(errs, &RejectedError{ch.base, ch.target.number, ch.target.rejected})
		}
	}
	return errors.Join(errs...)
}

// reject notes in the labels of versions that rollback leaves them. It comes before the
// services move: a version that is in use is never refused, so that nothing is wrong if they do not.
func (c *Cluster) reject(ctx context.Context, versions []version) error {
	now := time.Now().UTC().Format(time.RFC3339)
	for _, o := range versions {
		if !o.managed() {
			continue // not ours to label
		}
		if err := c.setLabel(ctx, o, rejectedLabel, now); err != nil {
			return err
		}
	}
	return nil
}

// setLabel sets one label of a secret.
func (c *Cluster) setLabel(ctx context.Context, o version, label, value string) error {
	there, _, err := c.engine.SecretInspectWithRaw(ctx, o.id)
	if err != nil {
		return fmt.Errorf("look at secret %s: %w", o.name, err)
	}
	spec := there.Spec
	spec.Labels = maps.Clone(spec.Labels)
	spec.Labels[label] = value
	if err := c.engine.SecretUpdate(ctx, o.id, there.Version, spec); err != nil {
		return fmt.Errorf("label secret %s: %w", o.name, err)
	}
	return nil
}
