//go:build !linux

package compose

import (
	"fmt"
	"os"
)

// newMemoryFile falls back to an unlinked temporary file: a model holds no value.
func newMemoryFile(name string, data []byte) (*os.File, error) {
	f, err := os.CreateTemp("", name)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return nil, err
	}
	return f, nil
}

func memoryFile(name string, data []byte) (string, error) {
	f, err := newMemoryFile(name, data)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/dev/fd/%d", f.Fd()), nil
}
