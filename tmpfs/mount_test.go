//go:build linux

package tmpfs

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each case runs with mounts of its own, which end with it.
func TestMounts(t *testing.T) {
	tests := []struct{ name, mode string }{
		{"a full RAM disk", "full"},
		{"a read-only RAM disk", "ro"},
		{"many mount at once", "mount"},
		{"the default of root", "root"},
		{"something else is mounted there", "over"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			disk := t.TempDir()
			if err := os.Chmod(disk, 0o700); err != nil {
				t.Fatal(err)
			}
			if out, err := child(t, true, tt.mode, t.TempDir(), disk).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestParseMounts(t *testing.T) {
	const text = `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
37 35 0:39 / /run/a\040b\134 rw,nosuid shared:2 - tmpfs compose-secure rw,mode=700,noswap
not a mount
38 35 0:40 / /mnt2 rw - tmpfs none rw
`
	mounts, err := parseMounts(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []mount{
		{"98:0", "/mnt2", "ext3", "rw,errors=continue"},
		{"0:39", `/run/a b\`, "tmpfs", "rw,mode=700,noswap"},
		{"0:40", "/mnt2", "tmpfs", "rw"},
	}
	if diff := cmp.Diff(want, mounts, cmp.AllowUnexported(mount{})); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
	for device, want := range map[string]string{"98:0": "ext3", "0:40": "tmpfs"} {
		if shown, ok := mountedAt(mounts, "/mnt2", device); !ok || shown.fsType != want {
			t.Errorf("the mount on device %s is %+v", device, shown)
		}
	}
	if _, ok := mountedAt(mounts, "/mnt2", "0:99"); ok {
		t.Error("a hidden mount counts")
	}
	if _, ok := mountedAt(mounts, "/run", "0:39"); ok {
		t.Error("a parent of a mount counts as one")
	}
	for device, want := range map[string]string{"0:39": "tmpfs true", "0:40": "tmpfs false", "98:0": "ext3 false"} {
		fsType, noSwap, err := filesystem(mounts, device)
		if got := fmt.Sprint(fsType, " ", noSwap); got != want || err != nil {
			t.Errorf("device %s is %s (%v), want %s", device, got, err, want)
		}
	}
	if _, _, err := filesystem(mounts, "1:1"); err == nil {
		t.Error("an unknown device has a filesystem")
	}
}

func TestFilesystem(t *testing.T) {
	if fsType, _, err := newStore(t).Filesystem(); fsType != "tmpfs" || err != nil {
		t.Errorf("%s %v, want tmpfs", fsType, err)
	}
}

func TestSwapOn(t *testing.T) {
	const title = "Filename\tType\tSize\tUsed\tPriority\n"
	tests := []struct {
		name, swaps string
		want        bool
	}{
		{"none", title, false},
		{"empty", "", false},
		{"a partition", title + "/dev/sda2 partition 1 0 -2\n", true},
		{"compressed RAM", title + "/dev/zram0 partition 1 0 100\n", false},
		{"both", title + "/dev/zram0 partition 1 0 100\n/swapfile file 1 0 -2\n", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := swapOn(tt.swaps); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// Whatever a path holds, the escapes of mountinfo give it back.
func FuzzParseMounts(f *testing.F) {
	f.Add("/run/a b")
	f.Add("/run/\\\n\t#")
	f.Fuzz(func(t *testing.T, path string) {
		path = "/" + path
		escaped := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(path)
		mounts, err := parseMounts(strings.NewReader("1 2 0:3 / " + escaped + " rw - tmpfs none rw\n"))
		if err != nil {
			t.Fatal(err)
		}
		if len(mounts) != 1 || mounts[0].point != path {
			t.Errorf("%q came back as %+v", path, mounts)
		}
	})
}
