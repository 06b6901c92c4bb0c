package sops

import (
	"context"
	"sync"

	"github.com/getsops/sops/v3/keyservice"

	"github.com/compose-secure/compose-secure/trust"
)

// keyServer is the library's own key service, behind the policy of the user: each
// key is checked before the library sees it, the same for encrypting and for
// decrypting. It remembers why a key could not be used, and asks the user for one passphrase at a time.
type keyServer struct {
	keyservice.Server
	prompt     *sync.Mutex
	identities *identities
	policy     *trust.Policy
	chosen     bool // the user named the recipients, no file did
	failed     []string
}

var _ keyservice.KeyServiceServer = (*keyServer)(nil)

func newKeyServer(prompt *sync.Mutex, identities *identities) *keyServer {
	return &keyServer{prompt: prompt, identities: identities, policy: trust.New(environment.Getenv)}
}

// clients is what the library takes a key service as.
func (s *keyServer) clients() []keyservice.KeyServiceClient {
	return []keyservice.KeyServiceClient{keyservice.NewCustomLocalClient(lent{s})}
}

// Decrypt implements keyservice.KeyServiceServer.
func (s *keyServer) Decrypt(ctx context.Context, req *keyservice.DecryptRequest) (*keyservice.DecryptResponse, error) {
	key, err := s.checked(req.GetKey(), "decrypt")
	if err == nil && key.GetVaultKey() != nil {
		err = trust.TransitText(string(req.GetCiphertext()))
	}
	if err != nil {
		return nil, s.refuse(req.GetKey(), err)
	}
	if k := key.GetAgeKey(); k != nil { // the library does not get the identities of SOPS_AGE_KEY
		if opened := s.identities.open(k.GetRecipient(), string(req.GetCiphertext())); opened != nil {
			return &keyservice.DecryptResponse{Plaintext: opened}, nil
		}
	}
	switch key.GetKeyType().(type) {
	case *keyservice.Key_AgeKey, *keyservice.Key_PgpKey:
		s.prompt.Lock()
		defer s.prompt.Unlock()
	}
	rsp, err := s.Server.Decrypt(ctx, &keyservice.DecryptRequest{Key: key, Ciphertext: req.GetCiphertext()})
	if err != nil {
		s.failed = append(s.failed, keyName(key)+" ("+s.whyNot(key, err)+")")
	}
	return rsp, err
}

// Encrypt implements keyservice.KeyServiceServer.
func (s *keyServer) Encrypt(ctx context.Context, req *keyservice.EncryptRequest) (*keyservice.EncryptResponse, error) {
	key, err := s.checked(req.GetKey(), "encrypt")
	if err != nil {
		return nil, s.refuse(req.GetKey(), err)
	}
	rsp, err := s.Server.Encrypt(ctx, &keyservice.EncryptRequest{Key: key, Plaintext: req.GetPlaintext()})
	if err != nil {
		s.failed = append(s.failed, keyName(key)+" ("+s.whyNotEncrypt(key, err)+")")
	}
	return rsp, err
}

func (s *keyServer) refuse(key *keyservice.Key, err error) error {
	s.failed = append(s.failed, keyName(key)+" ("+err.Error()+")")
	return err
}

// checked returns the key as the library may have it, or why it may not.
func (s *keyServer) checked(key *keyservice.Key, operation string) (*keyservice.Key, error) {
	switch k := key.GetKeyType().(type) {
	case *keyservice.Key_VaultKey:
		return s.checkedVault(k.VaultKey, operation)
	case *keyservice.Key_AzureKeyvaultKey:
		return key, s.policy.Azure(k.AzureKeyvaultKey.GetVaultUrl(), k.AzureKeyvaultKey.GetName(), k.AzureKeyvaultKey.GetVersion())
	case *keyservice.Key_KmsKey:
		return key, s.policy.AWS(k.KmsKey.GetArn(), k.KmsKey.GetRole(), k.KmsKey.GetAwsProfile())
	case *keyservice.Key_GcpKmsKey:
		return key, trust.Google(k.GcpKmsKey.GetResourceId())
	case *keyservice.Key_HckmsKey:
		return key, trust.Huawei(k.HckmsKey.GetKeyId())
	case *keyservice.Key_PgpKey:
		if operation == "decrypt" { // gpg finds the key by what is encrypted, and does not get the name
			return key, nil
		}
		return key, trust.PGP(k.PgpKey.GetFingerprint())
	case *keyservice.Key_AgeKey:
		if s.chosen || operation == "decrypt" { // what the identities of the user open runs their plugins only
			return key, trust.AgeText(k.AgeKey.GetRecipient())
		}
		return key, s.policy.Age(k.AgeKey.GetRecipient())
	}
	return nil, errUnknownKey
}

// checkedVault gives the library the user's own spelling of the address, so
// that what is compared is what is used.
func (s *keyServer) checkedVault(k *keyservice.VaultKey, operation string) (*keyservice.Key, error) {
	if _, err := s.policy.Transit(k.GetEnginePath(), operation, k.GetKeyName()); err != nil {
		return nil, err
	}
	own, err := s.policy.Vault(k.GetVaultAddress())
	if err != nil {
		return nil, err
	}
	return &keyservice.Key{KeyType: &keyservice.Key_VaultKey{VaultKey: &keyservice.VaultKey{
		VaultAddress: own, EnginePath: k.GetEnginePath(), KeyName: k.GetKeyName(),
	}}}, nil
}
