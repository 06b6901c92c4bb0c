package engine

import (
	"testing"
)

const subuid = "alice:100000:65536\nbob:200000:1000\nbroken\nbob:300000:1000\n1001:400000:10\n"

func TestRemapped(t *testing.T) {
	tests := []struct {
		name, dir string
		in        map[int]int // container id -> host id, -1 for none
	}{
		{"one range", "/var/lib/docker/100000.100000", map[int]int{0: 100000, 999: 100999, 65535: 165535, 65536: -1}},
		{"two ranges of one user", "/x/200000.200000", map[int]int{0: 200000, 999: 200999, 1000: 300000, 1999: 300999, 2000: -1}},
		{"the second one in front", "/x/300000.300000", map[int]int{0: 300000, 1000: 200000}},
		{"a user that is gone", "/x/7000.7000", map[int]int{0: 7000, 65535: 72535, 65536: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := remapped(tt.dir, []byte(subuid), []byte(subuid))
			if err != nil {
				t.Fatal(err)
			}
			checkMap(t, m, tt.in)
		})
	}
	if _, err := remapped("/var/lib/docker", nil, nil); err == nil {
		t.Error("a directory without ids was taken")
	}
}

func TestRootlessMap(t *testing.T) {
	checkMap(t, rootlessMap("bob", 1000, 1000, []byte(subuid), []byte(subuid)), map[int]int{0: 1000, 1: 200000, 1000: 200999, 1001: 300000, 2000: 300999, 2001: -1})
	checkMap(t, rootlessMap("carol", 1001, 1001, []byte(subuid), []byte(subuid)), map[int]int{0: 1001, 1: 400000, 11: -1})
	if !(IDMap{}).Identity() || rootlessMap("x", 1, 1, nil, nil).Identity() {
		t.Error("identity is not told apart")
	}
	checkMap(t, IDMap{}, map[int]int{0: 0, 5: 5})
}

func checkMap(t *testing.T, m IDMap, want map[int]int) {
	t.Helper()
	for in, out := range want {
		for kind, f := range map[string]func(int) (int, bool){"uid": m.HostUID, "gid": m.HostGID} {
			got, ok := f(in)
			if !ok {
				got = -1
			}
			if got != out {
				t.Errorf("%s %d is %d, want %d", kind, in, got, out)
			}
		}
	}
}
