package sops_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	lib "github.com/getsops/sops/v3"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/pgp"

	"github.com/compose-secure/compose-secure/sops"
)

func TestDecryptWithoutKey(t *testing.T) {
	emptyHome(t)
	_, key := ageKey(t)
	stranger, _ := ageKey(t)
	enc := recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, plainYAML)
	for _, tt := range []struct {
		name, env, value string
		want             []string
	}{
		{name: "no identity", want: []string{"no usable age identity found", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY", "~/.config/sops/age/keys.txt", "~/.ssh/id_ed25519"}},
		{name: "identity of someone else", env: "SOPS_AGE_KEY", value: stranger, want: []string{"no age identity at hand fits"}},
		{name: "malformed identity", env: "SOPS_AGE_KEY", value: stranger[:30], want: []string{"no usable age identity found"}},
		{name: "key file that is not there", env: "SOPS_AGE_KEY_FILE", value: "/nonexistent/keys.txt", want: []string{`the file "/nonexistent/keys.txt" of SOPS_AGE_KEY_FILE cannot be read`}},
		{name: "failing key command", env: "SOPS_AGE_KEY_CMD", value: "false " + stranger[:30], want: []string{"no usable age identity found", "SOPS_AGE_KEY_CMD"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.env != "" {
				t.Setenv(tt.env, tt.value)
			}
			_, err := inspect(t, "conf/x.yaml", enc).Decrypt(context.Background())
			if !errors.Is(err, sops.ErrNoKey) {
				t.Fatalf("want ErrNoKey, got %v", err)
			}
			checkError(t, err, "conf/x.yaml", stranger[:30], "hunter2")
			for _, w := range append(tt.want, key.Recipient) {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("want %q in %q", w, err)
				}
			}
		})
	}
}

func TestDecryptKeyGroups(t *testing.T) {
	have := ageHome(t)
	_, lost := ageKey(t)
	group := func(ks ...*sopsage.MasterKey) (g lib.KeyGroup) {
		for _, k := range ks {
			g = append(g, &sopsage.MasterKey{Recipient: k.Recipient}) // each holds its own share
		}
		return g
	}
	decrypt := func(groups ...lib.KeyGroup) error {
		enc := recipe{format: sops.YAML, groups: groups}.encrypt(t, plainYAML)
		_, err := inspect(t, "x", enc).Decrypt(context.Background())
		return err
	}
	if err := decrypt(group(lost, have)); err != nil {
		t.Errorf("one key of a group must do: %v", err)
	}
	if err := decrypt(group(lost, have), group(have)); err != nil {
		t.Errorf("one key of each group must do: %v", err)
	}
	err := decrypt(group(have), group(lost))
	if !errors.Is(err, sops.ErrNoKey) || !strings.Contains(err.Error(), "for 2 of 2 key groups") || !strings.Contains(err.Error(), lost.Recipient) {
		t.Errorf("want the group that is missing, got %v", err)
	}
}

// forVault is a file that only the Vault at address opens.
func forVault(t *testing.T, address string) []byte {
	return metadata(t, vaultEntry(address, "transit", "app", goodText))
}

// The file says where a Vault is, and VAULT_ADDR which one the token is for.
func TestVaultTokenGoesWhereItBelongs(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Vault-Token") != "" {
			asked.Add(1)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	t.Setenv("VAULT_TOKEN", "sentinel")
	t.Setenv("VAULT_MAX_RETRIES", "0")
	decrypt := func(address string) error {
		t.Setenv("VAULT_ADDR", address)
		_, err := inspect(t, "x.yaml", forVault(t, server.URL)).Decrypt(context.Background())
		checkError(t, err, "x.yaml", "sentinel")
		return err
	}
	err := decrypt("https://vault.example")
	want := "VAULT_ADDR is https://vault.example:443, and its token is sent nowhere else"
	if n := asked.Load(); n > 0 || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), server.URL) {
		t.Errorf("the token was sent %d times; %v", n, err)
	}
	if err := decrypt(strings.ToUpper(server.URL[:4]) + server.URL[4:] + "/"); asked.Load() == 0 {
		t.Errorf("the Vault of VAULT_ADDR was not asked: %v", err)
	}
}

