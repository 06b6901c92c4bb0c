// Package sops reads SOPS files: it tells which files are SOPS files, which of
// their values are encrypted, and decrypts them. It is the only package that
// imports the SOPS library. It never writes, encrypts or rewrites a file, and
// it decides nothing about where a decrypted value goes.
//
// Nothing of a file's content and no cause from the library appears in an
// error: the library puts ciphertexts, plaintext leaves and key commands into
// its messages.
package sops
