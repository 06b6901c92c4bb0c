package sops

import (
	"context"
	"sync"

	"filippo.io/age"
	"github.com/getsops/sops/v3/keyservice"
)

// Decrypted is closed when the decryption of f has ended.
func (f *File) Decrypted() <-chan struct{} { return f.done }

// DecryptAheadWith is decryptAhead with one identity at hand.
func (f *File) DecryptAheadWith(recipient string, id age.Identity) {
	f.identities = &identities{byRecipient: map[string]age.Identity{recipient: id}}
	f.identities.once.Do(func() {})
	f.decryptAhead()
}

// AskVault is what decrypting does with one key of a Vault.
func AskVault(address, mount, key, enc string) {
	_, _ = newKeyServer(&sync.Mutex{}, &identities{}).Decrypt(context.Background(), &keyservice.DecryptRequest{ // the request counts
		Key:        &keyservice.Key{KeyType: &keyservice.Key_VaultKey{VaultKey: &keyservice.VaultKey{VaultAddress: address, EnginePath: mount, KeyName: key}}},
		Ciphertext: []byte(enc),
	})
}
