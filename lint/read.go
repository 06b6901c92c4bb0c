package lint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ReadFile reads a regular file of at most 8 MiB. What else a path may lead to,
// a device or a pipe, could have no end, or nobody at its other one.
func ReadFile(path string) ([]byte, error) { return readRegular(path, maxFile) }

func readRegular(path string, limit int64) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	refuse := func(why string) error { return &fs.PathError{Op: "read", Path: path, Err: errors.New(why)} }
	if !info.Mode().IsRegular() {
		return nil, refuse("not a regular file")
	}
	tooLarge := refuse(fmt.Sprintf("larger than %d MiB, not read", limit>>20))
	if info.Size() > limit {
		return nil, tooLarge
	}
	b := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(file, limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit { // it grew
		return nil, tooLarge
	}
	return b.Bytes(), nil
}
