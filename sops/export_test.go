package sops

import "filippo.io/age"

// Decrypted is closed when the decryption of f has ended.
func (f *File) Decrypted() <-chan struct{} { return f.done }

// DecryptAheadWith is decryptAhead with one identity at hand.
func (f *File) DecryptAheadWith(recipient string, id age.Identity) {
	f.identities = &identities{byRecipient: map[string]age.Identity{recipient: id}}
	f.identities.once.Do(func() {})
	f.decryptAhead()
}
