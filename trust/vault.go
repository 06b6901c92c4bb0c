package trust

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The variables that name a Vault of the user, and what is used of it.
const (
	vaultAddr      = "VAULT_ADDR"
	vaultAllowlist = "SOPS_HC_VAULT_ALLOWLIST"     // of SOPS: addresses, or "all", which names none
	vaultMounts    = "COMPOSE_SECURE_VAULT_MOUNTS" // paths of transit engines, separated by commas
)

// defaultMount is where `vault secrets enable transit` mounts the engine.
const defaultMount = "transit"

// Vault returns the user's own spelling of the address of a Vault that a file
// names, if the user has named it: in VAULT_ADDR, in SOPS_HC_VAULT_ALLOWLIST, or under
// vault in the configuration. Else the error says, in one line, what to set. Whoever
// sends a token sends it to the address that Vault returns.
func (p *Policy) Vault(address string) (string, error) {
	want, err := server(address)
	if err != nil {
		return "", fmt.Errorf("its address is refused: %w", err)
	}
	var own []string
	if a := p.getenv(vaultAddr); a != "" {
		own = append(own, a)
	}
	for a := range strings.SplitSeq(p.getenv(vaultAllowlist), ",") {
		if a = strings.TrimSpace(a); a != "" && a != "all" && a != "none" {
			own = append(own, a)
		}
	}
	if a, ok := same(own, want); ok {
		return a, nil
	}
	c, err := p.config()
	if err != nil {
		return "", err
	}
	if a, ok := same(c.Vault, want); ok {
		return a, nil
	}
	if set := p.getenv(vaultAddr); set != "" {
		shown := "no address"
		if s, err := server(set); err == nil {
			shown = s
		}
		return "", fmt.Errorf("VAULT_ADDR is %s, and its token is sent nowhere else; correct the address in the file, or set VAULT_ADDR to it or list it under vault in %s if it is yours",
			shown, p.place())
	}
	return "", fmt.Errorf("no token was sent: the address comes from the file; set VAULT_ADDR to it, or list it under vault in %s, if it is yours", p.place())
}

// same finds the address that leads to the server and folder want.
func same(own []string, want string) (string, bool) {
	i := slices.IndexFunc(own, func(a string) bool {
		s, err := server(a)
		return err == nil && s == want
	})
	if i < 0 {
		return "", false
	}
	return own[i], true
}

// server is scheme://host:port/folder of an address, in one spelling.
func server(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "", errors.New("it cannot be read") // the cause quotes it
	case u.Scheme != "https" && u.Scheme != "http":
		return "", errors.New("it has to start with https:// or http://")
	case u.Hostname() == "" || u.Opaque != "":
		return "", errors.New("it names no host")
	case u.User != nil:
		return "", errors.New("it has a user name or password in it")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#"):
		return "", errors.New("it has a query or fragment")
	case strings.ContainsFunc(u.Hostname(), func(r rune) bool { return !isUnreserved(r) && r != ':' }):
		return "", errors.New("its host is none")
	}
	folder := strings.Trim(u.EscapedPath(), "/")
	if folder != "" {
		if err := Path(folder); err != nil {
			return "", errors.New("its path is none")
		}
		folder = "/" + folder
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port) + folder, nil
}

// reserved are the parts of Vault's API that are no mount of a user, see
// https://developer.hashicorp.com/vault/docs/commands/secrets/enable.
var reserved = []string{"sys", "auth", "identity", "cubbyhole"}

// Transit returns the path of a request below /v1/: MOUNT/OPERATION/KEY. The mount may have several
// parts, the key is one. What it accepts stays below the mount, however it is joined. A mount is the default one, or
// one that the user names in COMPOSE_SECURE_VAULT_MOUNTS or under vault_mounts in the configuration: in an engine of
// another kind the same path is a secret that the request would replace.
func (p *Policy) Transit(mount, operation, key string) (string, error) {
	if err := Path(mount); err != nil {
		return "", fmt.Errorf("the path %q of its engine is refused: %w", mount, err)
	}
	for part := range strings.SplitSeq(mount, "/") {
		if slices.Contains(reserved, strings.ToLower(part)) {
			return "", fmt.Errorf("the path %q of its engine is refused: %q is no transit engine", mount, part)
		}
	}
	if err := Segment(key); err != nil {
		return "", fmt.Errorf("the name %q of its key is refused: %w", key, err)
	}
	own := strings.Split(p.getenv(vaultMounts), ",")
	if mount != defaultMount && !hasMount(own, mount) {
		c, err := p.config()
		if err != nil {
			return "", err
		}
		if !hasMount(c.VaultMounts, mount) {
			return "", fmt.Errorf("the path %q of its engine comes from the file and is not %q; list it in %s, or under vault_mounts in %s, if a transit engine of yours is there",
				mount, defaultMount, vaultMounts, p.place())
		}
	}
	return path.Join(mount, operation, key), nil
}

// hasMount reports whether mounts, which may be written with slashes around them as Vault prints them, have mount.
func hasMount(mounts []string, mount string) bool {
	return slices.ContainsFunc(mounts, func(m string) bool { return strings.Trim(strings.TrimSpace(m), "/") == mount })
}

var transitText = regexp.MustCompile(`^vault:v[1-9][0-9]{0,8}:[A-Za-z0-9+/]+={0,2}$`)

// TransitText reports, as an error, that text is not what a transit engine gave
// when it encrypted: anything else would be an argument of the file's choice.
func TransitText(text string) error {
	if len(text) > 1<<16 || !transitText.MatchString(text) {
		return errors.New("its encrypted key is not of the form vault:vN:BASE64")
	}
	return nil
}
