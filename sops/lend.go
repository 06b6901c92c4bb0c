package sops

import (
	"context"
	"slices"
	"strings"

	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/keyservice"

	"github.com/compose-secure/compose-secure/subprocess"
)

// environment is that of this process, from which the library takes keys, and which it gives to each program that it
// starts: gpg, a key command, a plugin of age, the login programs of clouds.
var environment subprocess.Lender

// lent is a key service whose calls find in the environment what their kind of key needs, and no key of another kind.
type lent struct{ keyservice.KeyServiceServer }

// Encrypt implements keyservice.KeyServiceServer.
func (s lent) Encrypt(ctx context.Context, req *keyservice.EncryptRequest) (rsp *keyservice.EncryptResponse, err error) {
	lend(req.GetKey(), func() { rsp, err = s.KeyServiceServer.Encrypt(ctx, req) })
	return rsp, err
}

// Decrypt implements keyservice.KeyServiceServer.
func (s lent) Decrypt(ctx context.Context, req *keyservice.DecryptRequest) (rsp *keyservice.DecryptResponse, err error) {
	lend(req.GetKey(), func() { rsp, err = s.KeyServiceServer.Decrypt(ctx, req) })
	return rsp, err
}

// lend calls do with the environment for a key.
func lend(key *keyservice.Key, do func()) {
	kind, prefixes := familyOf(key)
	var set map[string]string
	if kind == "vault" { // a redirect would take the token to a server that the user has not named
		set = map[string]string{"VAULT_DISABLE_REDIRECTS": "true"}
	}
	environment.Lend(kind, set, func(name, value string) (string, bool) {
		switch class := subprocess.Classify(name); {
		case name == sopsage.SopsAgeKeyEnv && kind == "age":
			value = withoutClear(value)
			return value, value != ""
		case class == subprocess.Login || class == subprocess.Setting || strings.HasSuffix(strings.ToLower(name), "_proxy"):
			return value, true // net/http reads the proxies once for all
		}
		return value, slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}, do)
}

// familyOf names the kind of a key, and what the names of its variables begin with.
func familyOf(key *keyservice.Key) (kind string, prefixes []string) {
	switch key.GetKeyType().(type) {
	case *keyservice.Key_AgeKey:
		prefixes = []string{"SOPS_AGE_"}
		for _, name := range []string{sopsage.SopsAgeKeyCmdEnv, sopsage.SopsAgeSshPrivateKeyCmdEnv} {
			if environment.Getenv(name) != "" { // the user's own program, which logs in somewhere
				return "age", append(prefixes, "AWS_", "AZURE_", "BW_", "CLOUDSDK_", "GOOGLE_", "GOPASS_", "OP_", "PASSWORD_STORE_", "VAULT_")
			}
		}
		return "age", prefixes
	case *keyservice.Key_PgpKey:
		return "pgp", []string{"SOPS_GPG_EXEC"}
	case *keyservice.Key_KmsKey:
		return "aws", []string{"AWS_"}
	case *keyservice.Key_GcpKmsKey:
		return "gcp", []string{"CLOUDSDK_", "GOOGLE_", "SOPS_GCP_"}
	case *keyservice.Key_AzureKeyvaultKey:
		return "azure", []string{"AZURE_"}
	case *keyservice.Key_VaultKey:
		return "vault", []string{"VAULT_", "SOPS_HC"}
	case *keyservice.Key_HckmsKey:
		return "huawei", []string{"HUAWEICLOUD_"}
	}
	return "none", nil
}

// clearKey begins an age identity that needs nothing else.
const clearKey = "AGE-SECRET-KEY-"

// withoutClear takes the identities in the clear out of SOPS_AGE_KEY. They have been tried by then; what is left asks
// for a passphrase or names a plugin.
func withoutClear(value string) string {
	if !strings.Contains(value, clearKey) {
		return value
	}
	return strings.Join(slices.DeleteFunc(identityWords(value), func(word string) bool { return strings.HasPrefix(word, clearKey) }), "\n")
}

// identityWords are the identities in SOPS_AGE_KEY, which may stand beside each other on a line.
func identityWords(value string) []string {
	var words []string
	for line := range strings.Lines(value) {
		if !strings.HasPrefix(line, "#") {
			words = append(words, strings.Fields(line)...)
		}
	}
	return words
}
