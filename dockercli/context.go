package dockercli

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
)

// Options choose the engine the way the flags of the docker command do. The
// zero Options follow the environment and the user's docker configuration.
type Options struct {
	Host      string              // -H; wins over everything else
	Context   string              // --context
	ConfigDir string              // --config; else that of [ConfigDir]
	Getenv    func(string) string // nil means os.Getenv
}

// Endpoint is where an engine listens.
type Endpoint struct {
	Host    string
	Version string      // API version asked for, usually empty
	TLS     *tls.Config // nil for none
}

// defaultHost is where the docker command expects an engine that nothing else names.
func defaultHost() string {
	if runtime.GOOS == "windows" {
		return "npipe:////./pipe/docker_engine"
	}
	return "unix:///var/run/docker.sock"
}

// Resolve follows the order of the docker command: the host given, the context
// given, DOCKER_HOST, DOCKER_CONTEXT, the current context of config.json, the
// default socket. See
// https://docs.docker.com/engine/manage-resources/contexts/.
func Resolve(o Options) (Endpoint, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.ConfigDir == "" {
		o.ConfigDir = ConfigDir(o.Getenv)
	}
	if !filepath.IsAbs(o.ConfigDir) { // the project's directory must not say which engine gets the secrets
		return Endpoint{}, fmt.Errorf("the docker configuration directory %q is not absolute; set DOCKER_CONFIG or HOME to an absolute path", o.ConfigDir)
	}
	var ep Endpoint
	name, err := contextName(o)
	if err != nil {
		return ep, err
	}
	if name == "default" {
		ep, err = fromEnvironment(o)
	} else {
		ep, err = fromContext(o.ConfigDir, name)
	}
	if err != nil {
		return ep, err
	}
	ep.Version = o.Getenv("DOCKER_API_VERSION")
	ep.Host = withPort(ep.Host, ep.TLS != nil)
	return ep, nil
}

func contextName(o Options) (string, error) {
	if o.Host != "" {
		return "default", nil
	}
	if o.Context != "" {
		return o.Context, nil
	}
	if o.Getenv("DOCKER_HOST") != "" {
		return "default", nil
	}
	if name := o.Getenv("DOCKER_CONTEXT"); name != "" {
		return name, nil
	}
	path := filepath.Join(o.ConfigDir, "config.json")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "default", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the docker configuration: %w", err)
	}
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	if json.Unmarshal(b, &config) != nil {
		// The cause is dropped: the file can hold registry passwords.
		return "", fmt.Errorf("read the docker configuration: %q is not JSON", path)
	}
	if config.CurrentContext == "" {
		return "default", nil
	}
	return config.CurrentContext, nil
}

func fromEnvironment(o Options) (Endpoint, error) {
	ep := Endpoint{Host: o.Host}
	if ep.Host == "" {
		ep.Host = o.Getenv("DOCKER_HOST")
	}
	if ep.Host == "" {
		ep.Host = defaultHost()
	}
	verify := o.Getenv("DOCKER_TLS_VERIFY") != ""
	if !verify && o.Getenv("DOCKER_TLS") == "" {
		return ep, nil
	}
	dir := o.Getenv("DOCKER_CERT_PATH")
	if dir == "" {
		dir = o.ConfigDir
	}
	var err error
	ep.TLS, err = loadTLS(dir, !verify)
	return ep, err
}

// fromContext reads what "docker context create" wrote: meta.json and, beside
// it, the TLS files.
func fromContext(configDir, name string) (Endpoint, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	path := filepath.Join(configDir, "contexts", "meta", id, "meta.json")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Endpoint{}, fmt.Errorf("docker context %q does not exist: list them with docker context ls", name)
	}
	if err != nil {
		return Endpoint{}, fmt.Errorf("read docker context %q: %w", name, err)
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(b, &meta); err != nil {
		return Endpoint{}, fmt.Errorf("read docker context %q: %q: %w", name, path, err)
	}
	docker := meta.Endpoints["docker"]
	if docker.Host == "" {
		docker.Host = defaultHost()
	}
	ep := Endpoint{Host: docker.Host}
	dir := filepath.Join(configDir, "contexts", "tls", id, "docker")
	if _, err := os.Stat(dir); err == nil || docker.SkipTLSVerify {
		if ep.TLS, err = loadTLS(dir, docker.SkipTLSVerify); err != nil {
			return ep, fmt.Errorf("docker context %q: %w", name, err)
		}
	}
	return ep, nil
}

// loadTLS reads ca.pem, cert.pem and key.pem, each of which may be missing.
func loadTLS(dir string, insecure bool) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the engine's certificate authority: %w", err)
	}
	if err == nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("%q holds no certificate", filepath.Join(dir, "ca.pem"))
		}
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if errors.Is(err, fs.ErrNotExist) {
		return config, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the client certificate in %q: %w", dir, err)
	}
	config.Certificates = []tls.Certificate{cert}
	return config, nil
}

// withPort adds the usual port to a tcp host that has none.
func withPort(host string, secure bool) string {
	u, err := url.Parse(host)
	if err != nil || u.Scheme != "tcp" || u.Port() != "" || u.Hostname() == "" {
		return host
	}
	port := "2375"
	if secure {
		port = "2376"
	}
	u.Host += ":" + port
	return u.String()
}
