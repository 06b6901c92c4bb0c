package engine

import (
	"context"
	"fmt"
)

// Autolock reports whether the managers of the swarm encrypt the key to their secrets, so that a
// manager that was restarted has to be unlocked. Only a manager answers.
func (e *Engine) Autolock(ctx context.Context) (bool, error) {
	s, err := e.api.SwarmInspect(ctx)
	if err != nil {
		return false, fmt.Errorf("ask whether the managers of the swarm are locked: %w", err)
	}
	return s.Spec.EncryptionConfig.AutoLockManagers, nil
}
