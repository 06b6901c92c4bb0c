//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// user is somebody without privileges who runs the tool on an engine of their own.
type user struct {
	name       string
	home       string
	runtimeDir string // in RAM, as a login has it
}

// argv is the tool as this user runs it: with a copy that the user can reach, and with the
// project's files given to the user.
func (u *user) argv(p *project) []string {
	p.t.Helper()
	tool := filepath.Join(u.home, "compose-secure")
	mustRun(p.t, "cp", built(p.t, "compose-secure"), tool)
	mustRun(p.t, "chown", "-R", u.name+":"+u.name, filepath.Dir(p.dir), p.ram)
	return []string{"setpriv", "--reuid", u.name, "--regid", u.name, "--clear-groups", tool}
}

// checkBoot empties the store of permissionProject and wants boot run to put the files back
// as they were. The engine is not asked how it maps ids: at boot it does not run yet.
func (p *project) checkBoot(containers []string) {
	p.t.Helper()
	if err := os.RemoveAll(p.storeDir()); err != nil {
		p.t.Fatal(err)
	}
	p.must("boot", "run", p.name)
	p.must("restart", "--timeout", "0", "number")
	if owner := strings.TrimSpace(p.exec("number", "stat", "-c", "%u:%g %a", "/run/secrets/owned")); owner != "1000:1000 400" {
		p.t.Errorf("the file that boot run puts back has owner and mode %s", owner)
	}
	p.must("up", "-d")
	if after := p.containers(); strings.Join(after, " ") != strings.Join(containers, " ") {
		p.t.Error("up after boot run made containers anew")
	}
}

// TestRemappedIDs runs the tool as root beside an engine with userns-remap.
func TestRemappedIDs(t *testing.T) {
	t.Parallel()
	const engine, account = "e2e-remap", "e2e-remapped"
	mustRun(t, "sh", "-c", "userdel "+account+" 2>/dev/null; useradd --no-create-home --shell /usr/sbin/nologin "+account+
		" && { grep -q ^"+account+": /etc/subuid || usermod --add-subuids 700000-765535 --add-subgids 700000-765535 "+account+"; }")
	t.Cleanup(func() { mustRun(t, "userdel", account) })
	socket := strings.TrimSpace(mustRun(t, "env", `ENGINE_CONFIG={"userns-remap":"`+account+`"}`, "../scripts/engine", "private", engine))
	t.Cleanup(func() { mustRun(t, "../scripts/engine", "stop", engine) })
	mustRun(t, "sh", "-c", "docker save "+busyboxImage+" | docker -H unix://"+socket+" load")
	p := newProjectAt(t, permissionProject, []string{"DOCKER_HOST=unix://" + socket})
	checkPermissions(t, p)
	p.checkBoot(p.containers())
	checkLogin(t, socket)
}

// checkLogin runs a service with the uid of a login of this machine on an engine that maps it
// away, and wants doctor to see no danger.
func checkLogin(t *testing.T, socket string) {
	t.Helper()
	const login, uid = "e2e-login", "4343"
	mustRun(t, "sh", "-c", "userdel "+login+" 2>/dev/null; useradd --no-create-home --user-group --uid "+uid+" --shell /bin/sh "+login)
	t.Cleanup(func() { mustRun(t, "userdel", login) })
	p := newProjectAt(t, strings.ReplaceAll(`
services:
  web:
    image: `+busyboxImage+`
    pull_policy: never
    network_mode: none
    user: "UID:UID"
    command: ["sleep", "1000"]
    environment: {APP_TOKEN: "${APP_TOKEN}"}
    stop_signal: SIGKILL
`, "UID", uid), []string{"DOCKER_HOST=unix://" + socket})
	p.secrets("APP_TOKEN=" + randomWord())
	p.must("up", "-d")
	r := p.secure("doctor", "--check", "machine")
	if !strings.Contains(r.stdout, "no login of this machine has the uid of a container with secrets") {
		t.Errorf("doctor beside an engine that maps ids:\n%s", r.output())
	}
}

// TestRootless runs the tool beside a rootless engine: owner and mode of each file are as
// asked for, although they are subordinate ids of the user who stores them.
func TestRootless(t *testing.T) {
	t.Parallel()
	const engine = "e2e-rootless"
	socket := strings.TrimSpace(mustRun(t, "../scripts/engine", "rootless", engine))
	t.Cleanup(func() { mustRun(t, "../scripts/engine", "stop", engine) })
	runtimeDir := filepath.Dir(socket)
	who := &user{name: "cs-" + engine, home: filepath.Dir(runtimeDir), runtimeDir: runtimeDir}
	mustRun(t, "sh", "-c", "docker save "+busyboxImage+" "+probeImage+" | docker -H unix://"+socket+" load")
	env := []string{"DOCKER_HOST=unix://" + socket, "HOME=" + who.home, "XDG_RUNTIME_DIR=" + runtimeDir, "XDG_CACHE_HOME="}
	newUserProject := func(file string) *project {
		p := newProjectAt(t, file, env)
		p.user = who
		return p
	}
	p := newUserProject(permissionProject)
	checkPermissions(t, p)

	before := p.containers()
	p.must("up", "-d")
	if after := p.containers(); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Error("up with nothing changed made containers anew: it cannot read the files that it gave away")
	}
	p.checkBoot(before)
	p.must("down", "--timeout", "0")

	wrapped := newUserProject(strings.ReplaceAll(valueProject, "pull_policy: never", "pull_policy: never\n    network_mode: none"))
	value := randomWord()
	wrapped.write("value", value)
	wrapped.must("up", "-d")
	for service, c := range wrapped.inspect() {
		if service != "file" && processEnv(t, c.State.Pid)["APP_TOKEN"] != value {
			t.Errorf("the program of %s does not get its variable", service)
		}
	}
	wrapped.checkFile("rootless", wrapped.inspect()["file"].State.Pid, value)
	wrapped.must("down", "--timeout", "0")

	foreign := newUserProject(strings.ReplaceAll(permissionProject, `uid: "4242"`, `uid: "4242000"`))
	foreign.secrets("APP_TOKEN=" + value)
	if r := foreign.secure("up", "-d"); r.code != 3 || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "maps no user 4242000:77") {
		t.Errorf("an id that the engine does not map: exit %d, want 3 and one line\n%s", r.code, r.stderr)
	}
}
