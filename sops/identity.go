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
	i.add(strings.NewReader(os.Getenv(sopsage.SopsAgeKeyEnv)))
	i.addFile(os.Getenv(sopsage.SopsAgeKeyFileEnv))
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
	i.once.Do(i.load)
	for _, k := range m.KeyGroups[0] {
		k, ok := k.(*sopsage.MasterKey)
		if !ok || i.byRecipient[k.Recipient] == nil {
			continue
		}
		r, err := age.Decrypt(armor.NewReader(strings.NewReader(k.EncryptedKey)), i.byRecipient[k.Recipient])
		if err != nil {
			continue
		}
		if key, err := io.ReadAll(io.LimitReader(r, maxKeys)); err == nil {
			return key
		}
	}
	return nil
}
