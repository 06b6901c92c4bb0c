//go:build e2e

package swarm

import (
	"encoding/base64"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// wrapped reads its secret from the environment, in an image without a shell, and has a
// config with a secret in it.
const wrapped = `
services:
  app:
    image: SERVER
    entrypoint: [/server]
    command: [env]
    networks: [hostnet]
    stop_grace_period: 1s
    environment: {API_TOKEN: "${API_TOKEN}"}
    configs: [{source: conf, target: /etc/app.conf}]
    deploy: {update_config: {monitor: 500ms}}
networks:
  hostnet: {external: true, name: host}
configs:
  conf: {content: "token=${API_TOKEN}"}
`

// TestWrappedServiceAndNoValueAnywhere looks for the value where a user of the swarm could see it.
func TestWrappedServiceAndNoValueAnywhere(t *testing.T) {
	t.Parallel()
	const token = "s3ntinel-of-the-swarm-test"
	s := manager(t).stack(t, wrapped)
	s.env = []string{"API_TOKEN=" + token}
	s.mustCS("stack", "deploy", s.name, "--timeout", "150s")
	container := strings.TrimSpace(s.must("docker", "ps", "-q", "--filter", "name="+s.name+"_app"))
	if got := s.must("docker", "logs", container); !strings.Contains(got, "API_TOKEN is set") {
		t.Errorf("the program did not get its variable: %q", got)
	}
	if got := s.must("docker", "exec", container, "/server", "cat", "/etc/app.conf"); got != "token="+token {
		t.Error("the config does not hold the value")
	}
	for _, args := range [][]string{
		{"service", "inspect", s.name + "_app"}, {"inspect", container}, {"stack", "ps", "--no-trunc", s.name},
		{"secret", "inspect", s.name + "_api_token_v1"}, {"config", "ls"},
	} {
		if strings.Contains(s.must(append([]string{"docker"}, args...)...), token) {
			t.Errorf("docker %s shows the value", args[0])
		}
	}
	for _, id := range strings.Fields(s.must("docker", "config", "ls", "-q", "--filter", "label=com.docker.stack.namespace="+s.name)) {
		data, err := base64.StdEncoding.DecodeString(strings.Trim(s.must("docker", "config", "inspect", "--format", "{{json .Spec.Data}}", id), "\"\n"))
		if err != nil || strings.Contains(string(data), token) {
			t.Error("a config shows the value")
		}
	}
}

// TestRotationIsWrittenToTheSource rotates a secret of a SOPS file: the file has the new
// value afterwards, and the old one again when the rotation was undone.
func TestRotationIsWrittenToTheSource(t *testing.T) {
	t.Parallel()
	s := manager(t).stack(t, strings.NewReplacer("{file: ./token}", "{x-source: 'ref+sops://secrets.enc.yaml#/token'}").Replace(two))
	bin := filepath.Join(repository(), "bin")
	key, err := exec.Command(filepath.Join(bin, "age-keygen")).Output()
	if err != nil {
		t.Fatal(err)
	}
	s.write("key.txt", string(key))
	_, recipient, _ := strings.Cut(string(key), "# public key: ")
	recipient, _, _ = strings.Cut(recipient, "\n")
	s.env = []string{"OTHER=o", "SOPS_AGE_KEY_FILE=" + filepath.Join(s.dir, "key.txt")}
	s.write("secrets.enc.yaml", "token: one\n")
	sops := filepath.Join(bin, "sops")
	if r := s.run(nil, s.env, s.dir, sops, "encrypt", "--age", recipient, "--in-place", "secrets.enc.yaml"); r.code != 0 {
		t.Fatalf("sops: %s", r.stderr)
	}
	stored := func() string {
		r := s.run(nil, s.env, s.dir, sops, "decrypt", "--extract", `["token"]`, "secrets.enc.yaml")
		if r.code != 0 {
			t.Fatalf("sops: %s", r.stderr)
		}
		return r.stdout
	}
	s.mustCS("stack", "deploy", s.name, "--timeout", "150s")
	if r := s.feed("two", "rotate", s.name, "token", "--from-file", "-"); r.code != 0 {
		t.Fatalf("rotate: exit %d\n%s", r.code, r.stderr)
	}
	if got := stored(); got != "two" {
		t.Errorf("the file has %q", got)
	}
	before := s.tasks()
	s.mustCS("stack", "deploy", s.name)
	if after := s.tasks(); strings.Join(before, " ") != strings.Join(after, " ") || s.current("token") != 2 {
		t.Error("the next deploy did not find what the rotation stored")
	}
	if r := s.feed("bad", "rotate", s.name, "token", "--from-file", "-"); r.code != 4 {
		t.Fatalf("rotate to a bad value: exit %d\n%s", r.code, r.stderr)
	}
	if got := stored(); got != "two" {
		t.Errorf("after the rollback the file has %q", got)
	}
	s.checkWhole()
}
