package sops

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"

	"filippo.io/age"
	"github.com/getsops/sops/v3"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/pgp"

	"github.com/compose-secure/compose-secure/secret"
)

// dataKey retrieves the key that encrypts the values, from any key service
// the library has, in the order the sops command tries them.
func (f *File) dataKey() ([]byte, error) {
	order := sops.DefaultDecryptionOrder
	if env := environment.Getenv("SOPS_DECRYPTION_ORDER"); env != "" {
		order = strings.Split(env, ",")
	}
	if order[0] == sopsage.KeyTypeIdentifier {
		if key := f.identities.dataKey(&(*f.tree).Metadata); key != nil {
			return key, nil
		}
	}
	s := newKeyServer(f.prompt, f.identities)
	key, err := (*f.tree).Metadata.GetDataKeyWithKeyServices(s.clients(), order)
	if err != nil {
		// The cause is dropped: it quotes key commands and their output.
		if len(s.failed) == 0 {
			return nil, damaged(f.path, "the parts of its data key do not fit together")
		}
		return nil, f.noKey(s.failed)
	}
	return key, nil
}

// noKey names the keys that the file wants, and what is wrong with each.
func (f *File) noKey(failed []string) error {
	const shown = 5
	if len(failed) > shown {
		failed = append(failed[:shown:shown], fmt.Sprintf("and %d more", len(failed)-shown))
	}
	need := ""
	if groups := len((*f.tree).Metadata.KeyGroups); groups > 1 {
		need = fmt.Sprintf(" for %d of %d key groups", (*f.tree).Metadata.ShamirThreshold, groups)
	}
	return fmt.Errorf("%q: %w%s: it is encrypted for %s", f.path, ErrNoKey, need, strings.Join(failed, "; "))
}

// keyName names a master key by what is public about it, on one line.
func keyName(key *keyservice.Key) string { return secret.Printable(publicName(key)) }

func publicName(key *keyservice.Key) string {
	switch k := key.GetKeyType().(type) {
	case *keyservice.Key_AgeKey:
		return "age " + k.AgeKey.GetRecipient()
	case *keyservice.Key_PgpKey:
		return "PGP " + k.PgpKey.GetFingerprint()
	case *keyservice.Key_KmsKey:
		return "AWS KMS " + k.KmsKey.GetArn()
	case *keyservice.Key_GcpKmsKey:
		return "GCP KMS " + k.GcpKmsKey.GetResourceId()
	case *keyservice.Key_AzureKeyvaultKey:
		return "Azure Key Vault " + k.AzureKeyvaultKey.GetVaultUrl() + "/keys/" + k.AzureKeyvaultKey.GetName()
	case *keyservice.Key_VaultKey:
		return "Vault " + k.VaultKey.GetVaultAddress() + "/v1/" + k.VaultKey.GetEnginePath() + "/keys/" + k.VaultKey.GetKeyName()
	case *keyservice.Key_HckmsKey:
		return "Huawei Cloud KMS " + k.HckmsKey.GetKeyId()
	}
	return "a key of unknown type"
}

// whyNot says what to do about err without quoting it.
func (s *keyServer) whyNot(key *keyservice.Key, err error) string {
	switch key.GetKeyType().(type) {
	case *keyservice.Key_AgeKey:
		return whyNotAge(err, len(s.identities.byRecipient) > 0)
	case *keyservice.Key_PgpKey:
		gpg := environment.Getenv(pgp.SopsGpgExecEnv)
		if gpg == "" {
			gpg = "gpg"
		}
		if _, err := exec.LookPath(gpg); err != nil {
			return fmt.Sprintf("%q is not installed", gpg)
		}
		return "gpg has no secret key for it, or could not unlock it; see `gpg --list-secret-keys` and GNUPGHOME"
	}
	// The error code of a cloud service is a word such as AccessDeniedException.
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		return fmt.Sprintf("the service answers %.60q", coded.ErrorCode())
	}
	var netErr net.Error
	if errors.As(err, &netErr) {
		return "the service cannot be reached"
	}
	return "the service refused, or no login was found"
}

// whyNotAge tells about an age key; tried is whether there were identities besides those of the library.
func whyNotAge(err error, tried bool) string {
	var noMatch *age.NoIdentityMatchError
	if errors.As(err, &noMatch) || tried {
		return "no age identity at hand fits; they are looked for in " + agePlaces
	}
	if name, ok := environment.Lookup(sopsage.SopsAgeKeyFileEnv); ok {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Sprintf("the file %q of %s cannot be read", name, sopsage.SopsAgeKeyFileEnv)
		}
		_ = f.Close()
	}
	return "no usable age identity found; they are looked for in " + agePlaces
}

// agePlaces is where the library looks, see
// https://getsops.io/docs/#encrypting-using-age.
const agePlaces = sopsage.SopsAgeKeyFileEnv + ", " + sopsage.SopsAgeKeyEnv + ", " + sopsage.SopsAgeKeyCmdEnv +
	", ~/.config/sops/age/keys.txt, " + sopsage.SopsAgeSshPrivateKeyFileEnv + ", ~/.ssh/id_ed25519 and ~/.ssh/id_rsa"

// whyNotEncrypt says what to do about err without quoting it.
func (s *keyServer) whyNotEncrypt(key *keyservice.Key, err error) string {
	switch key.GetKeyType().(type) {
	case *keyservice.Key_AgeKey:
		return "it is no recipient, or its plugin failed"
	case *keyservice.Key_PgpKey:
		return "gpg has no public key for it, or does not trust it; see `gpg --list-keys` and GNUPGHOME"
	}
	return s.whyNot(key, err)
}