// A redirect of the user's own Vault leads the token to no other server, encrypting and decrypting alike.
func TestVaultRedirect(t *testing.T) {
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	var reached atomic.Int32
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer own.Close()
	t.Setenv("VAULT_TOKEN", "sentinel")
	t.Setenv("VAULT_MAX_RETRIES", "0")
	t.Setenv("VAULT_ADDR", own.URL)
	_, err := inspect(t, "x.yaml", forVault(t, own.URL)).Decrypt(context.Background())
	checkError(t, err, "x.yaml", "sentinel")
	if reached.Load() == 0 || asked.Load() != 0 {
		t.Errorf("the own server got %d requests, the other %d; %v", reached.Load(), asked.Load(), err)
	}
}

func TestDecryptServiceOutOfReach(t *testing.T) {
	enc := forVault(t, "http://127.0.0.1:1")
	t.Setenv("VAULT_TOKEN", "sentinel")
	t.Setenv("VAULT_MAX_RETRIES", "0")
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	_, err := inspect(t, "x.yaml", enc).Decrypt(context.Background())
	if !errors.Is(err, sops.ErrNoKey) || !strings.Contains(err.Error(), "Vault http://127.0.0.1:1/v1/transit/keys/app (the service cannot be reached)") {
		t.Errorf("want the service that cannot be reached, got %v", err)
	}
	checkError(t, err, "x.yaml", "sentinel")
}

func TestDecryptPGP(t *testing.T) {
	emptyHome(t)
	fingerprint := gpgHome(t)
	enc := recipe{format: sops.Dotenv, keys: []keys.MasterKey{pgp.NewMasterKeyFromFingerprint(fingerprint)}}.encrypt(t, plainEnv)
	plain, err := inspect(t, "x.env", enc).Decrypt(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := whole(t, plain); got != plainEnv {
		t.Error("a file for a PGP key decrypts to something else")
	}

	t.Setenv("GNUPGHOME", t.TempDir())
	_, err = inspect(t, "x.env", enc).Decrypt(context.Background())
	if !errors.Is(err, sops.ErrNoKey) || !strings.Contains(err.Error(), "PGP "+fingerprint) || !strings.Contains(err.Error(), "GNUPGHOME") {
		t.Errorf("want the fingerprint and GNUPGHOME, got %v", err)
	}
	checkError(t, err, "x.env", "hunter2")

	t.Setenv("SOPS_GPG_EXEC", "no-such-gpg")
	_, err = inspect(t, "x.env", enc).Decrypt(context.Background())
	if !errors.Is(err, sops.ErrNoKey) || !strings.Contains(err.Error(), `"no-such-gpg" is not installed`) {
		t.Errorf("want the program that is missing, got %v", err)
	}
}

// gpgHome makes a GnuPG home with one key and returns its fingerprint.
func gpgHome(t *testing.T) string {
	t.Helper()
	// Not t.TempDir: the path of the agent's socket must be short.
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GNUPGHOME", home)
	gpg := func(args ...string) string {
		cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--yes"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("gpg %s: %v\n%s", args, err, out)
		}
		return string(out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("gpgconf", "--homedir", home, "--kill", "all").CombinedOutput(); err != nil {
			t.Errorf("gpgconf: %v\n%s", err, out)
		}
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(home, "gpg.conf"), []byte("no-tty\npinentry-mode loopback\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gpg("--passphrase", "", "--quick-generate-key", "test@example.com", "default", "default", "never")
	found := regexp.MustCompile(`fpr:+([0-9A-F]{40}):`).FindStringSubmatch(gpg("--with-colons", "--list-keys"))
	if found == nil {
		t.Fatal("gpg made no key")
	}
	return found[1]
}
