package command

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProgramEnv: git and systemctl get what they need, and no key.
func TestProgramEnv(t *testing.T) {
	s := &session{Env: Env{Environ: []string{
		"PATH=/bin", "HOME=/home/a", "LANG=C", "XDG_RUNTIME_DIR=/run/user/1", "SOPS_AGE_KEY=hunter1", "SOPS_AGE_KEY_FILE=/key", "DB_PASSWORD=hunter2", "GIT_DIR=/x",
	}}}
	want := []string{"PATH=/bin", "HOME=/home/a", "LANG=C", "XDG_RUNTIME_DIR=/run/user/1"}
	if diff := cmp.Diff(want, s.programEnv("XDG_RUNTIME_DIR")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
