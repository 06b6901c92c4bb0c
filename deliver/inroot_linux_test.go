package deliver

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/compose-secure/compose-secure/secret"
)

// What a container's root may put in the place of its secret.
func TestReadInRoot(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	write := func(size int, path ...string) {
		file := filepath.Join(path...)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, make([]byte, size), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write(10, outside, "passwd")
	write(20, root, "run/secrets/fine")
	write(secret.MaxSize+100, root, "run/secrets/large")
	err := errors.Join(
		os.Symlink(filepath.Join(outside, "passwd"), filepath.Join(root, "run/secrets/link")),
		os.Symlink("../../../../../../../../../.."+filepath.Join(outside, "passwd"), filepath.Join(root, "run/secrets/climb")),
		os.Symlink(outside, filepath.Join(root, "run/away")),
		os.Symlink("/dev/null", filepath.Join(root, "run/secrets/device")),
		unix.Mkfifo(filepath.Join(root, "run/secrets/pipe"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		path string
		want int // bytes, -1 for an error
	}{
		"a file":                       {"/run/secrets/fine", 20},
		"a large file":                 {"/run/secrets/large", secret.MaxSize + 1},
		"a link out of the root":       {"/run/secrets/link", -1},
		"a link that climbs":           {"/run/secrets/climb", -1},
		"a link in the place of a dir": {"/run/away/passwd", -1},
		"a path that climbs":           {"/../../../../../../../.." + outside + "/passwd", -1},
		"a device":                     {"/run/secrets/device", -1},
		"a pipe that nobody writes":    {"/run/secrets/pipe", -1},
		"a directory":                  {"/run/secrets", -1},
		"what is not there":            {"/run/secrets/gone", -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := make(chan int, 1)
			go func() {
				data, err := readInRoot(root, tt.path)
				if err != nil {
					got <- -1
					return
				}
				got <- len(data)
			}()
			select {
			case n := <-got:
				if n != tt.want {
					t.Errorf("%d bytes, want %d", n, tt.want)
				}
			case <-time.After(5 * time.Second):
				t.Error("hangs")
			}
		})
	}
}
