package swarm

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const (
	registryLogin = "someone:hunter2-of-the-registry"
	privateHost   = "10.207.81.9" // of the network namespace
)

// recorder remembers what requests had for a login, and wants one.
type recorder struct {
	mu     sync.Mutex
	logins []string
	asked  int
	next   func(w http.ResponseWriter, r *http.Request) // nil: 401
}

func (s *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked++
	if login := r.Header.Get("Authorization"); login != "" {
		s.logins = append(s.logins, login)
	}
	s.mu.Unlock()
	if s.next != nil {
		s.next(w, r)
		return
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
	w.WriteHeader(http.StatusUnauthorized)
}

// loggedIn has the login for each host.
func loggedIn(t *testing.T, hosts ...string) *Registries {
	t.Helper()
	dir := t.TempDir()
	auths := []string{}
	for _, host := range hosts {
		auths = append(auths, `"`+host+`": {"auth": "`+base64.StdEncoding.EncodeToString([]byte(registryLogin))+`"}`)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"auths": {`+strings.Join(auths, ",")+`}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return &Registries{ConfigDir: dir, Getenv: func(string) string { return "" }}
}

// TestLoginOverPlainHTTP: a registry at a private address that speaks HTTP gets no login and no request, unless the engine
// calls it insecure. The address is one of a network namespace.
func TestLoginOverPlainHTTP(t *testing.T) {
	if os.Getenv("REGISTRY_NAMESPACE") == "" {
		cmd := exec.Command("unshare", "--net", "--map-root-user", "sh", "-c",
			"ip link set lo up && ip address add "+privateHost+"/32 dev lo && exec \"$@\"", "sh", os.Args[0], "-test.run=^TestLoginOverPlainHTTP$", "-test.v")
		cmd.Env = append(os.Environ(), "REGISTRY_NAMESPACE=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestLoginOverPlainHTTP/") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	for name, c := range map[string]struct {
		listen   string
		insecure func(string) bool
		want     bool // the login is sent
	}{
		"a private address":            {listen: privateHost},
		"another one is insecure":      {listen: privateHost, insecure: func(host string) bool { return strings.HasPrefix(host, "10.0.0.1:") }},
		"insecure for the engine":      {listen: privateHost, insecure: func(host string) bool { return strings.HasPrefix(host, privateHost+":") }, want: true},
		"loopback, as the engine does": {listen: "127.0.0.1", want: true},
	} {
		t.Run(name, func(t *testing.T) {
			seen := &recorder{}
			listener, err := net.Listen("tcp", c.listen+":0")
			if err != nil {
				t.Fatal(err)
			}
			server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: seen}}
			server.Start()
			t.Cleanup(server.Close)
			host := listener.Addr().String()
			r := loggedIn(t, host)
			r.Insecure = c.insecure
			_, err = r.LookUp(t.Context(), host+"/app:1", "linux/amd64")
			if err == nil {
				t.Fatal("it answered")
			}
			if got := len(seen.logins) > 0; got != c.want {
				t.Errorf("the login was sent: %t, want %t", got, c.want)
			}
			if !c.want && (seen.asked > 0 || !strings.Contains(err.Error(), "insecure-registries") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%d requests; %v", seen.asked, err)
			}
		})
	}
}

// TestLoginStaysWithItsHost: a redirect carries the login neither to another host nor away from TLS.
func TestLoginStaysWithItsHost(t *testing.T) {
	other, otherPlain := &recorder{}, &recorder{}
	elsewhere, plain := httptest.NewTLSServer(other), httptest.NewServer(otherPlain)
	t.Cleanup(elsewhere.Close)
	t.Cleanup(plain.Close)
	for name, target := range map[string]string{
		"another host": elsewhere.URL, "another host in the clear": plain.URL,
		"in the clear": "", // the same host and port: TLS is what answers there, so a request in the clear would be seen as one
	} {
		t.Run(name, func(t *testing.T) {
			own := &recorder{}
			server := httptest.NewTLSServer(own)
			t.Cleanup(server.Close)
			host := strings.TrimPrefix(server.URL, "https://")
			own.next = func(w http.ResponseWriter, r *http.Request) {
				switch to := target; {
				case r.Header.Get("Authorization") == "":
					w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
					w.WriteHeader(http.StatusUnauthorized)
				case to == "":
					http.Redirect(w, r, "http://registry.invalid:"+r.Host[strings.LastIndex(r.Host, ":")+1:]+r.URL.Path, http.StatusTemporaryRedirect)
				default:
					http.Redirect(w, r, to+r.URL.Path, http.StatusTemporaryRedirect)
				}
			}
			r := loggedIn(t, host)
			before := remote.DefaultTransport
			remote.DefaultTransport = server.Client().Transport
			t.Cleanup(func() { remote.DefaultTransport = before })
			_, err := r.LookUp(t.Context(), host+"/app:1", "linux/amd64")
			if err == nil {
				t.Fatal("it answered")
			}
			if len(own.logins) == 0 {
				t.Error("the registry itself got no login")
			}
			if n := len(other.logins) + len(otherPlain.logins); n > 0 {
				t.Errorf("%d logins went elsewhere", n)
			}
			if target == "" && !strings.Contains(err.Error(), "insecure-registries") {
				t.Error(err)
			}
		})
	}
	if other.asked+otherPlain.asked == 0 {
		t.Error("no redirect was followed: the test tests nothing")
	}
}

// TestCredentialHelper: it is found through the configuration, gets what a child gets, and what it prints is used.
func TestCredentialHelper(t *testing.T) {
	seen := &recorder{}
	server := httptest.NewServer(seen)
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	r := loggedIn(t)
	recorded := filepath.Join(t.TempDir(), "environment")
	bin := t.TempDir()
	script := "#!/bin/sh\nenv >" + recorded + "\nread server\necho '{\"ServerURL\": \"'$server'\", \"Username\": \"someone\", \"Secret\": \"hunter2-of-the-registry\"}'\n"
	if err := os.WriteFile(filepath.Join(bin, "docker-credential-test"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.ConfigDir, "config.json"), []byte(`{"credHelpers": {"`+host+`": "test"}, "auths": {"`+host+`": {}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("API_TOKEN", "s3ntinel")
	r.Env = []string{"PATH=" + os.Getenv("PATH"), "AWS_PROFILE=me"}
	if _, err := r.LookUp(t.Context(), host+"/app:1", "linux/amd64"); err == nil || !strings.Contains(err.Error(), "docker login") {
		t.Errorf("got %v", err)
	}
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte(registryLogin)); len(seen.logins) == 0 || seen.logins[0] != want {
		t.Errorf("the login of the helper was not used")
	}
	env, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(env), "s3ntinel") || !strings.Contains(string(env), "AWS_PROFILE=me\n") {
		t.Errorf("the helper has\n%s", env)
	}
}
