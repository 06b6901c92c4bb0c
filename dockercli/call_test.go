package dockercli

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestParse reads arguments as docker compose does.
func TestParse(t *testing.T) {
	tests := map[string]struct {
		args     string
		services string
		rest     string
		attached bool
	}{
		"up":                         {"up a b", "a b", "", true},
		"up, detached":               {"up -d a", "a", "", false},
		"up, a bundle":               {"up -dt 5 a", "a", "", false},
		"up, a joined value":         {"up -dt5 --pull=always a", "a", "", false},
		"up, values":                 {"up --scale a=2 --attach b --timeout 3 c", "c", "", true},
		"up, what run calls workdir": {"up -w a", "a", "", true},
		"up, behind --":              {"up -- -d", "-d", "", true},
		"run":                        {"run -w /x -e A a sh -d", "a", "sh -d", true},
		"run, a terminal":            {"run -it a sh", "a", "sh", true},
		"run, behind --":             {"run -- a sh -c x", "a", "sh -c x", true},
		"exec":                       {"exec -T -w / --index 2 a env -d", "a", "env -d", true},
		"stop":                       {"stop -t 3 a", "a", "", true},
		"logs":                       {"logs -f -n 5 --since 1h a", "a", "", true},
		"scale":                      {"scale a=2", "a", "", false},
		"build":                      {"build --build-arg A=1 -m 1g a", "a", "", false},
		"a flag of nobody":           {"up --newer x a", "", "", true},
		"a flag of nobody, joined":   {"up --newer=x a", "a", "", true},
		"a command of nobody":        {"newer a", "a", "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			words := strings.Fields(tt.args)
			c := Parse(words[0], words[1:])
			c.KeepServices(func(name string) bool { return len(name) == 1 || name == "-d" })
			if diff := cmp.Diff([]string{tt.services, tt.rest}, []string{strings.Join(c.Services, " "), strings.Join(c.Rest, " ")}); diff != "" {
				t.Errorf("services and rest, -want +got\n%s", diff)
			}
			if c.Attached != tt.attached {
				t.Errorf("attached is %v", c.Attached)
			}
		})
	}
}

func TestCall(t *testing.T) {
	c := Parse("run", strings.Fields("-e A -e B=1 --env C --no-deps --pull never a sh --help -e D"))
	if got := strings.Join(c.Passed(), " "); got != "A C" {
		t.Errorf("passed are %q", got)
	}
	if c.Dependencies || c.Pull != "never" || c.AsksForHelp() || !c.Has("--env") {
		t.Errorf("got %+v", c)
	}
	if c := Parse("up", []string{"-dw"}); !c.Watches() {
		t.Error("up -w does not watch")
	}
	if c := Parse("run", []string{"-w", "/x", "a"}); c.Watches() {
		t.Error("run -w watches")
	}
}

// The table says of each command what this tool has to do for it.
func TestTable(t *testing.T) {
	var values, nothing, removes []string
	for _, c := range commandTable {
		switch c.Needs {
		case Values:
			values = append(values, c.Name)
		case Nothing:
			nothing = append(nothing, c.Name)
		}
		if c.Removes {
			removes = append(removes, c.Name)
		}
	}
	got := []string{strings.Join(values, " "), strings.Join(nothing, " "), strings.Join(removes, " ")}
	if diff := cmp.Diff([]string{"build create run scale up watch", "help ls version", "down kill rm stop"}, got); diff != "" {
		t.Error("-want +got\n" + diff)
	}
	if !slices.IsSortedFunc(commandTable, func(a, b Command) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the table is not sorted")
	}
}
