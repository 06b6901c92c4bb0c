//go:build e2e

package swarm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// spread runs on the workers of a swarm of three.
const spread = `
services:
  a: &service
    image: SERVER
    command: [hold]
    networks: [hostnet]
    secrets: [token]
    stop_grace_period: 1s
    healthcheck: {test: [CMD, /server, check], interval: 200ms, retries: 50}
    deploy: {replicas: 3, update_config: {order: start-first, monitor: 500ms, parallelism: 1}}
  b: *service
secrets:
  token: {file: ./token}
networks:
  hostnet: {external: true, name: host}
`

func sh(t *testing.T, format string, args ...any) {
	t.Helper()
	line := fmt.Sprintf(format, args...)
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}

// threeManagers wires three engines together, each with a network namespace of its own, and makes
// them the managers of one swarm: it stays able to decide when one is lost.
func threeManagers(t *testing.T) []*node {
	t.Helper()
	const bridge = "compose-secure-e2e-switch"
	_ = exec.Command("ip", "netns", "delete", bridge).Run() // of a killed run
	sh(t, "ip netns add %s && ip -n %s link add br0 type bridge && ip -n %s link set br0 up", bridge, bridge, bridge)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", bridge).Run() })
	var nodes []*node
	for i := 1; i <= 3; i++ {
		name := fmt.Sprintf("%s-%d", engineName, i)
		if _, err := engineScript("stop", name); err != nil {
			t.Fatal(err)
		}
		n := startNode(t, name)
		t.Cleanup(func() { _, _ = engineScript("stop", name) })
		netns := "compose-secure-" + name
		sh(t, "ip link add eth0 netns %s type veth peer name port%d netns %s", netns, i, bridge)
		sh(t, "ip -n %s link set port%d master br0 up && ip -n %s addr add 10.213.0.%d/24 dev eth0 && ip -n %s link set eth0 up", bridge, i, netns, i, netns)
		nodes = append(nodes, n)
	}
	nodes[0].must("docker", "swarm", "init", "--advertise-addr", "10.213.0.1")
	token := strings.TrimSpace(nodes[0].must("docker", "swarm", "join-token", "-q", "manager"))
	for i, n := range nodes[1:] {
		n.must("docker", "swarm", "join", "--advertise-addr", fmt.Sprintf("10.213.0.%d", i+2), "--token", token, "10.213.0.1:2377")
	}
	return nodes
}

// TestNodesComeAndGo restarts the manager that the command talks to while secrets
// rotate, then loses another node for good.
func TestNodesComeAndGo(t *testing.T) {
	t.Parallel()
	nodes := threeManagers(t)
	s := nodes[0].stack(t, spread)
	s.write("token", "one")
	s.mustCS("stack", "deploy", s.name, "--timeout", "150s")
	s.checkWhole()
	during := func(what, value string, happens func()) {
		before := s.current("token")
		done := s.begin(value, "rotate", s.name, "token", "--from-file", "-", "--timeout", "150s")
		time.Sleep(1500 * time.Millisecond)
		happens()
		// Tasks that end with their node may count as failures of the update.
		if r := <-done; r.code != 0 {
			t.Logf("%s: exit %d\n%s", what, r.code, r.stderr)
			if r.code != 4 && r.code != 3 {
				t.Errorf("%s: exit %d", what, r.code)
			}
			if r := s.feed(value, "rotate", s.name, "token", "--from-file", "-", "--timeout", "150s"); r.code != 0 {
				t.Fatalf("%s, run again: exit %d\n%s", what, r.code, r.stderr)
			}
		}
		s.checkWhole()
		if got := s.current("token"); got <= before {
			t.Errorf("%s: token is at version %d, was at %d", what, got, before)
		}
	}
	during("the manager restarts", "two", nodes[0].restart)
	during("a node is lost", "three", func() {
		if _, err := engineScript("stop", nodes[2].name); err != nil {
			t.Fatal(err)
		}
	})
}

// begin runs compose-secure in the background.
func (s *stack) begin(stdin string, args ...string) <-chan result {
	s.t.Helper()
	done := make(chan result, 1)
	cmd := s.command(context.Background(), s.env, s.dir, append([]string{"compose-secure"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewBufferString(stdin), &stdout, &stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // the exit code tells
		done <- result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	}()
	return done
}

// restart ends the node's engine and starts it again as it was.
func (n *node) restart() {
	n.t.Helper()
	home := strings.TrimSuffix(strings.TrimPrefix(n.host, "unix://"), "/docker.sock")
	pid, err := os.ReadFile(filepath.Join(home, "docker.pid"))
	if err != nil {
		n.t.Fatal(err)
	}
	line, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "cmdline"))
	if err != nil {
		n.t.Fatal(err)
	}
	args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	sh(n.t, "kill %[1]s; while kill -0 %[1]s 2>/dev/null; do sleep 0.1; done", bytes.TrimSpace(pid))
	cmd := exec.Command("nsenter", append([]string{"--net=/run/netns/compose-secure-" + n.name}, args...)...)
	log, err := os.OpenFile(filepath.Join(home, "log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the engine has its own
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }() // ended by scripts/engine stop
	for range 300 {
		if n.docker("node", "ls").code == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	n.t.Fatal("the engine did not come back")
}
