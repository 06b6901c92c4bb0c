// Package wrap makes the argument lists that give a program its secrets as
// environment variables just before it starts: with the shell of the image, or
// with a small static helper where there is none. The values are read in the
// container; none is in the argument list.
//
// It does not choose between the two, does not know images and writes no file.
package wrap

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/secret"
)

// Var is one variable and the file in the container that holds its value.
type Var struct {
	Name, Path string
	Replaces   string // variable that Shell unsets then, "" for none
}

// MaxString is the longest NAME=VALUE, in bytes, that Linux passes to a
// program: MAX_ARG_STRLEN of execve(2) without the final NUL.
const MaxString = 131_071

// ExitUnreadable is the exit code of both wrappers when the file of a secret
// cannot be read. The program is not started then.
const ExitUnreadable = 111

// ValueError says that a value cannot be an environment variable, whatever
// sets it. Too large or a NUL byte.
type ValueError struct {
	Name   string
	Reason string
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%s cannot be an environment variable: %s: let the program read it from a file (x-compose-secure.file)", e.Name, e.Reason)
}

// Check returns a *ValueError for a value that no environment can hold.
func Check(name string, v secret.Value) error {
	if bytes.IndexByte(v.Reveal(), 0) >= 0 {
		return &ValueError{Name: name, Reason: "its value holds a NUL byte"}
	}
	if len(name)+1+len(v.Reveal()) > MaxString {
		return &ValueError{Name: name, Reason: fmt.Sprintf("name and value are longer than the %d bytes that Linux allows", MaxString)}
	}
	return nil
}

// NameError says that a shell cannot set a variable of that name; the helper
// can.
type NameError struct{ Name string }

func (e *NameError) Error() string {
	return fmt.Sprintf("a shell cannot set the variable %q: it needs the static helper", e.Name)
}

// shellOwn are variables that one of dash, BusyBox ash and bash sets itself or
// refuses to change.
var shellOwn = []string{
	"BASHOPTS", "BASHPID", "BASH_VERSINFO", "DIRSTACK", "EUID", "FUNCNAME", "GROUPS", "HISTCMD",
	"LINENO", "OLDPWD", "OPTIND", "PPID", "PWD", "RANDOM", "SECONDS", "SHELLOPTS", "SHLVL", "UID", "_",
}

// ShellKeeps reports whether a shell can set the variable name and hand it on.
// One that the container already has and that fails this (discovery.type of
// Elasticsearch) is dropped by dash and BusyBox ash, so a service with any such
// name needs the helper.
func ShellKeeps(name string) bool {
	if name == "" || slices.Contains(shellOwn, name) {
		return false
	}
	for i, r := range []byte(name) {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return true
}

// readFunction sets $1 to the content of $2 and exports it. It uses builtins
// only, so that it starts no process and asks nothing of the image but the
// shell. "read" ends with an error at the end of the file, having set what
// stands after the last newline; that is added last, which keeps every trailing
// newline and adds none. The positional parameters serve as local variables.
func readFunction(unreadable string) string {
	return `f() {
[ -f "$2" ] && [ -r "$2" ] || { echo "compose-secure: $1: $2: cannot be read" >&2; ` + unreadable + `; }
set -- "$1" "$2" ''
while IFS= read -r _compose_secure; do set -- "$1" "$2" "$3$_compose_secure
"; done <"$2"
export "$1=$3$_compose_secure"
}
`
}

// Shell returns the arguments to put in front of ENTRYPOINT and CMD so that
// /bin/sh sets vars and then becomes that program: same process, signals and
// exit code. The text is the same for the same vars in any order. "$" is not
// escaped for Compose. A *NameError means that Helper is needed instead.
func Shell(vars []Var) ([]string, error) { return shell(vars, readFunction("exit 111")) }

// ExecShell is Shell for a program beside the container's own. It may run as a user who
// may not read a file: its variable is then left out, with a line on stderr. A variable that
// named the file is unset, since images refuse to have both.
func ExecShell(vars []Var) ([]string, error) { return shell(vars, readFunction("return 1")) }

func shell(vars []Var, read string) ([]string, error) {
	var b strings.Builder
	b.WriteString(read)
	for _, v := range sorted(vars) {
		if !ShellKeeps(v.Name) {
			return nil, &NameError{Name: v.Name}
		}
		fmt.Fprintf(&b, "f %s %s", v.Name, quote(v.Path))
		if v.Replaces != "" && ShellKeeps(v.Replaces) {
			b.WriteString(" && unset " + v.Replaces)
		}
		b.WriteByte('\n')
	}
	// Without arguments exec does nothing and the shell would end well.
	b.WriteString("unset _compose_secure\n" + `[ $# -gt 0 ] || { echo "compose-secure: no command" >&2; exit 127; }
exec "$@"`)
	return []string{"/bin/sh", "-c", b.String(), "compose-secure"}, nil
}

// quote makes s one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func sorted(vars []Var) []Var {
	return slices.SortedFunc(slices.Values(vars), func(a, b Var) int { return strings.Compare(a.Name, b.Name) })
}

//go:embed helper/compose-secure-env-amd64 helper/compose-secure-env-arm64
var binaries embed.FS

// Arg is one argument of the program and the file in the container that holds it. Argument 0 is the program itself.
type Arg struct {
	Index int
	Path  string
}

// HelperArgs is Shell for the helper, mounted in the container at path. It also puts args in
// the places of what stands there.
func HelperArgs(path string, vars []Var, args ...Arg) []string {
	argv := []string{path}
	for _, v := range sorted(vars) {
		argv = append(argv, v.Name+"="+v.Path)
	}
	for _, a := range args {
		argv = append(argv, fmt.Sprintf("=%d=%s", a.Index, a.Path))
	}
	return append(argv, "--")
}

// Helper returns the static helper for an image's architecture, in the naming
// of Go. It must be mounted from a filesystem that is not noexec, with mode
// 0555. Its source and build are in wrap/helper.
func Helper(arch string) ([]byte, error) {
	b, err := binaries.ReadFile("helper/compose-secure-env-" + arch)
	if err != nil {
		return nil, fmt.Errorf("there is no helper for images of architecture %q, only for amd64 and arm64: give the image a /bin/sh or let the program read a file", arch)
	}
	return b, nil
}
