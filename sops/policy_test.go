package sops_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age/plugin"
	lib "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/keys"

	"github.com/compose-secure/compose-secure/sops"
)

// transit is a Vault with the transit engine: it "encrypts" as base64 and records what it is asked.
type transit struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // METHOD PATH
}

func newTransit(t testing.TB) *transit {
	v := &transit{}
	v.Server = httptest.NewServer(v)
	t.Cleanup(v.Close)
	t.Setenv("VAULT_TOKEN", "sentinel")
	t.Setenv("VAULT_MAX_RETRIES", "0")
	for _, name := range []string{"VAULT_ADDR", "SOPS_HC_VAULT_ALLOWLIST", "COMPOSE_SECURE_VAULT_MOUNTS"} {
		t.Setenv(name, "")
	}
	return v
}

func (v *transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	v.seen = append(v.seen, r.Method+" "+r.URL.EscapedPath())
	v.mu.Unlock()
	var body struct{ Plaintext, Ciphertext string }
	_ = json.NewDecoder(r.Body).Decode(&body) // what else it is has no answer
	answer := map[string]string{"ciphertext": "vault:v1:" + body.Plaintext}
	if body.Ciphertext != "" {
		answer = map[string]string{"plaintext": strings.TrimPrefix(body.Ciphertext, "vault:v1:")}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": answer})
}

func (v *transit) requests() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.seen)
}

// metadata is a file that only the key of a metadata entry opens, made from one for age: nothing is encrypted there.
func metadata(t testing.TB, entry string) []byte {
	have := ageHome(t)
	enc := string(recipe{format: sops.YAML, keys: []keys.MasterKey{have}}.encrypt(t, plainYAML))
	start, end := strings.Index(enc, "    age:"), strings.Index(enc, "    lastmodified:")
	return []byte(enc[:start] + entry + enc[end:])
}

func vaultEntry(address, mount, key, enc string) string {
	return fmt.Sprintf("    hc_vault:\n        - vault_address: %q\n          engine_path: %q\n          key_name: %q\n          created_at: \"2024-01-01T00:00:00Z\"\n          enc: %q\n",
		address, mount, key, enc)
}

const goodText = "vault:v1:c2VudGluZWw="

// A SOPS file must not choose which path of the user's Vault is written to.
func TestVaultPathFromFile(t *testing.T) {
	for _, tt := range []struct{ name, suffix, mount, key, enc string }{
		{name: "another engine", key: "../../secret/prod-db"},
		{name: "system call", key: "../../sys/seal"},
		{name: "key below", key: "a/b"},
		{name: "key above", key: ".."},
		{name: "no key", key: "."},
		{name: "query", key: "k?x=y"},
		{name: "escaped slash", key: "..%2f..%2fsys%2fseal"},
		{name: "escaped dots", key: "%2e%2e"},
		{name: "backslash", key: `..\..\sys`},
		{name: "line break", key: "k\r\nX-Evil: 1"},
		{name: "mount above", mount: "transit/../secret"},
		{name: "mount outside", mount: "../transit"},
		{name: "absolute mount", mount: "/sys"},
		{name: "folder", mount: "transit/"},
		{name: "empty part", mount: "a//b"},
		{name: "system mount", mount: "sys/raw"},
		{name: "login mount", mount: "ns/auth/userpass"},
		{name: "no mount", mount: "."},
		{name: "mount of another engine", mount: "secret"},
		{name: "mount below the engine", mount: "transit/x"},
		{name: "ciphertext", enc: "attacker-chosen"},
		{name: "other ciphertext", enc: "vault:v1:x\"}"},
		{name: "folder of address", suffix: "/v1/secret"},
		{name: "query of address", suffix: "/?"},
		{name: "fragment of address", suffix: "#"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newTransit(t)
			t.Setenv("VAULT_ADDR", v.URL)
			mount, key, enc := tt.mount, tt.key, tt.enc
			for _, p := range []struct {
				to   *string
				text string
			}{{&mount, "transit"}, {&key, "app"}, {&enc, goodText}} {
				if *p.to == "" {
					*p.to = p.text
				}
			}
			_, err := inspect(t, "x.yaml", metadata(t, vaultEntry(v.URL+tt.suffix, mount, key, enc))).Decrypt(context.Background())
			if seen := v.requests(); len(seen) > 0 {
				t.Errorf("Vault was asked: %q", seen)
			}
			if !errors.Is(err, sops.ErrNoKey) {
				t.Fatalf("want ErrNoKey, got %v", err)
			}
			checkError(t, err, "x.yaml", "sentinel")
		})
	}
}

