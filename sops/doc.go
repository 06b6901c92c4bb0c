// Package sops reads and writes SOPS files: it tells which files are SOPS files and which of
// their values are encrypted, decrypts them, stores new values in them and makes new files. It is the only package that
// imports the SOPS library, and decides nothing about where a decrypted value goes.
//
// Nothing of a file's content and no cause from the library appears in an
// error: the library puts ciphertexts, plaintext leaves and key commands into
// its messages.
package sops
