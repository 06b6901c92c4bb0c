package sops_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	lib "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	"github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"
	"github.com/getsops/sops/v3/version"

	"github.com/compose-secure/compose-secure/sops"
)

// recipe is how a test file is encrypted; the tests use the SOPS library
// itself for it, as the sops command does.
type recipe struct {
	format sops.Format
	keys   []keys.MasterKey
	groups []lib.KeyGroup // instead of keys, with a threshold of all
	meta   func(*lib.Metadata)
}

func (r recipe) encrypt(t testing.TB, plain string) []byte {
	t.Helper()
	c := config.NewStoresConfig()
	store := map[sops.Format]lib.Store{
		sops.YAML: yaml.NewStore(&c.YAML), sops.JSON: json.NewStore(&c.JSON), sops.Dotenv: dotenv.NewStore(&c.Dotenv),
		sops.INI: ini.NewStore(&c.INI), sops.Binary: json.NewBinaryStore(&c.JSONBinary),
	}[r.format]
	branches, err := store.LoadPlainFile([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	groups := r.groups
	if groups == nil {
		groups = []lib.KeyGroup{r.keys}
	}
	tree := lib.Tree{Branches: branches, Metadata: lib.Metadata{
		KeyGroups: groups, UnencryptedSuffix: lib.DefaultUnencryptedSuffix,
		Version: version.Version, LastModified: time.Now().UTC(),
	}}
	if r.meta != nil {
		r.meta(&tree.Metadata)
	}
	key, errs := tree.GenerateDataKeyWithKeyServices([]keyservice.KeyServiceClient{keyservice.NewLocalClient()})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	cipher := aes.NewCipher()
	mac, err := tree.Encrypt(key, cipher)
	if err != nil {
		t.Fatal(err)
	}
	tree.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, key, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil {
		t.Fatal(err)
	}
	out, err := store.EmitEncryptedFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ageHome makes an empty home directory with an age identity where
// SOPS_AGE_KEY_FILE says, and returns the key that encrypts for it.
func ageHome(t testing.TB) *sopsage.MasterKey {
	t.Helper()
	emptyHome(t)
	identity, key := ageKey(t)
	file := filepath.Join(t.TempDir(), "keys.txt")
	if err := os.WriteFile(file, []byte("# a comment\n"+identity+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(sopsage.SopsAgeKeyFileEnv, file)
	return key
}

// emptyHome hides every key of the machine that runs the tests.
func emptyHome(t testing.TB) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	t.Setenv("GNUPGHOME", filepath.Join(home, ".gnupg"))
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "SOPS_") {
			t.Setenv(name, "") // restores it at the end
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func ageKey(t testing.TB) (identity string, key *sopsage.MasterKey) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	key, err = sopsage.MasterKeyFromRecipient(id.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	return id.String(), key
}
