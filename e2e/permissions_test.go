//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// permissionProject gives one source to services with different owners.
const permissionProject = `
x-service: &service
  image: ` + busyboxImage + `
  pull_policy: never
  network_mode: none
  stop_signal: SIGKILL
  command: ["sleep", "1000"]
services:
  number:
    <<: *service
    user: "1000:1000"
    secrets: [{source: token, uid: "1000", gid: "1000", mode: 0400, target: owned}]
  name:
    <<: *service
    user: app
    read_only: true
    secrets: [{source: token, uid: "1000", mode: 0440, target: /etc/app/token}]
  other:
    <<: *service
    secrets: [{source: token, uid: "4242", gid: "77", mode: 0640}]
  wrapped:
    <<: *service
    user: app
    read_only: true
    environment: {APP_TOKEN: "${APP_TOKEN}"}
secrets:
  token: {environment: APP_TOKEN}
`

// TestPermissions looks at owner, mode, place and readability of each file.
func TestPermissions(t *testing.T) {
	t.Parallel()
	checkPermissions(t, newProject(t, permissionProject))
}

func checkPermissions(t *testing.T, p *project) {
	t.Helper()
	value := randomWord()
	p.secrets("APP_TOKEN=" + value)
	p.must("up", "-d")
	got := map[string]string{}
	for service, path := range map[string]string{
		"number": "/run/secrets/owned", "name": "/etc/app/token", "other": "/run/secrets/token",
	} {
		stat := strings.TrimSpace(p.exec(service, "stat", "-c", "%u:%g %a", path))
		if p.exec(service, "cat", path) == value {
			stat += " read"
		}
		got[service] = stat
	}
	want := map[string]string{"number": "1000:1000 400 read", "name": "1000:0 440 read", "other": "4242:77 640 read"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("owner and mode (-want +got):\n%s", diff)
	}
	if processEnv(t, p.inspect()["wrapped"].State.Pid)["APP_TOKEN"] != value {
		t.Error("a wrapped program of another user does not get its variable")
	}
}
