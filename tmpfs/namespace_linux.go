package tmpfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/compose-secure/compose-secure/subprocess"
)

// A user who is not root may give a file to one of the user's subordinate ids,
// subuid(5), from inside a user namespace that maps it, user_namespaces(7). A
// rootless engine has such a namespace. Without one, newuidmap(1), which that
// engine needs as well, makes another.

// systemPath is where nsenter, chown, cat and newuidmap are.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// passedFile is the first of exec.Cmd's ExtraFiles as a path.
const passedFile = "/proc/self/fd/3"

// command has nothing of this process's environment.
func command(argv ...string) *exec.Cmd {
	return subprocess.Command(context.Background(), []string{"PATH=" + systemPath}, argv[0], argv[1:]...)
}

// inNamespace is a command in the user namespace of process pid, with f as passedFile.
func inNamespace(pid int, f *os.File, argv ...string) *exec.Cmd {
	cmd := command(append([]string{"nsenter", "--user", "--preserve-credentials", "--target", strconv.Itoa(pid), "--"}, argv...)...)
	cmd.ExtraFiles = []*os.File{f}
	return cmd
}

// give changes the owner of an open file of ours, as chown(2) does for root.
func (s *Store) give(f *os.File, uid, gid int) error {
	return s.withNamespace(uid, gid, func(pid int) error {
		insideUID, err := idInside(pid, "uid_map", uid)
		if err != nil {
			return err
		}
		insideGID, err := idInside(pid, "gid_map", gid)
		if err != nil {
			return err
		}
		return inNamespace(pid, f, "chown", fmt.Sprintf("%d:%d", insideUID, insideGID), passedFile).Run()
	})
}

// openGiven opens a file that was given away, which takes no permission to read it.
func openGiven(root *os.Root, name string) (*os.File, error) {
	return root.OpenFile(name, unix.O_PATH, 0)
}

// readGiven reads what openGiven opened, up to one byte more than limit.
func (s *Store) readGiven(f *os.File, limit int) (data []byte, err error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	uid, gid := ownerOf(fi)
	err = s.withNamespace(uid, gid, func(pid int) error {
		var out bytes.Buffer
		cmd := inNamespace(pid, f, "head", "-c", strconv.Itoa(limit+1), passedFile)
		cmd.Stdout = &out
		err := cmd.Run()
		data = out.Bytes()
		return err
	})
	return data, err
}

// withNamespace calls do with a process in whose user namespace this user is root and the
// two ids of this machine have a name: the engine, or one that is made for it.
func (s *Store) withNamespace(uid, gid int, do func(pid int) error) error {
	if s.engine != 0 {
		if err := do(s.engine); err == nil {
			return nil
		}
	}
	holder := command("cat") // lives until its input ends
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	in, err := holder.StdinPipe()
	if err == nil {
		err = holder.Start()
	}
	if err != nil {
		return fmt.Errorf("make a user namespace: %w", err)
	}
	defer func() { _ = in.Close(); _ = holder.Wait() }() // it has nothing to say
	pid := holder.Process.Pid
	if err := mapID("newuidmap", pid, os.Geteuid(), uid); err != nil {
		return err
	}
	if err := mapID("newgidmap", pid, os.Getegid(), gid); err != nil {
		return err
	}
	return do(pid)
}

// mapID makes own root in the namespace of pid, and other the id 1.
func mapID(tool string, pid, own, other int) error {
	args := []string{tool, strconv.Itoa(pid), "0", strconv.Itoa(own), "1"}
	if other != own {
		args = append(args, "1", strconv.Itoa(other), "1")
	}
	if err := command(args...).Run(); err != nil {
		return fmt.Errorf("%s: %w", tool, err)
	}
	return nil
}

// idInside is what an id of this machine is called in the namespace of pid.
func idInside(pid int, table string, id int) (int, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, table))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for {
		var inside, outside, size int
		switch _, err := fmt.Fscanln(f, &inside, &outside, &size); {
		case errors.Is(err, io.EOF):
			return 0, fmt.Errorf("id %d is not in %s", id, table)
		case err != nil:
			return 0, err
		case id >= outside && id < outside+size:
			return inside + id - outside, nil
		}
	}
}