// Without an address of the user's own, no token is sent, and one line says what to set.
func TestVaultTokenNeedsAddress(t *testing.T) {
	v := newTransit(t)
	data := metadata(t, vaultEntry(v.URL, "transit", "app", goodText))
	decrypt := func() error {
		_, err := inspect(t, "x.yaml", data).Decrypt(context.Background())
		return err
	}
	token := filepath.Join(os.Getenv("HOME"), ".vault-token")
	if err := os.WriteFile(token, []byte("sentinel"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := decrypt()
	config := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "compose-secure", "config.yaml")
	if len(v.requests()) > 0 || err == nil || !strings.Contains(err.Error(), "set VAULT_ADDR") || !strings.Contains(err.Error(), config) {
		t.Errorf("asked %d times without VAULT_ADDR; %v", len(v.requests()), err)
	}
	checkError(t, err, "x.yaml", "sentinel")

	t.Setenv("SOPS_HC_VAULT_ALLOWLIST", "all") // names nobody
	if _ = decrypt(); len(v.requests()) > 0 {
		t.Error("all servers is no server of the user's own")
	}
	t.Setenv("SOPS_HC_VAULT_ALLOWLIST", "https://vault.example, "+v.URL+"/")
	if _ = decrypt(); !slices.Equal(v.requests(), []string{"PUT /v1/transit/decrypt/app"}) {
		t.Errorf("a Vault of SOPS_HC_VAULT_ALLOWLIST was asked %q", v.requests())
	}
	t.Setenv("SOPS_HC_VAULT_ALLOWLIST", "")

	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("vault:\n  - "+v.URL+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _ = decrypt(); len(v.requests()) != 2 {
		t.Error("a Vault of the user's configuration was not asked")
	}
	if err := os.Chmod(config, 0o666); err != nil { //nolint:gosec // what is tested
		t.Fatal(err)
	}
	if err := decrypt(); len(v.requests()) != 2 || !strings.Contains(err.Error(), "can be written by everybody") {
		t.Errorf("a configuration that everybody can write counts; %v", err)
	}
}

// Encrypting asks the policy as decrypting does: .sops.yaml is a file of the project.
func TestVaultEncrypts(t *testing.T) {
	v := newTransit(t)
	emptyHome(t)
	dir := realDir(t)
	path := filepath.Join(dir, "a.enc.yaml")
	extend := func(uri string) ([]byte, error) {
		writeFile(t, filepath.Join(dir, ".sops.yaml"), "creation_rules:\n  - hc_vault_transit_uri: \""+uri+"\"\n")
		return sops.Extend(path, nil, added("A", "hunter2"), sops.For{Tree: dir})
	}
	good := v.URL + "/v1/transit/keys/app"
	t.Setenv("VAULT_ADDR", "https://vault.example")
	data, err := extend(good)
	if data != nil || len(v.requests()) > 0 || !strings.Contains(err.Error(), "VAULT_ADDR is https://vault.example:443") {
		t.Errorf("a Vault that is not of VAULT_ADDR was asked %q; %v", v.requests(), err)
	}
	checkError(t, err, path, "hunter2")
	t.Setenv("VAULT_ADDR", v.URL)
	for _, uri := range []string{v.URL + "/v1/sys/keys/app", v.URL + "/v1/secret/keys/app", v.URL + "/v1/a/%2e%2e/keys/app", v.URL + "/v1/transit/keys/a%3fb"} {
		if data, err := extend(uri); data != nil || err == nil || len(v.requests()) > 0 {
			t.Errorf("%s: asked %q; %v", uri, v.requests(), err)
		}
	}
	data, err = extend(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := sops.Opens(t.Context(), path, data); err != nil {
		t.Errorf("the Vault that encrypted does not decrypt: %v", err)
	}
	t.Setenv("COMPOSE_SECURE_VAULT_MOUNTS", "sops")
	if _, err := extend(v.URL + "/v1/sops/keys/app"); err != nil {
		t.Errorf("an engine that the user names: %v", err)
	}
	if got, want := v.requests(), []string{"PUT /v1/transit/encrypt/app", "PUT /v1/transit/decrypt/app", "PUT /v1/sops/encrypt/app"}; !slices.Equal(got, want) {
		t.Errorf("Vault was asked %q, not %q", got, want)
	}
}

// proxy records what a process wants to reach by TLS, and lets nothing through.
func proxy(t testing.TB) (address string, targets func() []string) {
	var mu sync.Mutex
	var seen []string
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				mu.Lock()
				seen = append(seen, r.Host)
				mu.Unlock()
				_, _ = c.Write([]byte("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
			}
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		s := slices.Clone(seen)
		slices.Sort(s)
		return slices.Compact(s)
	}
}

// TestDecryptChild is the process that TestCloudsFromFile starts: what a proxy is for is read once in each.
func TestDecryptChild(t *testing.T) {
	path := os.Getenv("TEST_DECRYPT_FILE")
	if path == "" {
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := sops.Inspect("x.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Decrypt(context.Background())
	fmt.Println("RESULT", err)
}

// A SOPS file must not choose a server of its own through the key of a cloud, nor who the user acts as.
func TestCloudsFromFile(t *testing.T) {
	const stamp = "          created_at: \"2024-01-01T00:00:00Z\"\n          enc: c2VudGluZWxz\n"
	azure := func(url, name string) string {
		return "    azure_kv:\n        - vault_url: \"" + url + "\"\n          name: \"" + name + "\"\n          version: \"0123456789abcdef0123456789abcdef\"\n" + stamp
	}
	aws := func(arn, more string) string { return "    kms:\n        - arn: \"" + arn + "\"\n" + more + stamp }
	const arn = "arn:aws:kms:eu-west-1:123456789012:key/0b0b0b0b-0000-4000-8000-000000000000"
	for _, tt := range []struct {
		name, entry string
		reached     []string // nothing else may be
		want        string
	}{
		{name: "Azure", entry: azure("https://team.vault.azure.net", "app"), reached: []string{"team.vault.azure.net:443"}},
		{name: "Azure of another host", entry: azure("https://vault.attacker.example", "app"), want: "none of Microsoft's vaults"},
		{name: "Azure of a host that looks like it", entry: azure("https://team.vault.azure.net.attacker.example", "app"), want: "none of Microsoft's vaults"},
		{name: "Azure of a user at a host", entry: azure("https://team.vault.azure.net@attacker.example", "app"), want: "user name"},
		{name: "Azure in the clear", entry: azure("http://team.vault.azure.net", "app"), want: "none of Microsoft's vaults"},
		{name: "Azure of another port", entry: azure("https://team.vault.azure.net:8443", "app"), want: "none of Microsoft's vaults"},
		{name: "Azure of another path", entry: azure("https://team.vault.azure.net", "../secrets/prod"), want: "the name"},
		{name: "AWS", entry: aws(arn, ""), reached: []string{"kms.eu-west-1.amazonaws.com:443"}},
		{name: "AWS of another server", entry: aws("arn:aws:kms:attacker.example/#:123456789012:key/a", ""), want: "not the ARN"},
		{name: "AWS region of labels", entry: aws("arn:aws:kms:x.attacker.example:123456789012:key/a", ""), want: "not the ARN"},
		{name: "AWS role", entry: aws(arn, "          role: arn:aws:iam::666666666666:role/evil\n"), want: "aws_roles"},
		{name: "AWS profile", entry: aws(arn, "          aws_profile: prod\n"), want: "aws_profiles"},
		{name: "Google", entry: "    gcp_kms:\n        - resource_id: projects/../locations/global/keyRings/a/cryptoKeys/b?x\n" + stamp, want: "projects/P"},
		{name: "Huawei", entry: "    hckms:\n        - key_id: \"x.attacker.example:a/b\"\n" + stamp, want: "REGION:KEY"},
	} {
		data := metadata(t, tt.entry)
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address, targets := proxy(t)
			file := filepath.Join(t.TempDir(), "x.yaml")
			writeFile(t, file, string(data))
			home := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestDecryptChild$")
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TEST_DECRYPT_FILE=" + file, "HTTPS_PROXY=" + address, "HTTP_PROXY=" + address,
				"AWS_ACCESS_KEY_ID=AKIDSENTINEL", "AWS_SECRET_ACCESS_KEY=sentinel", "AWS_MAX_ATTEMPTS=1", "AWS_EC2_METADATA_DISABLED=true",
				"AZURE_TENANT_ID=00000000-0000-4000-8000-000000000000", "AZURE_CLIENT_ID=00000000-0000-4000-8000-000000000000", "AZURE_CLIENT_SECRET=sentinel",
				"HUAWEICLOUD_SDK_AK=sentinel", "HUAWEICLOUD_SDK_SK=sentinel", "HUAWEICLOUD_SDK_PROJECT_ID=p",
				"GOOGLE_OAUTH_ACCESS_TOKEN=sentinel", "SOPS_GCP_KMS_CLIENT_TYPE=rest"}
			done := make(chan struct{})
			if len(tt.reached) > 0 { // the library tries again for long
				go func() {
					defer close(done)
					for ctx.Err() == nil && len(targets()) == 0 {
						time.Sleep(10 * time.Millisecond)
					}
					cancel()
				}()
			} else {
				close(done)
			}
			out, _ := cmd.CombinedOutput() // it may be ended
			<-done
			if got := targets(); !slices.Equal(got, tt.reached) {
				t.Errorf("reached %q, not %q", got, tt.reached)
			}
			if strings.Contains(string(out), "sentinel") || !strings.Contains(string(out), tt.want) {
				t.Errorf("want %q, got %s", tt.want, out)
			}
		})
	}
}

// Who is encrypted for must not have a program run that the user did not name.
func TestRulesRunNothing(t *testing.T) {
	emptyHome(t)
	dir, bin := realDir(t), t.TempDir()
	ran := filepath.Join(bin, "ran")
	for _, name := range []string{"age-plugin-evil", "recorded-gpg"} {
		script := "#!/bin/sh\necho \"$0 $*\" >>" + ran + "\nexit 1\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("SOPS_GPG_EXEC", filepath.Join(bin, "recorded-gpg"))
	evil := plugin.EncodeRecipient("evil", []byte("0123456789"))
	for rule, want := range map[string]string{"age: " + evil: "it would run age-plugin-evil", "pgp: someone@attacker.example": "digits of a fingerprint"} {
		writeFile(t, filepath.Join(dir, ".sops.yaml"), "creation_rules:\n  - "+rule+"\n")
		data, err := sops.Extend(filepath.Join(dir, "a.enc.yaml"), nil, added("A", "hunter2"), sops.For{Tree: dir})
		if data != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", rule, want, err)
		}
		if log, err := os.ReadFile(ran); err == nil {
			t.Errorf("%s: ran %s", rule, log)
		}
	}
	// With --age the user named the recipient, and so the plugin.
	if _, err := sops.Extend(filepath.Join(dir, "a.enc.yaml"), nil, added("A", "hunter2"), sops.For{Age: []string{evil}}); err == nil {
		t.Error("the plugin fails, so nothing can be encrypted")
	}
	if log, _ := os.ReadFile(ran); !strings.Contains(string(log), "age-plugin-evil") {
		t.Error("the plugin of a recipient that the user named was not run")
	}
}

// A .sops.yaml must not count outside of the tree, nor where others write it; the one that counts is named.
func TestRulesThatCount(t *testing.T) {
	emptyHome(t)
	_, other := ageKey(t)
	rules := "creation_rules:\n  - age: " + other.Recipient + "\n"
	for _, tt := range []struct {
		name, want string
		make       func(t *testing.T, outside, tree string)
	}{
		{"in the folder", "", func(t *testing.T, _, tree string) { writeFile(t, filepath.Join(tree, "sub", ".sops.yaml"), rules) }},
		{"in the tree", "", func(t *testing.T, _, tree string) { writeFile(t, filepath.Join(tree, ".sops.yaml"), rules) }},
		{"symlink in the tree", "", func(t *testing.T, _, tree string) {
			writeFile(t, filepath.Join(tree, "rules.yaml"), rules)
			symlink(t, "rules.yaml", filepath.Join(tree, ".sops.yaml"))
		}},
		{"above the tree", "outside of it does not count", func(t *testing.T, outside, _ string) { writeFile(t, filepath.Join(outside, ".sops.yaml"), rules) }},
		{"symlink out of the tree", "leads out of", func(t *testing.T, outside, tree string) {
			writeFile(t, filepath.Join(outside, "rules.yaml"), rules)
			symlink(t, "../rules.yaml", filepath.Join(tree, ".sops.yaml"))
		}},
		{"everybody writes it", "can be written by everybody", func(t *testing.T, _, tree string) {
			writeFile(t, filepath.Join(tree, ".sops.yaml"), rules)
			chmod(t, filepath.Join(tree, ".sops.yaml"), 0o666)
		}},
		{"everybody writes its folder", "can be written by everybody", func(t *testing.T, _, tree string) {
			writeFile(t, filepath.Join(tree, "sub", ".sops.yaml"), rules)
			chmod(t, filepath.Join(tree, "sub"), 0o777)
		}},
		{"the nearest is not the user's", "can be written by everybody", func(t *testing.T, _, tree string) {
			writeFile(t, filepath.Join(tree, ".sops.yaml"), rules)
			writeFile(t, filepath.Join(tree, "sub", ".sops.yaml"), rules)
			chmod(t, filepath.Join(tree, "sub", ".sops.yaml"), 0o646)
		}},
		{"a folder", "not a regular file", func(t *testing.T, _, tree string) {
			if err := os.Mkdir(filepath.Join(tree, ".sops.yaml"), 0o700); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			outside := realDir(t)
			tree := filepath.Join(outside, "tree")
			if err := os.MkdirAll(filepath.Join(tree, "sub"), 0o700); err != nil {
				t.Fatal(err)
			}
			tt.make(t, outside, tree)
			h, err := sops.NewHolders(filepath.Join(tree, "sub", "a.enc.yaml"), sops.For{Tree: tree})
			if tt.want == "" {
				if err != nil || !slices.Equal(h.Names, []string{other.Recipient}) || !strings.HasSuffix(h.Rules, ".sops.yaml") {
					t.Errorf("it does not count: %v %v", h, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "--age") {
				t.Errorf("want %q, got %v, %v", tt.want, h, err)
			}
		})
	}
}

// Loading a rule must reach no server: the library asks Azure for the version of a key that has none.
func TestRulesReachNothing(t *testing.T) {
	emptyHome(t)
	for _, rule := range []string{
		"azure_keyvault: https://vault.attacker.example/keys/app",
		"azure_keyvault: [https://vault.attacker.example/keys/app/]",
		"key_groups: [{azure_keyvault: [{vaultUrl: https://vault.attacker.example, key: app}]}]",
		"key_groups: [{merge: [{azure_keyvault: [{vaultUrl: https://vault.attacker.example, key: app}]}]}]",
	} {
		dir := realDir(t)
		writeFile(t, filepath.Join(dir, ".sops.yaml"), "creation_rules:\n  - {path_regex: other, age: x}\n  - {"+rule+"}\n")
		if _, err := sops.NewHolders(filepath.Join(dir, "a.enc.yaml"), sops.For{Tree: dir}); err == nil || !strings.Contains(err.Error(), "without its version") {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestHoldersOf(t *testing.T) {
	have := ageHome(t)
	_, other := ageKey(t)
	one := recipe{format: sops.YAML, keys: []keys.MasterKey{have, other}}.encrypt(t, plainYAML)
	h, err := sops.HoldersOf("x", one)
	if err != nil || h.String() != have.Recipient+", "+other.Recipient {
		t.Errorf("got %v, %v", h, err)
	}
	if !h.AreAge([]string{other.Recipient, " " + have.Recipient, other.Recipient}) || !h.AreAge([]string{other.Recipient + "," + have.Recipient}) ||
		h.AreAge([]string{have.Recipient}) || h.AreAge(nil) {
		t.Error("who they are is compared wrongly")
	}
	two := recipe{format: sops.YAML, groups: []lib.KeyGroup{{have}, {other}}}.encrypt(t, plainYAML)
	if h, err := sops.HoldersOf("x", two); err != nil || h.AreAge([]string{have.Recipient, other.Recipient}) || !strings.HasPrefix(h.String(), "one key of each of 2 of these 2 groups: (") {
		t.Errorf("got %v, %v", h, err)
	}
}

// FuzzVaultRequest: whatever a file says, no request leaves for another server, and none for another path than MOUNT/decrypt/KEY.
func FuzzVaultRequest(f *testing.F) {
	v := newTransit(f)
	attacker := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { panic("reached: " + r.URL.String()) }))
	f.Cleanup(attacker.Close)
	f.Setenv("VAULT_ADDR", v.URL)
	f.Setenv("COMPOSE_SECURE_VAULT_MOUNTS", "ns/transit,sys")
	for _, s := range [][4]string{
		{v.URL, "transit", "app", goodText}, {v.URL, "secret", "app", goodText}, {v.URL, "ns/transit", "a.b-c_d~e", "vault:v12:YQ=="}, {v.URL + "/", "transit", "../../sys/seal", "x"},
		{attacker.URL, "transit", "app", goodText}, {v.URL + "@" + attacker.URL[7:], "transit", "app", goodText}, {v.URL + "#@" + attacker.URL[7:], "t", "a", goodText},
		{v.URL, "transit/%2e%2e", "..%2f", goodText}, {v.URL, "sys", "app", goodText}, {strings.ToUpper(v.URL), "a", "b", goodText}, {v.URL + "/v1/../x", "a", "b", goodText},
	} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	f.Fuzz(func(t *testing.T, address, mount, key, enc string) {
		v.mu.Lock()
		v.seen = nil
		v.mu.Unlock()
		sops.AskVault(address, mount, key, enc)
		for _, got := range v.requests() {
			if want := "PUT /v1/" + mount + "/decrypt/" + key; got != want {
				t.Errorf("asked %q, not %q", got, want)
			}
			if mount != "transit" && mount != "ns/transit" || strings.Contains(key, "/") {
				t.Errorf("mount %q, key %q", mount, key)
			}
			if raw, ok := strings.CutPrefix(enc, "vault:v"); !ok {
				t.Errorf("sent %q", enc)
			} else if _, text, _ := strings.Cut(raw, ":"); len(text)%4 == 0 {
				if _, err := base64.StdEncoding.DecodeString(text); err != nil && !strings.Contains(text, "=") {
					t.Errorf("sent %q", enc)
				}
			}
		}
	})
}

func realDir(t testing.TB) string {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func symlink(t testing.TB, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func chmod(t testing.TB, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// Whether the user can read a store is asked of the keys at hand, not of the data key that encrypting left behind.
func TestOpens(t *testing.T) {
	emptyHome(t)
	_, other := ageKey(t)
	path := filepath.Join(realDir(t), "a.enc.yaml")
	data, err := sops.Extend(path, nil, added("A", "hunter2"), sops.For{Age: []string{other.Recipient}})
	if err != nil {
		t.Fatal(err)
	}
	if err := sops.Opens(t.Context(), path, data); !errors.Is(err, sops.ErrNoKey) {
		t.Errorf("want ErrNoKey, got %v", err)
	}
	fingerprint := gpgHome(t)
	writeFile(t, filepath.Join(filepath.Dir(path), ".sops.yaml"), "creation_rules:\n  - pgp: "+fingerprint+"\n")
	data, err = sops.Extend(path, nil, added("A", "hunter2"), sops.For{Tree: filepath.Dir(path)})
	if err != nil {
		t.Fatal(err)
	}
	if err := sops.Opens(t.Context(), path, data); err != nil {
		t.Errorf("gpg has the key: %v", err)
	}
	t.Setenv("GNUPGHOME", t.TempDir())
	if err := sops.Opens(t.Context(), path, data); !errors.Is(err, sops.ErrNoKey) {
		t.Errorf("gpg has no key: want ErrNoKey, got %v", err)
	}
}
