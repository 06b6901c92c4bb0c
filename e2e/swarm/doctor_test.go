//go:build e2e

package swarm

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDoctor looks at a manager of its own: whether it is locked, and which tasks a login of this machine
// could look into.
func TestDoctor(t *testing.T) {
	t.Parallel()
	const engine, login, uid = "e2e-lock", "e2e-lock-login", "4344"
	addLogin(t, login, uid)
	t.Cleanup(func() { _, _ = engineScript("stop", engine) })
	if _, err := engineScript("stop", engine); err != nil { // of a killed run
		t.Fatal(err)
	}
	n := startNode(t, engine)
	n.must("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
	check := func(when string, want, never []string) {
		t.Helper()
		report := n.run(nil, nil, "", "compose-secure", "doctor", "--check", "machine").stdout
		for _, text := range want {
			if !strings.Contains(report, text) {
				t.Errorf("%s: doctor does not say %q:\n%s", when, text, report)
			}
		}
		for _, text := range never {
			if strings.Contains(report, text) {
				t.Errorf("%s: doctor says %q:\n%s", when, text, report)
			}
		}
	}
	check("without a secret", nil, []string{"managers", "FAIL  users"})

	s := n.stack(t, `
services:
  app:
    image: SERVER
    entrypoint: [/server]
    command: [env]
    stop_grace_period: 1s
    deploy: {update_config: {monitor: 500ms}}
    user: "`+uid+":"+uid+`"
    environment: {API_TOKEN: "${API_TOKEN}"}
    networks: [hostnet]
networks:
  hostnet: {external: true, name: host}
`)
	s.env = []string{"API_TOKEN=s3ntinel-of-the-doctor-test"}
	s.mustCS("stack", "deploy", s.name, "--timeout", "150s")
	check("with a secret", []string{
		"FAIL  swarm      the managers are not locked", "reads 1 secret,", "docker swarm update --autolock=true",
		"FAIL  users      a task of service " + s.name + "_app runs as uid " + uid + ", which is " + login,
	}, []string{"s3ntinel"})
	n.must("docker", "swarm", "update", "--autolock=true")
	check("locked", []string{"ok    swarm      the managers are locked"}, []string{"FAIL  swarm"})
}

// addLogin makes a user of this machine who can log in, until the test ends.
func addLogin(t *testing.T, name, uid string) {
	t.Helper()
	add := "userdel " + name + " 2>/dev/null; useradd --no-create-home --user-group --uid " + uid + " --shell /bin/sh " + name
	if out, err := exec.Command("sh", "-c", add).CombinedOutput(); err != nil {
		t.Fatalf("useradd: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("userdel", name).CombinedOutput(); err != nil {
			t.Errorf("userdel: %v: %s", err, out)
		}
	})
}
