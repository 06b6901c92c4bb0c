package dockercli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a file and its directories.
func write(t *testing.T, content string, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeTLS makes ca.pem, cert.pem and key.pem.
func writeTLS(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	write(t, c, dir, "ca.pem")
	write(t, c, dir, "cert.pem")
	write(t, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})), dir, "key.pem")
}

func contextID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	write(t, `{"currentContext":"current"}`, dir, "config.json")
	for name, meta := range map[string]string{
		"current":  `{"Name":"current","Endpoints":{"docker":{"Host":"unix:///run/user/1/docker.sock","SkipTLSVerify":false}}}`,
		"secure":   `{"Name":"secure","Endpoints":{"docker":{"Host":"tcp://a.example:2376"}}}`,
		"insecure": `{"Name":"insecure","Endpoints":{"docker":{"Host":"tcp://a.example","SkipTLSVerify":true}}}`,
		"broken":   `{`,
	} {
		write(t, meta, dir, "contexts", "meta", contextID(name), "meta.json")
	}
	writeTLS(t, filepath.Join(dir, "contexts", "tls", contextID("secure"), "docker"))
	certs := t.TempDir()
	writeTLS(t, certs)
	empty, broken := t.TempDir(), t.TempDir()
	write(t, `{"auths":"sentinel"`, broken, "config.json")
	type env = map[string]string
	tests := []struct {
		name     string
		o        Options
		env      env
		host     string
		tls      string // "", "verify" or "skip"
		errWords string
	}{
		{name: "nothing set", o: Options{ConfigDir: empty}, host: defaultHost()},
		{name: "the current context", o: Options{ConfigDir: dir}, host: "unix:///run/user/1/docker.sock"},
		{name: "its configuration by variable", env: env{"DOCKER_CONFIG": dir}, host: "unix:///run/user/1/docker.sock"},
		{name: "a context by variable", o: Options{ConfigDir: dir}, env: env{"DOCKER_CONTEXT": "secure"}, host: "tcp://a.example:2376", tls: "verify"},
		{name: "a host by variable wins", o: Options{ConfigDir: dir}, env: env{"DOCKER_CONTEXT": "secure", "DOCKER_HOST": "tcp://b.example"}, host: "tcp://b.example:2375"},
		{name: "a context by flag wins", o: Options{ConfigDir: dir, Context: "insecure"}, env: env{"DOCKER_HOST": "tcp://b.example"}, host: "tcp://a.example:2376", tls: "skip"},
		{name: "a host by flag wins", o: Options{ConfigDir: dir, Host: "tcp://[::1]", Context: "secure"}, host: "tcp://[::1]:2375"},
		{name: "the default context", o: Options{ConfigDir: dir, Context: "default"}, env: env{"DOCKER_HOST": "tcp://b.example:1"}, host: "tcp://b.example:1"},
		{name: "verified TLS by variable", o: Options{ConfigDir: empty}, env: env{"DOCKER_HOST": "tcp://b.example", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": certs}, host: "tcp://b.example:2376", tls: "verify"},
		{name: "TLS by variable", o: Options{ConfigDir: empty}, env: env{"DOCKER_HOST": "tcp://b.example", "DOCKER_TLS": "1"}, host: "tcp://b.example:2376", tls: "skip"},
		{name: "a relative configuration", o: Options{ConfigDir: ".docker"}, errWords: "is not absolute"},
		{name: "a relative configuration by variable", env: env{"DOCKER_CONFIG": "conf"}, errWords: "is not absolute"},
		{name: "an unknown context", o: Options{ConfigDir: dir, Context: "none"}, errWords: `"none" does not exist`},
		{name: "a broken context", o: Options{ConfigDir: dir, Context: "broken"}, errWords: `"broken"`},
		{name: "a broken configuration", o: Options{ConfigDir: broken}, errWords: "is not JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Getenv = func(name string) string { return tt.env[name] }
			ep, err := Resolve(tt.o)
			if tt.errWords != "" {
				if err == nil || !strings.Contains(err.Error(), tt.errWords) || strings.Contains(err.Error(), "sentinel") {
					t.Errorf("error %v, want one with %q", err, tt.errWords)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if ep.TLS != nil {
				got = "verify"
				if ep.TLS.InsecureSkipVerify {
					got = "skip"
				}
			}
			if ep.Host != tt.host || got != tt.tls {
				t.Errorf("%q with TLS %q, want %q with %q", ep.Host, got, tt.host, tt.tls)
			}
			if got == "verify" && (ep.TLS.RootCAs == nil || len(ep.TLS.Certificates) != 1) {
				t.Error("the TLS files were not read")
			}
		})
	}
}
