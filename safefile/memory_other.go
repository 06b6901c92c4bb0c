//go:build !linux

package safefile

import "os"

// Memory returns an open file that holds data and has no name: an unlinked temporary one.
func Memory(name string, data []byte) (*os.File, error) {
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
