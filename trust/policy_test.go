package trust_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/trust"
)

// user is a policy with an environment and a configuration file.
func user(t *testing.T, config string, env ...string) *trust.Policy {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	vars := map[string]string{"XDG_CONFIG_HOME": home}
	for i := 0; i < len(env); i += 2 {
		vars[env[i]] = env[i+1]
	}
	if config != "" {
		must(t, os.Mkdir(filepath.Join(home, "compose-secure"), 0o700))
		must(t, os.WriteFile(filepath.Join(home, "compose-secure", "config.yaml"), []byte(config), 0o600))
	}
	return trust.New(func(name string) string { return vars[name] })
}

func check(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("want %q, got %v", want, err)
	case err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b"):
		t.Errorf("more than one line: %q", err)
	}
}

func TestVaultAddress(t *testing.T) {
	const own = "https://vault.example:8200"
	for _, tt := range []struct{ name, set, file, want string }{
		{"the same", own, own, ""},
		{"another spelling", own, "HTTPS://VAULT.example:8200/", ""},
		{"port of the scheme", "https://vault.example", "https://vault.example:443", ""},
		{"folder", own + "/vault", own + "/vault/", ""},
		{"IPv6", "http://[::1]:8200", "http://[::1]:8200", ""},
		{"another host", own, "https://vault.attacker.example:8200", "VAULT_ADDR is " + own},
		{"another port", own, "https://vault.example:8201", "VAULT_ADDR is"},
		{"another scheme", own, "http://vault.example:8200", "VAULT_ADDR is"},
		{"another folder", own + "/vault", own + "/v1", "VAULT_ADDR is"},
		{"without the folder", own + "/vault", own, "VAULT_ADDR is"},
		{"none set", "", own, "no token was sent"},
		{"none of the two", "nonsense", own, "VAULT_ADDR is no address"},
		{"user name", own, "https://vault.example:8200@attacker.example", "user name"},
		{"password", own, "https://a:b@vault.example:8200", "user name"},
		{"socket", own, "unix:///run/vault.sock", "https://"},
		{"no host", own, "https://", "no host"},
		{"nothing", own, "", "https://"},
		{"no URL", own, "https://vault.example:8200\n", "cannot be read"},
		{"escaped folder", own, own + "/%2e%2e", "its path"},
		{"dots", own, own + "/a/..", "its path"},
		{"other letters", own, "https://vault\u2024example:8200", "its host"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := user(t, "", "VAULT_ADDR", tt.set).Vault(tt.file)
			check(t, err, tt.want)
			if err == nil && got != tt.set {
				t.Errorf("the address that is used comes from the file: %q", got)
			}
		})
	}
	got, err := user(t, "vault: [https://other.example]", "VAULT_ADDR", own).Vault("https://other.example/")
	if check(t, err, ""); got != "https://other.example" {
		t.Errorf("got %q", got)
	}
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct{ name, config, want string }{
		{"empty", "# nothing\n", "no token was sent"},
		{"unknown key", "vaults: [https://v.example]\n", "it is not a map of vault"},
		{"one string", "vault: https://v.example\n", "it is not a map of vault"},
		{"no map", "- hunter2\n", "it is not a map of vault"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := user(t, tt.config).Vault("https://v.example")
			check(t, err, tt.want)
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("content in %q", err)
			}
		})
	}
	relative := trust.New(func(name string) string {
		return map[string]string{"XDG_CONFIG_HOME": "conf", "HOME": "."}[name]
	})
	must(t, os.MkdirAll(filepath.Join(t.TempDir(), "conf", "compose-secure"), 0o700))
	_, err := relative.Vault("https://v.example")
	check(t, err, "no token was sent") // a relative directory would be the project's
}

