package trust

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// azureSuffixes are where Microsoft runs vaults: public cloud, China, US Government, and managed HSMs. See
// https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers.
var azureSuffixes = []string{
	".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net",
	".managedhsm.azure.net", ".managedhsm.azure.cn", ".managedhsm.usgovcloudapi.net",
}

var (
	azureVault   = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}$`)
	azureKey     = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)
	azureVersion = regexp.MustCompile(`^[0-9A-Fa-f]{0,64}$`)
)

// Azure reports, as an error, why no request for a key of an Azure Key Vault is
// made: the token of the login goes to the vault that the file names, so this is one
// of Microsoft's, over https, or one that the user lists under azure.
func (p *Policy) Azure(vaultURL, name, version string) error {
	if !azureKey.MatchString(name) {
		return fmt.Errorf("the name %q of its key is refused: only letters, digits and - may stand in it", name)
	}
	if !azureVersion.MatchString(version) {
		return fmt.Errorf("the version %q of its key is refused: it is a hexadecimal number", version)
	}
	where, err := server(vaultURL)
	if err != nil {
		return fmt.Errorf("its address is refused: %w", err)
	}
	if host, ok := strings.CutPrefix(where, "https://"); ok {
		for _, suffix := range azureSuffixes {
			if vault, ok := strings.CutSuffix(host, suffix+":443"); ok && azureVault.MatchString(vault) {
				return nil
			}
		}
	}
	c, err := p.config()
	if err != nil {
		return err
	}
	if _, ok := same(c.Azure, where); ok {
		return nil
	}
	return fmt.Errorf("no token was sent: the address comes from the file and is none of Microsoft's vaults; list it under azure in %s, if it is yours", p.place())
}

// awsKey is the name of a key: its region becomes a part of the server's name.
var awsKey = regexp.MustCompile(`^arn:aws(-[a-z]+)*:kms:[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]{1,256}$`)

// AWS reports, as an error, why a key of AWS KMS is not asked. The region of its ARN is
// a part of the server's name. A role or a profile is who the user acts as, and a profile may run a
// program: a file chooses none that the user has not listed under aws_roles or aws_profiles; AWS_PROFILE counts.
func (p *Policy) AWS(arn, role, profile string) error {
	if !awsKey.MatchString(arn) {
		return errors.New("it is not the ARN of a key or alias of KMS")
	}
	if role != "" {
		if err := p.listed(role, func(c *Config) []string { return c.AWSRoles }, "aws_roles"); err != nil {
			return fmt.Errorf("the file says to act as role %q; %w", role, err)
		}
	}
	if profile != "" && profile != p.getenv("AWS_PROFILE") {
		if err := p.listed(profile, func(c *Config) []string { return c.AWSProfiles }, "aws_profiles"); err != nil {
			return fmt.Errorf("the file says to use profile %q; set AWS_PROFILE to it, or %w", profile, err)
		}
	}
	return nil
}

var googleKey = regexp.MustCompile(`^projects/([A-Za-z0-9.:_-]+)/locations/([A-Za-z0-9-]+)/keyRings/([A-Za-z0-9_-]+)/cryptoKeys/([A-Za-z0-9_-]+)$`)

// Google reports, as an error, that resource is not the name of a key of Google Cloud
// KMS. The server is Google's, or the user's SOPS_GCP_KMS_ENDPOINT.
func Google(resource string) error {
	parts := googleKey.FindStringSubmatch(resource)
	if parts == nil || len(resource) > 1024 || strings.Trim(parts[1], ".") == "" {
		return errors.New("it is not projects/P/locations/L/keyRings/R/cryptoKeys/K")
	}
	return nil
}

var huaweiKey = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+:[A-Za-z0-9-]{1,64}$`)

// Huawei reports, as an error, that id is not REGION:KEY of Huawei Cloud. The
// server is one of the list of regions in the library, or in the user's own file of regions.
func Huawei(id string) error {
	if !huaweiKey.MatchString(id) {
		return errors.New("it is not REGION:KEY")
	}
	return nil
}
