package trust

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"

	"go.yaml.in/yaml/v4"
)

// Config is the user's own configuration file: what the files of projects may name.
type Config struct {
	Vault       []string `yaml:"vault"`        // addresses of Vault servers
	VaultMounts []string `yaml:"vault_mounts"` // paths of transit engines
	Azure       []string `yaml:"azure"`        // addresses of vaults that are not under a name of Microsoft's
	AWSRoles    []string `yaml:"aws_roles"`    // ARNs
	AWSProfiles []string `yaml:"aws_profiles"` // names
	AgePlugins  []string `yaml:"age_plugins"`  // NAME of age-plugin-NAME
}

// maxConfig bounds the configuration file, in bytes.
const maxConfig = 1 << 20

// configPath is $XDG_CONFIG_HOME/compose-secure/config.yaml, or the same below
// ~/.config. A directory that is not absolute does not count; "" when there is no home.
func configPath(getenv func(string) string) string {
	dir := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		home := getenv("HOME")
		if !filepath.IsAbs(home) {
			u, err := user.Current()
			if err != nil || !filepath.IsAbs(u.HomeDir) {
				return ""
			}
			home = u.HomeDir
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "compose-secure", "config.yaml")
}

// place names the configuration file in a message.
func (p *Policy) place() string {
	if path := configPath(p.getenv); path != "" {
		return path
	}
	return "$XDG_CONFIG_HOME/compose-secure/config.yaml"
}

// loadConfig reads the configuration; without a file it is empty. A file that anybody but the user and root can
// write is an error, and so is an unknown key.
func loadConfig(getenv func(string) string) (*Config, error) {
	c := &Config{}
	path := configPath(getenv)
	if path == "" {
		return c, nil
	}
	data, err := readOwn(path)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("configuration %q: %w", path, err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("configuration %q: it is not a map of vault, vault_mounts, azure, aws_roles, aws_profiles and age_plugins to lists of strings", path)
	}
	return c, nil
}

func readOwn(path string) (_ []byte, err error) {
	if err := Own(path, "/"); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(data) > maxConfig {
		err = fmt.Errorf("it is larger than %d bytes", maxConfig)
	}
	return data, err
}