func TestTransit(t *testing.T) {
	for _, tt := range []struct {
		name, env, config, mount, want string
	}{
		{name: "the default", mount: "transit"},
		{name: "another engine", mount: "secret", want: `the path "secret" of its engine comes from the file and is not "transit"; list it in COMPOSE_SECURE_VAULT_MOUNTS, or under vault_mounts in /`},
		{name: "below the default", mount: "transit/x", want: "comes from the file"},
		{name: "the default of a folder", mount: "team/transit", want: "comes from the file"},
		{name: "other letters", mount: "Transit", want: "comes from the file"},
		{name: "variable", env: "sops, team/transit/", mount: "team/transit"},
		{name: "variable of others", env: "sops", mount: "secret", want: "comes from the file"},
		{name: "variable, and the default", env: "sops", mount: "transit"},
		{name: "configuration", config: "vault_mounts: [sops, team/transit]", mount: "team/transit"},
		{name: "configuration of others", config: "vault_mounts: [sops]", mount: "secret", want: "comes from the file"},
		{name: "a system path is none", env: "sys", mount: "sys", want: "no transit engine"},
		{name: "nothing is none", env: ",", mount: "", want: "is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := user(t, tt.config, "COMPOSE_SECURE_VAULT_MOUNTS", tt.env).Transit(tt.mount, "decrypt", "app")
			if check(t, err, tt.want); err == nil && got != tt.mount+"/decrypt/app" {
				t.Errorf("got %q", got)
			}
		})
	}
	for _, text := range []string{"", "vault:v1:", "vault:v0:YQ==", "vault:v1:YQ==\n", " vault:v1:YQ==", "vault:v1:YQ===", "vault:v1:\"}", "x"} {
		check(t, trust.TransitText(text), "vault:vN:BASE64")
	}
	check(t, trust.TransitText("vault:v10:YWJj+/=="), "")
}

func TestListed(t *testing.T) {
	const arn = "arn:aws:kms:eu-west-1:123456789012:alias/app/x"
	const role = "arn:aws:iam::123456789012:role/sops"
	none, some := user(t, ""), user(t, "aws_roles: ["+role+"]\naws_profiles: [prod]\nage_plugins: [yubikey]\nazure: [https://hsm.example]\n")
	check(t, none.AWS(arn, "", ""), "")
	check(t, none.AWS(arn, role, ""), "list it under aws_roles")
	check(t, some.AWS(arn, role, "prod"), "")
	check(t, some.AWS(arn, role+"2", ""), "list it under aws_roles")
	check(t, some.AWS(arn, "", "\x1b[31m"), `profile "\x1b[31m"`)
	check(t, user(t, "", "AWS_PROFILE", "prod").AWS(arn, "", "prod"), "")
	for _, region := range []string{"us-gov-west-1", "ap-southeast-7", "eusc-de-east-1"} {
		check(t, none.AWS("arn:aws-us-gov:kms:"+region+":123456789012:key/mrk-0", "", ""), "")
	}

	check(t, none.Azure("https://hsm.example", "a", ""), "list it under azure")
	check(t, some.Azure("https://hsm.example/", "a", ""), "")
	check(t, none.Azure("https://a.managedhsm.azure.net", "a", "0a"), "")
	check(t, none.Azure("https://a.b.vault.azure.net", "a", "0a"), "none of Microsoft's")
	check(t, none.Azure("https://a.vault.azure.net", "a", "../x"), "hexadecimal")

	const key, ssh = "age1yubikey1q2w75fs5n9", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@x"
	check(t, none.Age("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"), "")
	check(t, none.Age("age1pq1qqq"), "")
	check(t, none.Age(ssh), "")
	check(t, none.Age(key), "age-plugin-yubikey")
	check(t, some.Age(key), "")
	check(t, none.Age("age1tag1qqq"), "age-plugin-tag")
	for _, r := range []string{"", "x", "age1a\nb", "-r", "ssh-ed25519 AAAA\nB", "age1../../evil1qqq"} {
		check(t, trust.AgeText(r), "no recipient")
	}
	check(t, trust.PGP("0123456789ABCDEF0123456789ABCDEF01234567!"), "")
	check(t, trust.PGP("--output=x"), "fingerprint")
	check(t, trust.Google("projects/a.b:c-1/locations/eu/keyRings/r_1/cryptoKeys/k"), "")
	check(t, trust.Google("projects/a/locations/eu/keyRings/r/cryptoKeys/k/../x"), "projects/P")
	check(t, trust.Huawei("tr-west-1:0b0b0b0b-0000-4000-8000-000000000000"), "")
	check(t, trust.Huawei("tr-west-1"), "REGION:KEY")
}
