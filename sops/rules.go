package sops

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/config"
	yamlv3 "go.yaml.in/yaml/v3"

	"github.com/compose-secure/compose-secure/trust"
)

// rulesName is what SOPS calls its configuration, see https://getsops.io/docs/#using-sopsyaml-conf-to-select-kms-pgp-and-age-for-new-files.
const rulesName = ".sops.yaml"

// maxRules bounds the size of a .sops.yaml, in bytes.
const maxRules = 1 << 20

// noRuleError says why no .sops.yaml gives recipients.
type noRuleError struct{ short, long string }

func (e *noRuleError) Error() string { return e.long }

// creationRule takes the recipients of a new file at path from the nearest .sops.yaml
// in tree, and returns which one that is. One above tree does not count, nor one that somebody other than
// the user or root can write: it would choose who can decrypt.
func creationRule(path, tree string, meta *sops.Metadata) (string, error) {
	dir, err := folderOf(path)
	if err != nil {
		return "", fmt.Errorf("find %q: %w", path, err)
	}
	if tree, err = resolved(tree); err != nil {
		return "", fmt.Errorf("find %q: %w", path, err)
	}
	name, above := nearestRules(dir, tree)
	switch {
	case name == "" && above != "":
		return "", &noRuleError{
			fmt.Sprintf("%q does not count: it lies outside of %q", above, tree),
			fmt.Sprintf("there is no .sops.yaml in %q that says for whom to encrypt %q, and %q outside of it does not count; name an age recipient with --age", tree, path, above),
		}
	case name == "":
		return "", &noRuleError{"there is no .sops.yaml", fmt.Sprintf("there is no .sops.yaml that says for whom to encrypt %q; name an age recipient with --age", path)}
	}
	if err := trust.Own(name, tree); err != nil {
		return "", &noRuleError{fmt.Sprintf("%q does not count: %v", name, err), fmt.Sprintf("%q does not say for whom to encrypt %q: %v; name an age recipient with --age", name, path, err)}
	}
	abs := filepath.Join(dir, filepath.Base(path))
	if err := checkRules(name, abs); err != nil {
		return "", err
	}
	rule, err := config.LoadCreationRuleForFile(name, abs, nil)
	if err != nil || rule == nil || len(rule.KeyGroups) == 0 || len(rule.KeyGroups[0]) == 0 {
		return "", &noRuleError{"no rule of .sops.yaml fits " + filepath.Base(path), fmt.Sprintf("%q has no creation rule that fits %q", name, path)}
	}
	meta.KeyGroups, meta.ShamirThreshold = rule.KeyGroups, rule.ShamirThreshold
	return name, nil
}

// nearestRules finds the nearest .sops.yaml from dir up to tree; if there is none, the nearest one above that.
func nearestRules(dir, tree string) (name, above string) {
	for {
		rel, err := filepath.Rel(tree, dir)
		inside := err == nil && filepath.IsLocal(rel)
		candidate := filepath.Join(dir, rulesName)
		if _, err := os.Lstat(candidate); err == nil {
			if inside {
				return candidate, ""
			}
			return "", candidate
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ""
		}
		dir = parent
	}
}

// folderOf is the directory of path without symlinks; it need not exist.
func folderOf(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return resolved(filepath.Dir(abs))
}

// resolved follows the symlinks of as much of dir as exists.
func resolved(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(abs) == abs {
		return real, err
	}
	parent, err := resolved(filepath.Dir(abs))
	return filepath.Join(parent, filepath.Base(abs)), err
}

// rulesFile is what of a .sops.yaml has the library reach a server when it is
// loaded: a key of Azure without a version.
type rulesFile struct {
	Rules []struct {
		Path   string       `yaml:"path_regex"`
		Azure  any          `yaml:"azure_keyvault"` // a string with commas, or a list
		Groups []rulesGroup `yaml:"key_groups"`
	} `yaml:"creation_rules"`
}

type rulesGroup struct {
	Merge []rulesGroup `yaml:"merge"`
	Azure []struct {
		Version string `yaml:"version"`
	} `yaml:"azure_keyvault"`
}

// checkRules refuses a rule for which the library would ask an Azure vault for the
// version of a key while it is loaded, before anybody decided that this vault may be asked.
func checkRules(name, path string) error {
	info, err := os.Stat(name)
	if err != nil || info.Size() > maxRules {
		return fmt.Errorf("%q: it cannot be read, or is larger than %d bytes", name, maxRules)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read %q: %w", name, cause(err))
	}
	var file rulesFile
	if yamlv3.Unmarshal(data, &file) != nil {
		return fmt.Errorf("%q: its creation rules cannot be read", name) // the cause quotes it
	}
	rel := strings.TrimPrefix(path, filepath.Dir(name)+string(filepath.Separator))
	for _, r := range file.Rules {
		if r.Path != "" {
			re, err := regexp.Compile(r.Path)
			if err != nil {
				break // the library refuses it as well
			}
			if !re.MatchString(rel) {
				continue
			}
		}
		if len(r.Groups) == 0 && !azureVersions(r.Azure) || !groupVersions(r.Groups) {
			return fmt.Errorf("%q: the rule for %q names a key of Azure Key Vault without its version; write https://VAULT/keys/NAME/VERSION", name, path)
		}
		break
	}
	return nil
}

func azureVersions(list any) bool {
	switch list := list.(type) {
	case string:
		for url := range strings.SplitSeq(list, ",") {
			if strings.TrimSpace(url) != "" && !azureVersioned.MatchString(strings.TrimSpace(url)) {
				return false
			}
		}
	case []any:
		for _, url := range list {
			if s, ok := url.(string); !ok || !azureVersions(s) {
				return false
			}
		}
	}
	return true
}

var azureVersioned = regexp.MustCompile(`^https://[^/]+/keys/[^/]+/[^/]+$`)

func groupVersions(groups []rulesGroup) bool {
	for _, g := range groups {
		if !groupVersions(g.Merge) {
			return false
		}
		for _, k := range g.Azure {
			if k.Version == "" {
				return false
			}
		}
	}
	return true
}

// maxIndent bounds how far a .sops.yaml has a file indented, in columns.
const maxIndent = 16

// storesConfig reads how the user wants decrypted files indented, from the
// .sops.yaml nearest above path, as the sops command does. Nothing else of it counts here, so it is nobody's to
// own; one that is no regular file or asks for the impossible is left alone.
func storesConfig(path string) *config.StoresConfig {
	none := config.NewStoresConfig()
	dir, err := folderOf(path)
	if err != nil {
		return none
	}
	name, _ := nearestRules(dir, "/")
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() || info.Size() > maxRules {
		return none
	}
	c, err := config.LoadStoresConfig(name)
	if err != nil || max(c.YAML.Indent, c.JSON.Indent, c.JSONBinary.Indent) > maxIndent || c.YAML.Indent < 0 || min(c.JSON.Indent, c.JSONBinary.Indent) < -1 {
		return none
	}
	return c
}
