package sops

import "errors"

// The kinds of failure a caller can tell apart with errors.Is. Every error of
// this package is one line that names the file and what to do.
var (
	// ErrDamaged: the file has SOPS values but cannot be read as SOPS wrote it.
	ErrDamaged = errors.New("damaged SOPS file")
	// ErrMAC: the file decrypts, but was changed after SOPS wrote it.
	ErrMAC = errors.New("the SOPS MAC does not match")
	// ErrNoKey: no key at hand decrypts the data key of the file.
	ErrNoKey = errors.New("no key that fits")
	// ErrVersion: the file was written by a SOPS too new to be understood.
	ErrVersion = errors.New("unsupported SOPS version")
	// ErrNotSOPS: a SOPS file is required and this is another file.
	ErrNotSOPS = errors.New("not a SOPS file")

	errUnknownKey = errors.New("it is of a kind that this program does not know")
)
