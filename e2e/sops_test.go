//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
)

// useKey makes an age key in RAM and lets the tool find it.
func (p *project) useKey() {
	p.t.Helper()
	key := filepath.Join(p.ram, "age.key")
	if r := run(p.t, p.dir, nil, built(p.t, "age-keygen"), "-o", key); r.code != 0 {
		p.t.Fatalf("age-keygen: %s", r.stderr)
	}
	p.env = append(p.env, "SOPS_AGE_KEY_FILE="+key)
}

// encrypt writes content with SOPS to a file of the project. The plaintext is
// in RAM only.
func (p *project) encrypt(name, format, content string) {
	p.t.Helper()
	recipient := run(p.t, p.dir, nil, built(p.t, "age-keygen"), "-y", filepath.Join(p.ram, "age.key"))
	plain := filepath.Join(p.ram, "plain")
	if err := os.WriteFile(plain, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	r := run(p.t, p.dir, nil, built(p.t, "sops"), "encrypt", "--age", strings.TrimSpace(recipient.stdout),
		"--input-type", format, "--output-type", format, plain)
	if r.code != 0 {
		p.t.Fatalf("sops encrypt: %s", r.stderr)
	}
	if err := os.Remove(plain); err != nil {
		p.t.Fatal(err)
	}
	p.write(name, r.stdout)
}

// secrets writes a SOPS dotenv file and makes it the project's --env-file.
func (p *project) secrets(pairs ...string) {
	p.t.Helper()
	const name = "secrets.enc.env"
	if len(p.global) == 0 {
		p.useKey()
		p.global = []string{"--env-file", name}
	}
	p.encrypt(name, "dotenv", lines(pairs...))
}
