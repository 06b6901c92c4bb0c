//go:build !linux

package safefile

import "os"

func (f *folder) newFile() (*os.File, string, error) { return f.newNamed() }

func (f *folder) place(s *stage, fresh bool) error { return f.move(s, fresh) }
