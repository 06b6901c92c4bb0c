package swarm

import (
	"regexp"
	"strings"
	"testing"
)

func TestObjectName(t *testing.T) {
	valid := regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$`)
	cases := map[string]struct {
		stack, base string
		n           int
		want        string // "" when it is shortened
	}{
		"plain":         {"shop", "db_password", 1, "shop_db_password_v1"},
		"just fits":     {"s", strings.Repeat("a", 59), 1, "s_" + strings.Repeat("a", 59) + "_v1"},
		"one too long":  {"s", strings.Repeat("a", 60), 1, ""},
		"long stack":    {strings.Repeat("s", 60), "db_password", 12, ""},
		"many versions": {"shop", strings.Repeat("a", 55), 123456, ""},
		"ends in a dot": {"shop", strings.Repeat("a.", 30), 7, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := objectName(c.stack, c.base, c.n)
			if c.want != "" && got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if len(got) > maxName || !valid.MatchString(got) {
				t.Errorf("%q is no name for Swarm", got)
			}
			if c.want == "" && got == objectName(c.stack, c.base+"b", c.n) {
				t.Error("two long names became one")
			}
			if got == objectName(c.stack, c.base, c.n+1) {
				t.Error("two versions have one name")
			}
		})
	}
}

func TestCheckStack(t *testing.T) {
	for _, name := range []string{"shop", "Shop-1", "a.b_c"} {
		if err := CheckStack(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "-shop", "a b", "a/b", "ä", "_x"} {
		if CheckStack(name) == nil {
			t.Errorf("%q was taken", name)
		}
	}
}
