package trust

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var pgpFingerprint = regexp.MustCompile(`^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})!?$`)

// PGP reports, as an error, that fingerprint is none. gpg would look up anything
// else, such as an address of mail, on a server that its owner runs.
func PGP(fingerprint string) error {
	if !pgpFingerprint.MatchString(fingerprint) {
		return errors.New("it is not the 40 hexadecimal digits of a fingerprint")
	}
	return nil
}

var (
	ageKey    = regexp.MustCompile(`^age1[0-9a-z+._-]+$`)
	sshKey    = regexp.MustCompile(`^ssh-[a-z0-9]{1,16} [A-Za-z0-9+/=]+( [ -~]*)?$`)
	pluginKey = regexp.MustCompile(`^age1([0-9a-z+._-]+)1[0-9a-z]*$`)
)

// maxRecipient bounds a recipient, in bytes; one that withstands quantum computers has about 2,000.
const maxRecipient = 1 << 14

// AgeText reports, as an error, that recipient is not one of age: a command of the user's gets it.
func AgeText(recipient string) error {
	if len(recipient) > maxRecipient || !ageKey.MatchString(recipient) && !sshKey.MatchString(recipient) {
		return errors.New("it is no recipient of age")
	}
	return nil
}

// Age reports, as an error, why nothing is encrypted for a recipient that a file names. One of a plugin
// has the program age-plugin-NAME run, so the plugin is one that the user lists under age_plugins.
func (p *Policy) Age(recipient string) error {
	if err := AgeText(recipient); err != nil {
		return err
	}
	name := plugin(recipient)
	if name == "" {
		return nil
	}
	if err := p.listed(name, func(c *Config) []string { return c.AgePlugins }, "age_plugins"); err != nil {
		return fmt.Errorf("it would run age-plugin-%s; name the recipient with --age, or %w", name, err)
	}
	return nil
}

// plugin is the name of the plugin that a recipient is for, "" for none.
func plugin(recipient string) string {
	m := pluginKey.FindStringSubmatch(recipient)
	if m == nil || strings.HasPrefix(recipient, "age1pq1") {
		return ""
	}
	return m[1]
}
