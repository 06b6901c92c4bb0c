//go:build e2e

package swarm

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// web is a start-first service that is asked over an overlay network. Names
// are looked up in DNS: not every kernel has IPVS for a virtual address.
const web = `
services:
  web:
    image: SERVER
    command: [serve]
    secrets: [token]
    stop_grace_period: 10s
    healthcheck: {test: [CMD, /server, check], interval: 200ms, retries: 50}
    deploy:
      replicas: 2
      endpoint_mode: dnsrr
      update_config: {order: start-first, monitor: 500ms}
networks:
  default: {attachable: true}
secrets:
  token: {file: ./token}
`

// TestNoRequestFailsDuringRotations sends thousands of requests, each over a
// connection of its own, while the service rotates ten times.
func TestNoRequestFailsDuringRotations(t *testing.T) {
	t.Parallel()
	s := manager(t).stack(t, web)
	s.write("token", "one")
	s.mustCS("stack", "deploy", s.name, "--timeout", "150s")
	client := s.name + "-client"
	s.must("docker", "run", "--detach", "--name", client, "--network", s.name+"_default", serverImage, "ask", "http://web:8080/")
	t.Cleanup(func() { s.docker("rm", "--force", client) })
	for i := range 10 {
		if r := s.feed(fmt.Sprint("value-", i), "rotate", s.name, "token", "--from-file", "-"); r.code != 0 {
			t.Fatalf("rotation %d: exit %d\n%s", i, r.code, r.stderr)
		}
	}
	time.Sleep(3 * time.Second) // the last tasks that were replaced are ending
	s.must("docker", "stop", client)
	log := s.must("docker", "logs", client)
	found := regexp.MustCompile(`requests=(\d+) failed=(\d+)`).FindStringSubmatch(log)
	if found == nil {
		t.Fatalf("no summary in %q", log)
	}
	if requests, _ := strconv.Atoi(found[1]); requests < 2000 {
		t.Errorf("only %d requests were sent", requests)
	}
	if found[2] != "0" {
		t.Errorf("%s of %s requests failed:\n%s", found[2], found[1], log)
	}
	if got := s.current("token"); got != 11 {
		t.Errorf("token is at version %d, want 11", got)
	}
}
