//go:build !linux

package tmpfs

import (
	"errors"
	"io/fs"
	"os"
)

var errUnsupported = errors.New("the RAM store needs linux: run compose-secure on the machine of the engine, or use a swarm")

func rootDir(Options) string { return "/run/compose-secure" }

func open(Options) (*Store, error) { return nil, errUnsupported }

// Filesystem returns what the store is on.
func (s *Store) Filesystem() (fsType string, noSwap bool, err error) {
	return "", false, errUnsupported
}

func (s *Store) explain(_, _ string, err error) error { return err }

func flock(*os.File, bool) error { return errUnsupported }

func ownedByUs(fs.FileInfo) bool { return false }

func ownerIs(fs.FileInfo, int, int) bool { return false }

func ownerOf(fs.FileInfo) (uid, gid int) { return -1, -1 }

func (s *Store) give(*os.File, int, int) error { return errUnsupported }

func openGiven(*os.Root, string) (*os.File, error) { return nil, errUnsupported }

func (s *Store) readGiven(*os.File, int) ([]byte, error) { return nil, errUnsupported }
