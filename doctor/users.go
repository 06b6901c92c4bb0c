package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-secure/compose-secure/swarm"
)

// login is a user of this machine who can log in, from passwd(5) and group(5). Users of a
// directory service are not listed there.
type login struct {
	name string
	uid  string
	gids []string
}

// process is what /proc tells everybody of one: ids of this machine, as text. A process whose
// real, effective and saved ids differ has none here: no other user may look into it.
type process struct {
	parent   int
	uid, gid string
}

// checkUsers finds programs of containers with secrets that run with the uid and a group of a login of
// this machine. The kernel lets that user read their environment and, through /proc/PID/root, their files.
// Ids are those of the processes themselves, so userns-remap, rootless engines and "userns_mode: host" are
// accounted for.
func (d *doctor) checkUsers(ctx context.Context) {
	holders, err := d.holders(ctx)
	if err != nil {
		d.add("users", err, "")
	}
	if len(holders) == 0 {
		return
	}
	logins, err := readLogins(filepath.Join("/", d.Machine.Root, "etc"))
	var processes map[int]process
	if err == nil {
		processes, err = readProcesses()
	}
	var owner int
	if err == nil {
		owner, err = d.engineOwner(ctx)
	}
	if err != nil {
		d.add("users", err, "")
		return
	}
	clean := true
	for _, h := range holders {
		for _, l := range logins {
			if l.uid != strconv.Itoa(owner) && runsAs(processes, h.pid, l) {
				clean = false
				d.add("users", fmt.Errorf("%s runs as uid %s, which is %s on this machine, who can read its secrets with ps auxe and in /proc/%d/root: give the service another user, or the engine userns-remap or rootless mode", h.name, l.uid, l.name, h.pid), "")
			}
		}
	}
	if clean {
		d.add("users", nil, "no login of this machine has the uid of a container with secrets")
	}
}

// holder is a running container with secrets; pid is its first process.
type holder struct {
	name string
	pid  int
}

// holders returns the running containers that mount files of the store, and the tasks of this node that
// mount Swarm secrets; only a manager tells the latter.
func (d *doctor) holders(ctx context.Context) ([]holder, error) {
	var list []holder
	var errs []error
	for _, m := range d.projects {
		for _, c := range m.containers {
			if c.State != "running" {
				continue
			}
			pid, err := d.eng.PID(ctx, c.ID)
			if err == nil && pid > 0 {
				list = append(list, holder{"container " + c.Name, pid})
			}
			errs = append(errs, err)
		}
	}
	if d.info.Manager {
		tasks, err := swarm.New(d.eng.Client(), nil).Holders(ctx, d.info.NodeID)
		for _, t := range tasks {
			list = append(list, holder{"a task of service " + t.Service, t.PID})
		}
		errs = append(errs, err)
	}
	return list, errors.Join(errs...)
}

// engineOwner returns the uid that controls the engine anyway: the user of a rootless one, else root.
func (d *doctor) engineOwner(ctx context.Context) (int, error) {
	ids, err := d.eng.IDMap(ctx)
	if err != nil || !ids.Rootless {
		return 0, err
	}
	uid, _ := ids.HostUID(0)
	return uid, nil
}

// runsAs reports whether process pid, or one that came from it, has the uid and a group of l.
func runsAs(processes map[int]process, pid int, l login) bool {
	for id, p := range processes {
		if p.uid != l.uid || !slices.Contains(l.gids, p.gid) {
			continue
		}
		for range len(processes) { // parents end at process 1 or 0
			if id == pid {
				return true
			}
			id = processes[id].parent
		}
	}
	return false
}

// readLogins returns the users in dir/passwd that have a shell, without root.
func readLogins(dir string) ([]login, error) {
	passwd, err := readIfThere(filepath.Join(dir, "passwd"))
	if err != nil {
		return nil, err
	}
	group, err := readIfThere(filepath.Join(dir, "group"))
	if err != nil {
		return nil, err
	}
	var list []login
	for line := range bytes.Lines(passwd) {
		f := strings.Split(strings.TrimSpace(string(line)), ":")
		if len(f) != 7 || f[2] == "0" || strings.HasSuffix(f[6], "/nologin") || strings.HasSuffix(f[6], "/false") {
			continue
		}
		l := login{name: f[0], uid: f[2], gids: []string{f[3]}}
		for line := range bytes.Lines(group) {
			g := strings.Split(strings.TrimSpace(string(line)), ":")
			if len(g) == 4 && slices.Contains(strings.Split(g[3], ","), l.name) {
				l.gids = append(l.gids, g[2])
			}
		}
		list = append(list, l)
	}
	return list, nil
}

func readIfThere(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the users of this machine: %w", err)
	}
	return b, nil
}

// readProcesses reads /proc. A process that ends meanwhile is left out.
func readProcesses() (map[int]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("read the processes of this machine: %w", err)
	}
	list := map[int]process{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		status, err := os.ReadFile(filepath.Join("/proc", e.Name(), "status"))
		if err == nil {
			list[pid] = parseStatus(string(status))
		}
	}
	return list, nil
}

// parseStatus reads proc_pid_status(5): Uid and Gid have the real, effective, saved and filesystem id.
func parseStatus(status string) process {
	var p process
	one := func(ids []string) string {
		if len(ids) < 3 || ids[0] != ids[1] || ids[0] != ids[2] {
			return ""
		}
		return ids[0]
	}
	for line := range strings.Lines(status) {
		key, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		switch {
		case key == "PPid" && len(fields) == 1:
			p.parent, _ = strconv.Atoi(fields[0]) // the kernel's own number
		case key == "Uid":
			p.uid = one(fields)
		case key == "Gid":
			p.gid = one(fields)
		}
	}
	return p
}
