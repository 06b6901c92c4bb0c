package lint

import (
	"bytes"
	"fmt"
	"github.com/compose-secure/compose-secure/document/yamldoc"
	"os"
	"path/filepath"
	"strings"
)

func ruleDecryptionKey() Rule {
	return Rule{
		ID: "CS025", Name: "decryption key beside what it opens", Severity: Error, Plaintext: true,
		Why: "Encryption at rest with the key beside it is theatre: whoever has the files has the values. " +
			"Keep the key with the person or machine that decrypts, or in a KMS.",
		compose: func(p *pass, c *composeFile) {
			for _, l := range c.literals() {
				if l.key {
					p.reportLiteral(c, l, fmt.Sprintf("%s holds a key that decrypts secrets", l.pair.Name), keyHint)
				}
			}
			p.keyFiles(c)
			if kms := sopsUsesKMS(c.files, c.dir); kms {
				for _, l := range c.literals() {
					if isCloudKey(l.pair.Name) {
						p.reportLiteral(c, l, fmt.Sprintf("%s opens the KMS that encrypts the secrets beside it", l.pair.Name), keyHint)
					}
				}
			}
		},
		env: func(p *pass, f *envFile) {
			kms := sopsUsesKMS(p.linter.files, filepath.Dir(f.path))
			for i := range f.vars {
				v := &f.vars[i]
				if v.value == "" || !isDecryptionKey(v.name, v.value) && !(kms && isCloudKey(v.name)) {
					continue
				}
				p.literalAt(byteRange{v.start, v.end}, literal{}, Finding{
					noEdit: true,
					Key:    v.name, Message: fmt.Sprintf("%s holds a key that decrypts secrets", v.name), Hint: keyHint,
					Fix: Fix{ByHand, "the key has to leave this place"},
				})
			}
		},
	}
}

const keyHint = "keep it where decryption happens (SOPS_AGE_KEY_FILE outside the project, a KMS role), and rotate what it could open"

func isCloudKey(name string) bool {
	return name == "AWS_SECRET_ACCESS_KEY" || name == "AZURE_CLIENT_SECRET" || name == "GOOGLE_CREDENTIALS"
}

// sopsUsesKMS reports whether the project's .sops.yaml names a cloud's keys.
func sopsUsesKMS(f *files, dir string) bool {
	data, err := f.read(filepath.Join(dir, ".sops.yaml"))
	return err == nil && (bytes.Contains(data, []byte("kms:")) || bytes.Contains(data, []byte("azure_keyvault:")))
}

// keyFiles looks for private keys among the files of the project's directory
// and its build contexts, which are copied with it.
func (p *pass) keyFiles(c *composeFile) {
	seen := map[string]bool{}
	check := func(dir string, f func(path string) (byteRange, Finding)) {
		list, err := os.ReadDir(dir)
		if err != nil {
			return
		}
		for _, e := range list {
			path := filepath.Join(dir, e.Name())
			if seen[path] || !e.Type().IsRegular() || !isKeyFileName(strings.ToLower(e.Name())) {
				continue
			}
			seen[path] = true
			data, err := c.files.read(path)
			if err != nil || !bytes.Contains(data, []byte("AGE-SECRET-KEY-1")) && !bytes.Contains(data, []byte("BEGIN PGP PRIVATE KEY")) {
				continue
			}
			r, found := f(path)
			found.Key, found.Hint, found.Fix = e.Name(), keyHint, Fix{ByHand, "the key has to leave this place"}
			p.report(r, found)
		}
	}
	for _, s := range c.services {
		b := c.buildOf(s)
		if b == nil || b.context == "" {
			continue
		}
		ignore := dockerignoreOf(c.files, b)
		n := yamldoc.Follow(s.fields["build"])
		check(b.context, func(path string) (byteRange, Finding) {
			f := Finding{Service: s.name, Message: fmt.Sprintf("the build of %s takes the decryption key %q", s.name, c.files.shown(path))}
			if ignore.leavesOut(path) {
				f.Message = fmt.Sprintf("the decryption key %q lies in the build context of %s", c.files.shown(path), s.name)
				f.Severity = Warning
			}
			return p.src.keyRange(n, s), f
		})
	}
	for _, s := range c.services[:min(1, len(c.services))] {
		check(c.dir, func(path string) (byteRange, Finding) {
			f := Finding{Message: fmt.Sprintf("the decryption key %q lies beside the compose file", c.files.shown(path)), Severity: Warning}
			if c.files.repo(c.dir).has(path) {
				f.Message, f.Severity = fmt.Sprintf("git tracks the decryption key %q", c.files.shown(path)), Error
			}
			return p.src.keyRange(nil, s), f
		})
	}
}

func isKeyFileName(base string) bool {
	return strings.HasSuffix(base, ".agekey") || strings.HasSuffix(base, ".asc") || strings.HasSuffix(base, ".key") || strings.HasSuffix(base, ".gpg") ||
		strings.HasPrefix(base, "key") && strings.HasSuffix(base, ".txt") || strings.HasPrefix(base, "age") && !strings.HasSuffix(base, ".pub") || strings.HasSuffix(base, ".pgp")
}
