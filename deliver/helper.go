package deliver

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/wrap"
)

// writeHelpers puts the helpers there, replacing by rename what is not the same.
func writeHelpers(helpers []transform.Helper) error {
	for _, h := range helpers {
		binary, err := wrap.Helper(h.Arch)
		if err != nil {
			return err
		}
		if have, err := os.ReadFile(h.File); err == nil && bytes.Equal(have, binary) && os.Chmod(h.File, 0o555) == nil { //nolint:gosec // executable, no secret
			continue
		}
		if err := os.MkdirAll(filepath.Dir(h.File), 0o755); err != nil { //nolint:gosec // containers' users execute it
			return fmt.Errorf("make a place for the helper: %w", err)
		}
		if err := os.Chmod(filepath.Dir(h.File), 0o755); err != nil { //nolint:gosec // whatever the umask
			return fmt.Errorf("make a place for the helper: %w", err)
		}
		temp := fmt.Sprintf("%s.%d", h.File, os.Getpid())
		if err := os.WriteFile(temp, binary, 0o555); err != nil { //nolint:gosec // executable, no secret
			return fmt.Errorf("write the helper: %w", err)
		}
		err = os.Chmod(temp, 0o555) //nolint:gosec // whatever the umask
		if err == nil {
			err = os.Rename(temp, h.File)
		}
		if err != nil {
			_ = os.Remove(temp) // the first error counts
			return fmt.Errorf("write the helper: %w", err)
		}
	}
	return nil
}
