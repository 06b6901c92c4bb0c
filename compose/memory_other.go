//go:build !linux

package compose

import (
	"fmt"

	"github.com/compose-secure/compose-secure/safefile"
)

func memoryFile(name string, data []byte) (string, error) {
	f, err := safefile.Memory(name, data)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/dev/fd/%d", f.Fd()), nil
}
