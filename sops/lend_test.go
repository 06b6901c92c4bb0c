package sops_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age/plugin"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/pgp"

	"github.com/compose-secure/compose-secure/sops"
)

// sentinel stands in every variable that no program of another kind may get.
const sentinel = "s3ntinel-of-the-environment"

// TestProgramsGetNoKey: gpg, a key command and a plugin of age get what they need, and no key of this process. Each
// records its environment.
func TestProgramsGetNoKey(t *testing.T) {
	for _, tt := range []struct {
		name  string
		key   func(t *testing.T, record string) keys.MasterKey // of the file, once the program is in place
		wants []string
		opens bool
	}{
		{
			name: "gpg", opens: true, wants: []string{"GNUPGHOME", "GPG_TTY", "HOME", "PATH"},
			key: func(t *testing.T, record string) keys.MasterKey {
				key := pgp.NewMasterKeyFromFingerprint(gpgHome(t))
				gpg, err := exec.LookPath("gpg")
				if err != nil {
					t.Fatal(err)
				}
				t.Setenv("SOPS_GPG_EXEC", program(t, t.TempDir(), "gpg", record+"; exec "+gpg+` "$@"`))
				return key
			},
		},
		{
			name: "a key command", wants: []string{"HOME", "PATH", "SOPS_AGE_RECIPIENT", "OP_SERVICE_ACCOUNT_TOKEN"},
			key: func(t *testing.T, record string) keys.MasterKey {
				_, key := ageKey(t)
				keyCommand(t, record)
				t.Setenv("OP_SERVICE_ACCOUNT_TOKEN", "its own login")
				return key
			},
		},
		{
			name: "a plugin of age", wants: []string{"HOME", "PATH"},
			key: func(t *testing.T, record string) keys.MasterKey {
				_, key := ageKey(t)
				dir := t.TempDir()
				program(t, dir, "age-plugin-test", record+"; exit 1")
				t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
				lost, _ := ageKey(t)
				t.Setenv("SOPS_AGE_KEY", "# a comment of "+sentinel+"\n"+lost+" "+plugin.EncodeIdentity("test", []byte("x")))
				return key
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			emptyHome(t)
			lost, _ := ageKey(t)
			for _, name := range []string{"VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "AZURE_CLIENT_SECRET", "GOOGLE_OAUTH_ACCESS_TOKEN", "BW_SESSION", "DB_PASSWORD"} {
				if name != "DB_PASSWORD" && tt.name == "a key command" {
					continue // it may be the program of that very service
				}
				t.Setenv(name, sentinel)
			}
			if tt.name == "a key command" {
				t.Setenv("HUAWEICLOUD_SDK_SK", sentinel)
			}
			t.Setenv("GPG_TTY", "/dev/null")
			t.Setenv("SOPS_AGE_KEY", lost)
			recorded := filepath.Join(t.TempDir(), "environment")
			key := tt.key(t, "env >"+recorded)
			enc := recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, plainYAML)
			if _, err := inspect(t, "x.yaml", enc).Decrypt(context.Background()); (err == nil) != tt.opens {
				t.Fatalf("decrypted: %v, want %t", err, tt.opens)
			}
			got, err := os.ReadFile(recorded)
			if err != nil {
				t.Fatal("the program was not run")
			}
			if strings.Contains(string(got), sentinel) || strings.Contains(string(got), "AGE-SECRET-KEY-") {
				t.Errorf("the program gets a key:\n%s", got)
			}
			for _, name := range tt.wants {
				if !strings.Contains("\n"+string(got), "\n"+name+"=") {
					t.Errorf("the program does not get %s", name)
				}
			}
			if os.Getenv("DB_PASSWORD") != sentinel || os.Getenv("SOPS_AGE_KEY") == "" {
				t.Error("the environment is not as it was")
			}
		})
	}
}

// program writes a shell script and returns its path.
func program(t *testing.T, dir, name, script string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
