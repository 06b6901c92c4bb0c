//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The program of every image waits for a signal and ends with 42. The shell
// form uses exec, as it has to for a signal to arrive.
const (
	probeEntry = `["/probe", "args", "id", "names", "wait", "exit", "42", "--", "entry"]` // and what CMD adds
	probeExec  = `["/probe", "args", "id", "names", "wait", "exit", "42"]`
	probeWords = `["args", "id", "names", "wait", "exit", "42"]`
	probeShell = `exec /probe args id names wait exit 42`
)

// row is one combination of ENTRYPOINT and CMD, of the image and of the
// compose file; "" is not given.
type row struct {
	name               string
	shell              bool
	entrypoint, cmd    string // of the Dockerfile
	overEntry, overCmd string // of the compose file
}

// rows are all combinations that start a program: those where neither gives
// one, or where a shell would be needed that is not there, fail in plain
// Docker too.
func rows() []row {
	entrypoints := []struct{ name, image, over string }{
		{"exec", probeEntry, ""},
		{"shellform", probeShell, ""},
		{"none", "", ""},
		{"overridden", `["/never"]`, probeEntry},
		{"emptied", `["/never"]`, `[]`},
	}
	cmds := []struct{ name, image, over string }{
		{"exec", probeWords, ""},
		{"shellform", probeShell, ""},
		{"none", "", ""},
		{"overridden", `["never"]`, probeWords},
	}
	var list []row
	for _, shell := range []bool{true, false} {
		for _, e := range entrypoints {
			for _, c := range cmds {
				r := row{shell: shell, entrypoint: e.image, cmd: c.image, overEntry: e.over, overCmd: c.over}
				r.name = fmt.Sprintf("%s-e-%s-c-%s", map[bool]string{true: "sh", false: "bare"}[shell], e.name, c.name)
				alone := e.name == "none" || e.name == "emptied"
				switch {
				case alone && c.name == "none": // nothing to run
					continue
				case !shell && (e.name == "shellform" || c.name == "shellform"):
					continue
				case alone && c.name == "exec":
					r.cmd = probeExec
				case alone && c.name == "overridden":
					r.overCmd = probeExec
				}
				list = append(list, r)
			}
		}
	}
	return list
}

// modes are the settings of a service that could get in the way of a wrapper.
var modes = []struct{ name, yaml string }{
	{"user", "user: \"1000:1000\"\n    working_dir: /tmp/below"},
	{"init", "init: true"},
	{"readonly", "read_only: true"},
}

// buildRows makes one image per row. It commits containers, which takes a
// tenth of a build.
func buildRows(t *testing.T, p *project, list []row) {
	t.Helper()
	p.write("Dockerfile", lines("FROM "+probeImage+" AS probe",
		"FROM scratch AS bare", "COPY --from=probe /probe /probe", "STOPSIGNAL SIGUSR2",
		"FROM "+busyboxImage+" AS sh", "COPY --from=probe /probe /probe", "STOPSIGNAL SIGUSR2"))
	base := map[bool]string{true: "compose-secure-e2e/" + p.name + ":sh", false: "compose-secure-e2e/" + p.name + ":bare"}
	for _, image := range base {
		_, target, _ := strings.Cut(image, ":")
		p.mustDocker("build", "--quiet", "--target", target, "--tag", image, ".")
	}
	images := []string{base[true], base[false]}
	t.Cleanup(func() { p.docker(append([]string{"image", "rm", "--force"}, images...)...) })
	made := map[bool]string{}
	for shell, image := range base {
		made[shell] = strings.TrimSpace(p.mustDocker("create", image, "/probe"))
		t.Cleanup(func() { p.docker("rm", "--force", made[shell]) })
	}
	for _, r := range list {
		change := func(instruction, value string) string {
			if value == "" {
				value = "[]"
			}
			return "--change=" + instruction + " " + value
		}
		image := imageOfRow(p, r)
		p.mustDocker("commit", change("ENTRYPOINT", r.entrypoint), change("CMD", r.cmd), "--change=WORKDIR /tmp", "--change=ENV FROM_IMAGE=yes", made[r.shell], image)
		images = append(images, image)
	}
}

func imageOfRow(p *project, r row) string { return "compose-secure-e2e/" + p.name + ":" + r.name }

// matrixFile is a project with one service per row and mode.
func matrixFile(p *project, list []row) string {
	var b strings.Builder
	b.WriteString("services:\n")
	for _, r := range list {
		for _, m := range modes {
			fmt.Fprintf(&b, "  %s-%s:\n    image: %s\n    pull_policy: never\n    network_mode: none\n", r.name, m.name, imageOfRow(p, r))
			b.WriteString("    environment: {APP_TOKEN: \"${APP_TOKEN}\", PLAIN: \"a  b\"}\n")
			for key, value := range map[string]string{"entrypoint": r.overEntry, "command": r.overCmd} {
				if value != "" {
					fmt.Fprintf(&b, "    %s: %s\n", key, value)
				}
			}
			if m.name == "init" {
				b.WriteString("    stop_signal: SIGUSR1\n")
			}
			b.WriteString("    " + m.yaml + "\n")
		}
	}
	return b.String()
}

// seen is what can be told of the program of a container from outside.
type seen struct {
	Args, UID, GID, Dir string
	Env                 []string // names
	Value               bool     // it has the value
	Parent              string   // what started it, "" for PID 1
	Log                 string   // of the program, to its end
	ExitCode            int
}

