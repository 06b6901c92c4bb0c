//go:build !unix

package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// identity tells files apart; there is no such number here.
type identity struct{}

func identityOf(fs.FileInfo) identity { return identity{} }

func (identity) compare(identity) int { return 0 }

func (identity) String() string { return "" }

// tryLock fails: no file is changed where none can be locked.
func tryLock(*os.File) (bool, error) {
	return false, fmt.Errorf("files cannot be locked on %s, so none is changed: run compose-secure on Linux or macOS: %w", runtime.GOOS, errors.ErrUnsupported)
}

func keepOwner(*os.File, fs.FileInfo) error { return nil }
