//go:build e2e

package hostile

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// watched are the system calls that start a program, reach a server, or open or change a file.
func watched() []string {
	return []string{
		"execve", "execveat", "connect", "open", "openat", "openat2", "creat", "truncate",
		"mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "unlink", "unlinkat", "rename", "renameat", "renameat2",
		"link", "linkat", "symlink", "symlinkat", "chmod", "fchmodat", "chown", "lchown", "fchownat",
	}
}

// event is one system call that did what it was asked for, or tried to start or reach something.
type event struct {
	call string
	line string
	path string // what was opened or started
	read bool   // it was opened for reading alone
}

var (
	line     = regexp.MustCompile(`^(\w+)\((.*)\) += (-?\d+|\?)(?:<(.*)>)?(?: (\w+) .*)?$`)
	quoted   = regexp.MustCompile(`^(?:(?:AT_FDCWD|\d+)(?:<([^>]*)>)?, )?"((?:[^"\\]|\\.)*)"`)
	unixPath = regexp.MustCompile(`sun_path=@?"([^"]*)"`)
)

// readTrace reads what strace -ff wrote, one file per thread.
func readTrace(t *testing.T, dir string) []event {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "t.*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("strace wrote nothing: %v", err)
	}
	var events []event
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for text := range strings.Lines(string(data)) {
			m := line.FindStringSubmatch(strings.TrimSuffix(text, "\n"))
			if m == nil {
				continue // killed within the call
			}
			if m[3] == "-1" && (m[5] == "ENOENT" || !strings.HasPrefix(m[1], "exec") && m[1] != "connect") {
				continue
			}
			e := event{call: m[1], line: text, path: m[4]}
			if e.path == "" || m[1] == "execve" {
				e.path = pathOf(m[2])
			}
			e.read = strings.HasPrefix(m[1], "open") && !strings.Contains(m[2], "O_WRONLY") && !strings.Contains(m[2], "O_RDWR") && !strings.Contains(m[2], "O_CREAT")
			events = append(events, e)
		}
	}
	return events
}

// pathOf is the path that a call is about: the last one of rename, link and symlink.
func pathOf(args string) string {
	path := ""
	for args != "" {
		m := quoted.FindStringSubmatch(args)
		if m == nil {
			_, rest, found := strings.Cut(args, ", ")
			if !found {
				break
			}
			args = rest
			continue
		}
		if path = m[2]; !filepath.IsAbs(path) {
			path = filepath.Join(m[1], path)
		}
		break
	}
	return path
}

// unlisted says what is wrong with an event, or nothing.
func (s *sandbox) unlisted(e event, c call) string {
	switch {
	case strings.HasPrefix(e.call, "exec"):
		return s.unlistedProgram(e, c)
	case e.call == "connect":
		if m := unixPath.FindStringSubmatch(e.line); m != nil && strings.HasSuffix(m[1], "/docker.sock") || strings.Contains(e.line, "AF_NETLINK") {
			return ""
		}
		_, to, _ := strings.Cut(e.line, ", ")
		return "connects: " + strings.TrimSpace(to)
	}
	allowed := s.changed(c)
	if e.read {
		allowed = append(allowed, s.read(c)...)
	}
	for _, path := range allowed {
		if e.path == strings.TrimSuffix(path, "/") || strings.HasSuffix(path, "/") && strings.HasPrefix(e.path, path) {
			return ""
		}
	}
	if !filepath.IsAbs(e.path) { // relative to the tree, or a pipe, a socket, memory
		if clean := filepath.Clean(e.path); clean != ".." && !strings.HasPrefix(clean, "../") {
			return ""
		}
	}
	return e.call + " of " + e.path
}

// changed are the files that may be changed. What ends in a slash is all that is below.
func (s *sandbox) changed(c call) []string {
	list := []string{"/dev/null", "/dev/shm/", "/run/compose-secure/", "/var/lib/compose-secure/", s.home + "/.docker/", s.home + "/.cache/", s.root + "/tmp/", s.tree + "/"}
	if c.values { // what gpg makes when it starts
		list = append(list, s.home+"/.gnupg/")
	}
	return list
}

// read are the files that may be read besides.
func (s *sandbox) read(c call) []string {
	list := []string{
		"/proc/", "/sys/", "/dev/", "/usr/", "/lib/", "/lib64/", "/bin/", "/run",
		"/etc/gitconfig", "/etc/group", "/etc/hosts", "/etc/ld.so.cache", "/etc/locale.alias", "/etc/localtime", "/etc/nsswitch.conf", "/etc/os-release", "/etc/passwd", "/etc/resolv.conf",
		s.root + "/named/", s.home, s.home + "/.gitconfig", s.bin,
	}
	if c.values {
		list = append(list, s.home+"/.config/", s.home+"/.ssh/")
	}
	return list
}

// unlistedProgram says that a program was started that is on no list. Values never stand among arguments.
func (s *sandbox) unlistedProgram(e event, c call) string {
	name := filepath.Base(e.path)
	known := []string{"timeout", "compose-secure", "docker-compose", "docker-buildx"}
	if len(c.args) > 0 {
		switch c.args[0] {
		case "lint", "migrate":
			known = append(known, "git")
		case "stack":
			known = append(known, "docker")
		case "bash":
			known = append(known, "bash")
		}
	}
	if c.values {
		known = append(known, "gpg", keyCommand)
	}
	switch {
	case !slices.Contains(known, name):
		return "starts " + strings.TrimSpace(e.line[:min(len(e.line), 300)])
	case strings.Contains(strings.ReplaceAll(e.line, "OWN_TOKEN="+sentinel, ""), sentinel):
		return "passes a value to " + name
	}
	return ""
}
