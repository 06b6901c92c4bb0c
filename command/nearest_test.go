package command

import (
	"testing"

	"github.com/compose-secure/compose-secure/ui"
)

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{
		"upp": "up", "pu": "up", "dwon": "down", "lintt": "lint", "migarte": "migrate", "rollbak": "rollback", "stakc": "stack", "UP": "",
		"u": "", "": "", "xyz": "", "frobnicate": "", "man1": "",
	} {
		if got := ui.Nearest(visibleNames(commands(&session{})), name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
