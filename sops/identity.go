package sops

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/getsops/sops/v3"
	sopsage "github.com/getsops/sops/v3/age"
)

// maxKeys bounds what is read of a file of identities, and of a data key.
const maxKeys = 1 << 20

// identities are the age keys that stand in the clear where the library looks
// for them, parsed once for all files: the library parses them again for every key
// of every file. Keys that ask for something (a passphrase, a command, a plugin, an SSH agent)
// are left to it, and so is every error.
type identities struct {
	once        sync.Once
	byRecipient map[string]age.Identity
}

func (i *identities) load() {
	i.byRecipient = map[string]age.Identity{}
	for _, word := range identityWords(environment.Getenv(sopsage.SopsAgeKeyEnv)) {
		i.add(strings.NewReader(word)) // each on its own: the library gets the others alone
	}
	i.addFile(environment.Getenv(sopsage.SopsAgeKeyFileEnv))
	if dir, err := os.UserConfigDir(); err == nil {
		i.addFile(filepath.Join(dir, sopsage.SopsAgeKeyUserConfigPath))
	}
}

func (i *identities) addFile(name string) {
	if data, err := readRegular(name, name); err == nil {
		i.add(bytes.NewReader(data))
	}
}

// add takes none of the keys when one is of another kind.
func (i *identities) add(r io.Reader) {
	parsed, err := age.ParseIdentities(io.LimitReader(r, maxKeys))
	if err != nil {
		return
	}
	for _, id := range parsed {
		switch id := id.(type) {
		case *age.X25519Identity:
			i.byRecipient[id.Recipient().String()] = id
		case *age.HybridIdentity:
			i.byRecipient[id.Recipient().String()] = id
		}
	}
}

// dataKey returns the data key of a file that one identity alone opens, nil when
// none does. It asks nobody and reaches no network.
func (i *identities) dataKey(m *sops.Metadata) []byte {
	if len(m.KeyGroups) != 1 {
		return nil
	}
	for _, k := range m.KeyGroups[0] {
		if k, ok := k.(*sopsage.MasterKey); ok {
			if key := i.open(k.Recipient, k.EncryptedKey); key != nil {
				return key
			}
		}
	}
	return nil
}

// open returns the data key that is encrypted for a recipient, nil when no identity here opens it.
func (i *identities) open(recipient, encrypted string) []byte {
	i.once.Do(i.load)
	id := i.byRecipient[recipient]
	if id == nil {
		return nil
	}
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(encrypted)), id)
	if err != nil {
		return nil
	}
	key, err := io.ReadAll(io.LimitReader(r, maxKeys))
	if err != nil {
		return nil
	}
	return key
}
