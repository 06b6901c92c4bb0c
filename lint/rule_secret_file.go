package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/secret"
)

// secretFile is a file that `secrets:` names.
type secretFile struct {
	name string
	node *yaml.Node
	path string
	info os.FileInfo
}

// secretFiles lists the files of `secrets:` that exist and are not encrypted.
func (c *composeFile) secretFiles() []secretFile {
	var list []secretFile
	for _, e := range yamldoc.Entries(yamldoc.Get(c.root, "secrets")) {
		n := yamldoc.Follow(yamldoc.Get(e.Value, "file"))
		path := c.path(yamldoc.Text(n))
		if path == "" {
			continue
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if data, err := c.files.read(path); err != nil || secret.IsSOPS(data) {
			continue
		}
		list = append(list, secretFile{e.Key.Value, n, path, info})
	}
	return list
}

func (p *pass) reportSecretFile(f *secretFile, message, hint string, fix Fix) {
	p.report(p.src.scalar(f.node, 0, len(f.node.Value)), Finding{Key: f.name, Message: message, Hint: hint, Fix: fix})
}

func ruleSecretTracked() Rule {
	return Rule{
		ID: "CS018", Name: "secret file in git", Severity: Error,
		Why: "What git tracks is in every clone and stays in the history after it is deleted. Take it out, ignore it, and rotate the value.",
		compose: func(p *pass, c *composeFile) {
			for _, f := range c.secretFiles() {
				if c.files.repo(filepath.Dir(f.path)).has(f.path) {
					p.reportSecretFile(&f, fmt.Sprintf("git tracks %q, the file of secret %s", c.files.shown(f.path), f.name),
						"git rm --cached it, add it to .gitignore, encrypt it with SOPS, and rotate the value",
						Fix{ByHand, "git has to forget it, and the value has to be rotated"})
				}
			}
		},
	}
}

func ruleSecretReadable() Rule {
	return Rule{
		ID: "CS019", Name: "secret file readable by everybody", Severity: Warning,
		Why: "Compose mounts a secret's file as it is: its mode on the host is its mode in the container.",
		compose: func(p *pass, c *composeFile) {
			for _, f := range c.secretFiles() {
				if f.info.Mode().Perm()&0o004 != 0 {
					p.reportSecretFile(&f, fmt.Sprintf("every user of this machine can read %q, the file of secret %s", c.files.shown(f.path), f.name),
						"chmod o-rwx it; compose-secure up gives the container a file with the owner and mode that you name",
						Fix{ByHand, "the mode is not in the source"})
				}
			}
		},
	}
}

func ruleSecretInContext() Rule {
	return Rule{
		ID: "CS020", Name: "secret file in a build context", Severity: Warning,
		Why: "Everything in a build context that .dockerignore does not name is sent to the builder, and `COPY . .` puts it into the image.",
		compose: func(p *pass, c *composeFile) {
			files := c.secretFiles()
			for _, s := range c.services {
				b := c.buildOf(s)
				if b == nil || b.context == "" {
					continue
				}
				ignore := dockerignoreOf(c.files, b)
				for i := range files {
					f := &files[i]
					rel, err := filepath.Rel(b.context, f.path)
					if err != nil || strings.HasPrefix(rel, "..") || ignore.leavesOut(f.path) {
						continue
					}
					p.reportSecretFile(f, fmt.Sprintf("the build of %s takes %q, the file of secret %s", s.name, c.files.shown(f.path), f.name),
						fmt.Sprintf("add %q to .dockerignore", filepath.ToSlash(rel)), Fix{ByHand, "only you know what the build needs"})
				}
			}
		},
	}
}

func ruleNotEncrypted() Rule {
	return Rule{
		ID: "CS029", Name: "unencrypted file under a name that says encrypted", Severity: Error,
		Why: "A file called .enc. or .sops. passes every look at a diff. SOPS has not encrypted this one, or somebody decrypted it in place.",
		compose: func(p *pass, c *composeFile) {
			seen := map[string]bool{}
			check := func(n *yaml.Node) {
				path := c.path(yamldoc.Text(n))
				base := strings.ToLower(filepath.Base(path))
				if path == "" || seen[path] || !claimsEncryption(base) {
					return
				}
				seen[path] = true
				data, err := c.files.read(path)
				if err != nil || len(strings.TrimSpace(string(data))) == 0 || secret.IsSOPS(data) || isOtherCipher(data) {
					return
				}
				p.report(p.src.scalar(yamldoc.Follow(n), 0, len(yamldoc.Text(n))), Finding{
					Key: filepath.Base(path), Message: fmt.Sprintf("%q is not encrypted though its name says so", c.files.shown(path)),
					Hint: "sops encrypt --in-place it, and rotate what was committed", Fix: Fix{ByHand, "only you have the recipients"},
				})
			}
			for _, s := range c.services {
				for _, n := range c.envFiles(s) {
					check(n)
				}
			}
			for _, section := range []string{"secrets", "configs"} {
				for _, e := range yamldoc.Entries(yamldoc.Get(c.root, section)) {
					check(yamldoc.Get(e.Value, "file"))
				}
			}
			for _, n := range yamldoc.Items(yamldoc.Get(yamldoc.Get(c.root, "x-compose-secure"), "sops")) {
				check(n)
			}
		},
	}
}

func claimsEncryption(base string) bool {
	for _, part := range strings.Split(base, ".")[1:] {
		if part == "enc" || part == "sops" || part == "encrypted" {
			return true
		}
	}
	return strings.HasPrefix(base, "enc.") || strings.HasPrefix(base, "sops.") && base != "sops.yaml"
}

// isOtherCipher reports whether another tool has encrypted the file, or it is binary.
func isOtherCipher(data []byte) bool {
	for _, p := range []string{"age-encryption.org/", "-----BEGIN AGE ENCRYPTED", "-----BEGIN PGP MESSAGE", "$ANSIBLE_VAULT", "Salted__"} {
		if strings.HasPrefix(string(data), p) {
			return true
		}
	}
	return strings.IndexByte(string(data[:min(len(data), 512)]), 0) >= 0
}