// look returns what is seen of each service, up to its end by its stop signal.
func look(t *testing.T, p *project, value string) map[string]seen {
	t.Helper()
	all := map[string]seen{}
	containers := p.inspect()
	for service, c := range containers {
		if c.State.Pid == 0 {
			t.Errorf("%s has ended at once, with %d: %s", service, c.State.ExitCode, p.docker("logs", c.ID).output())
			continue
		}
		all[service] = lookAt(t, c.State.Pid, strings.HasSuffix(service, "-init"), value)
	}
	r := p.docker(append([]string{"stop", "--time", "20"}, p.containers()...)...)
	if r.code != 0 {
		t.Fatal(r.stderr)
	}
	for service, c := range p.inspect() {
		s := all[service]
		s.ExitCode, s.Log = c.State.ExitCode, ofRun.ReplaceAllString(p.mustDocker("logs", c.ID), "")
		all[service] = s
	}
	return all
}

// lookAt looks at the program of a container whose first process is pid: that
// process, or the one that the engine's init has started.
func lookAt(t *testing.T, pid int, init bool, value string) seen {
	t.Helper()
	var s seen
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	if init {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			data, err := os.ReadFile(filepath.Join(proc, "task", strconv.Itoa(pid), "children"))
			if child := strings.TrimSpace(string(data)); err == nil && child != "" {
				pid, _ = strconv.Atoi(child)
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("init has started nothing: %v", err)
				return s
			}
		}
		s.Parent, proc = "init", filepath.Join("/proc", strconv.Itoa(pid))
	}
	awaitProbe(t, proc)
	args, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	status, err2 := os.ReadFile(filepath.Join(proc, "status"))
	dir, err3 := os.Readlink(filepath.Join(proc, "cwd"))
	if err != nil || err2 != nil || err3 != nil {
		t.Errorf("look at a process: %v %v %v", err, err2, err3)
	}
	s.Args, s.Dir = string(args), dir
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "Uid:"); ok {
			s.UID = strings.TrimSpace(text)
		} else if text, ok := strings.CutPrefix(line, "Gid:"); ok {
			s.GID = strings.TrimSpace(text)
		}
	}
	for name, v := range processEnv(t, pid) {
		if s.Value = s.Value || name == "APP_TOKEN" && v == value; !ofShell[name] {
			s.Env = append(s.Env, name)
		}
	}
	slices.Sort(s.Env)
	return s
}

// ofShell are variables that a shell sets on its own. The shell that wraps the
// program leaves them behind, as the shell of a shell-form CMD does.
var ofShell = map[string]bool{"PWD": true, "SHLVL": true, "OLDPWD": true}

// ofRun are the parts of the probe's log that differ from run to run or that
// are compared as environment.
var ofRun = regexp.MustCompile(`pid=[2-9]\d* |pid=1\d+ |(?m)^names .*$`)

// awaitProbe waits until what runs is the probe and no longer a wrapper or a shell.
func awaitProbe(t *testing.T, proc string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if exe, err := os.Readlink(filepath.Join(proc, "exe")); err == nil && filepath.Base(exe) == "probe" {
			return
		}
	}
	t.Errorf("%s does not become the probe", proc)
}

// TestWrapMatrix runs every combination twice, with plain docker compose and
// wrapped, and expects the same program in all that can be seen from outside,
// except for the value.
func TestWrapMatrix(t *testing.T) {
	t.Parallel()
	list, value := rows(), randomWord()
	p := newProject(t, "services: {}")
	buildRows(t, p, list)
	p.write("compose.yaml", matrixFile(p, list))

	plain := append(slices.Clone(p.env), "APP_TOKEN="+value)
	if r := run(t, p.dir, plain, "docker", "compose", "up", "-d"); r.code != 0 {
		t.Fatalf("docker compose up: exit %d\n%s", r.code, r.stderr)
	}
	want := look(t, p, value)
	if r := run(t, p.dir, plain, "docker", "compose", "down", "--timeout", "0"); r.code != 0 {
		t.Fatal(r.stderr)
	}

	p.secrets("APP_TOKEN=" + value)
	p.must("up", "-d")
	checkHidden(t, p, list, value)
	got := look(t, p, value)
	if len(want) != len(list)*len(modes) {
		t.Fatalf("%d containers ran, want %d", len(want), len(list)*len(modes))
	}
	for service, w := range want {
		if !w.Value || w.ExitCode != 42 {
			t.Errorf("%s does not even work in plain Docker: %+v", service, w)
		}
		if diff := cmp.Diff(w, got[service]); diff != "" {
			t.Errorf("%s (-plain +wrapped):\n%s", service, strings.ReplaceAll(diff, value, "VALUE"))
		}
	}
}

// checkHidden looks for the value in the engine and in a fresh exec, once per row.
func checkHidden(t *testing.T, p *project, list []row, value string) {
	t.Helper()
	if strings.Contains(p.mustDocker(append([]string{"inspect"}, p.containers()...)...), value) {
		t.Error("docker inspect shows the value of a container")
	}
	images := []string{"image", "inspect"}
	for _, r := range list {
		images = append(images, imageOfRow(p, r))
	}
	if strings.Contains(p.mustDocker(images...), value) {
		t.Error("docker inspect shows the value of an image")
	}
	containers := p.inspect()
	for _, r := range list {
		if out := p.mustDocker("exec", containers[r.name+"-readonly"].ID, "/probe", "env", "APP_TOKEN", "FROM_IMAGE"); out != "APP_TOKEN is not set\nFROM_IMAGE=\"yes\"\n" {
			t.Errorf("%s: a fresh exec has the value", r.name)
		}
	}
}
