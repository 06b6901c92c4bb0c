package wrap

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/secret"
)

// allBytes holds every byte an environment variable can.
func allBytes() string {
	var b strings.Builder
	for i := 1; i < 256; i++ {
		b.WriteByte(byte(i))
	}
	for i := 255; i > 0; i-- {
		b.WriteByte(byte(i))
	}
	return b.String()
}

var values = []struct{ name, value string }{
	{"plain", "hunter2"},
	{"empty", ""},
	{"one newline", "\n"},
	{"only newlines", "\n\n\n"},
	{"trailing newlines", "a\nb\n\n"},
	{"leading newlines and blanks", "\n\n \t a \t "},
	{"carriage returns", "a\r\nb\r"},
	{"quotes", `'"'\''"`},
	{"dollars and backticks", "$HOME ${x:?} $(exit 1) `exit 1` $$"},
	{"backslashes", `\ \\ \n \0 \c %s %%`},
	{"looks like an option", "-n -e"},
	{"looks like an assignment", "A=B=C"},
	{"cut unicode", "\xc3\n\xe2\x82\n\xf0\x9f"},
	{"every byte", allBytes()},
	{"the longest", strings.Repeat("x", MaxString-len("V="))},
	{"many lines", strings.Repeat("0123456789abcdef\n", 2000)},
}

// runner is a way to run a wrapped program on this machine.
type runner struct {
	name string
	wrap func(t *testing.T, vars []Var) []string
}

func runners(t *testing.T) []runner {
	t.Helper()
	shell := func(argv ...string) func(*testing.T, []Var) []string {
		return func(t *testing.T, vars []Var) []string {
			t.Helper()
			args, err := Shell(vars)
			if err != nil {
				t.Fatal(err)
			}
			return append(append([]string{}, argv...), args[1:]...)
		}
	}
	return []runner{
		{"dash", shell("dash")},
		{"bash as sh", shell("bash", "--posix")},
		{"busybox ash", shell("busybox", "ash")},
		{"helper amd64", helper("amd64")},
		{"helper arm64", helper("arm64")},
	}
}

// helper runs the embedded helper of an architecture, by emulation where this
// machine has another one (package qemu-user-static of Debian).
func helper(arch string) func(*testing.T, []Var) []string {
	var emulator []string
	if arch != runtime.GOARCH {
		emulator = []string{"/usr/bin/qemu-" + map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch] + "-static"}
	}
	return func(t *testing.T, vars []Var) []string {
		t.Helper()
		b, err := Helper(arch)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "helper")
		if err := os.WriteFile(path, b, 0o700); err != nil {
			t.Fatal(err)
		}
		return append(append([]string{}, emulator...), HelperArgs(path, vars)...)
	}
}

func TestMain(m *testing.M) {
	if file := os.Getenv("WRAP_TEST_DUMP"); file != "" {
		// The wrapped program: leave what it got, as NUL-ended strings.
		var b bytes.Buffer
		for _, s := range append(os.Args[1:], "--", os.Getenv("V"), strconv.Itoa(os.Getpid())) {
			b.WriteString(s + "\x00")
		}
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			panic(err)
		}
		os.Exit(37)
	}
	os.Exit(m.Run())
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's a file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The wrapped program gets the exact bytes and arguments, keeps the process and
// its exit code is the one that comes out.
func TestValues(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runners(t) {
		for _, v := range values {
			t.Run(r.name+"/"+v.name, func(t *testing.T) {
				dump := filepath.Join(t.TempDir(), "dump")
				argv := r.wrap(t, []Var{{Name: "V", Path: file(t, v.value)}})
				args := []string{"a b", "", "*", "$V", "--", "-c", "\n"}
				cmd := exec.Command(argv[0], append(append(argv[1:], self), args...)...)
				cmd.Env = append(os.Environ(), "WRAP_TEST_DUMP="+dump, "V=old")
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != 37 {
					t.Fatalf("%v, want the program's own exit code\n%s", err, out)
				}
				got, err := os.ReadFile(dump)
				if err != nil {
					t.Fatal(err)
				}
				want := strings.Join(append(args, "--", v.value, strconv.Itoa(cmd.Process.Pid)), "\x00") + "\x00"
				if string(got) != want {
					t.Errorf("the program got %.200q, want %.200q", got, want)
				}
				if len(out) > 0 {
					t.Errorf("output %q", out)
				}
			})
		}
	}
}

func TestUnreadable(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	for _, r := range runners(t) {
		for name, path := range map[string]string{"missing": missing, "a directory": t.TempDir()} {
			t.Run(r.name+"/"+name, func(t *testing.T) {
				argv := append(r.wrap(t, []Var{{Name: "A_OK", Path: file(t, "v")}, {Name: "DB_PASSWORD", Path: path}}), "echo", "started")
				out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != ExitUnreadable {
					t.Errorf("%v, want exit code %d", err, ExitUnreadable)
				}
				if s := string(out); !strings.Contains(s, "DB_PASSWORD") || !strings.Contains(s, path) || strings.Contains(s, "started") || strings.Count(s, "\n") != 1 {
					t.Errorf("output %q", s)
				}
			})
		}
	}
}

func TestNoProgram(t *testing.T) {
	for _, r := range runners(t) {
		t.Run(r.name, func(t *testing.T) {
			for _, program := range [][]string{nil, {"no-such-program"}, {"/no/such/program"}} {
				argv := append(r.wrap(t, []Var{{Name: "V", Path: file(t, "sentinel")}}), program...)
				out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != 127 && exit.ExitCode() != 2 || len(out) == 0 || bytes.Contains(out, []byte("sentinel")) {
					t.Errorf("%q: %v, output %q", program, err, out)
				}
			}
		})
	}
}

// A signal reaches the program itself, and its death by signal is reported.
func TestSignal(t *testing.T) {
	for _, r := range runners(t) {
		t.Run(r.name, func(t *testing.T) {
			argv := append(r.wrap(t, []Var{{Name: "V", Path: file(t, "v")}}), "sh", "-c", "kill -TERM $$; sleep 5")
			err := exec.Command(argv[0], argv[1:]...).Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
				t.Errorf("%v, want death by SIGTERM", err)
			}
		})
	}
}

// environment runs env in the wrapper and returns what it prints, sorted.
func environment(t *testing.T, argv []string, env ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], append(argv[1:], "env")...)
	cmd.Env = append([]string{}, env...) // nil would be this process's own
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(out), "\n")
	slices.Sort(lines) // the emulator turns them round
	return strings.Join(lines, "")
}

func TestHelperKeepsTheEnvironment(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			vars := []Var{{Name: "B", Path: file(t, "new")}, {Name: "discovery.type", Path: file(t, "single")}, {Name: "A-B", Path: file(t, "")}}
			got := environment(t, helper(arch)(t, vars), "PATH=/nowhere::/usr/bin:/bin", "B=old", "a.b=1", "BB=2")
			want := "A-B=\nB=new\nBB=2\nPATH=/nowhere::/usr/bin:/bin\na.b=1\ndiscovery.type=single\n"
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
			// Without PATH the engine's default is used.
			if got := environment(t, helper(arch)(t, vars[:1])); got != "B=new\n" {
				t.Errorf("environment %q", got)
			}
		})
	}
}

// TestHelperArguments puts files in the places of arguments: the program gets those bytes and no others.
func TestHelperArguments(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runners(t)[3:] {
		for _, v := range values {
			t.Run(r.name+"/"+v.name, func(t *testing.T) {
				dump := filepath.Join(t.TempDir(), "dump")
				argv := r.wrap(t, nil)
				path := file(t, v.value)
				argv = append(argv[:len(argv)-1], HelperArgs("", []Var{{Name: "V", Path: file(t, "of V")}}, Arg{0, file(t, self)}, Arg{2, path}, Arg{11, path})[1:]...)
				cmd := exec.Command(argv[0], append(argv[1:], "", "--token", "", "--", "=1=x", "V=y", "6", "7", "8", "9", "10", "")...)
				cmd.Env = append(os.Environ(), "WRAP_TEST_DUMP="+dump, "V=old")
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != 37 || len(out) > 0 {
					t.Fatalf("%v, want the program's own exit code\n%s", err, out)
				}
				got, err := os.ReadFile(dump)
				if err != nil {
					t.Fatal(err)
				}
				want := strings.Join([]string{"--token", v.value, "--", "=1=x", "V=y", "6", "7", "8", "9", "10", v.value, "--", "of V", strconv.Itoa(cmd.Process.Pid)}, "\x00") + "\x00"
				if string(got) != want {
					t.Errorf("the program got %.200q, want %.200q", got, want)
				}
			})
		}
	}
}

func TestHelperRefusesArguments(t *testing.T) {
	good := file(t, "sentinel")
	for name, tt := range map[string]struct {
		argument string
		code     int
		want     string
	}{
		"behind the last":   {"=2=" + good, 2, "no such argument"},
		"far behind":        {"=99999999999999999999999=" + good, 2, "no such argument"},
		"no number":         {"=x=" + good, 2, "no such argument"},
		"below zero":        {"=-1=" + good, 2, "no such argument"},
		"no place":          {"==" + good, 2, "no such argument"},
		"no file":           {"=1", 2, "no such argument"},
		"missing":           {"=1=/no/such/file", ExitUnreadable, "argument 1: /no/such/file: not found"},
		"a NUL byte":        {"=1=" + file(t, "sentinel\x00"), ExitUnreadable, "argument 1: "},
		"one byte too many": {"=1=" + file(t, strings.Repeat("x", MaxString+1)), ExitUnreadable, "too large"},
	} {
		for _, r := range runners(t)[3:] {
			t.Run(r.name+"/"+name, func(t *testing.T) {
				argv := r.wrap(t, nil)
				argv = append(argv[:len(argv)-1], tt.argument, "--", "echo", "started")
				out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != tt.code {
					t.Errorf("%v, want exit code %d", err, tt.code)
				}
				if s := string(out); !strings.Contains(s, tt.want) || strings.Contains(s, "started") || strings.Contains(s, "sentinel") || strings.Count(s, "\n") != 1 {
					t.Errorf("output %q", s)
				}
			})
		}
	}
}

func TestHelperRefuses(t *testing.T) {
	tests := []struct {
		name, content string
		want          string
	}{
		{"a NUL byte", "a\x00b", "cannot be used"},
		{"one byte too many", strings.Repeat("x", MaxString-len("V=")+1), "too large"},
		{"far too many bytes", strings.Repeat("x", 400_000), "too large"},
	}
	for _, r := range runners(t)[3:] {
		for _, tt := range tests {
			t.Run(r.name+"/"+tt.name, func(t *testing.T) {
				argv := append(r.wrap(t, []Var{{Name: "V", Path: file(t, tt.content)}}), "true")
				out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != ExitUnreadable || !strings.Contains(string(out), tt.want) {
					t.Errorf("%v, output %q", err, out)
				}
			})
		}
	}
}

// The helper carries as many variables as the kernel does.
func TestHelperManyVariables(t *testing.T) {
	path := file(t, strings.Repeat("x", 1000))
	var vars []Var
	for i := range 1000 {
		vars = append(vars, Var{Name: "V" + strconv.Itoa(i), Path: path})
	}
	got := environment(t, helper(runtime.GOARCH)(t, vars), "PATH=/usr/bin:/bin")
	if n := strings.Count(got, "\n"); n != 1001 {
		t.Errorf("%d variables, want 1001", n)
	}
}

func TestShell(t *testing.T) {
	one, err := Shell([]Var{{Name: "B", Path: "/run/secrets/b"}, {Name: "A", Path: "/run/secrets/a"}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := Shell([]Var{{Name: "A", Path: "/run/secrets/a"}, {Name: "B", Path: "/run/secrets/b"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, other); diff != "" {
		t.Errorf("the order of the variables matters:\n%s", diff)
	}
	var name *NameError
	if _, err := Shell([]Var{{Name: "a.b", Path: "/x"}}); !errors.As(err, &name) || name.Name != "a.b" {
		t.Errorf("error %v, want a NameError", err)
	}
}

func TestShellKeeps(t *testing.T) {
	for name, want := range map[string]bool{
		"A": true, "_a1": true, "DB_PASSWORD": true,
		"": false, "1A": false, "a.b": false, "A-B": false, "Ä": false, "A B": false, "A;exit": false, "UID": false, "_": false,
	} {
		if got := ShellKeeps(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name, value string
		ok          bool
	}{
		{"empty", "", true},
		{"the longest", strings.Repeat("x", MaxString-2), true},
		{"one byte more", strings.Repeat("x", MaxString-1), false},
		{"a NUL byte", "sentinel\x00", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Check("V", secret.NewValue([]byte(tt.value)))
			var bad *ValueError
			if errors.As(err, &bad) == tt.ok {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "sentinel") {
				t.Error("the error shows the value")
			}
		})
	}
}

// MaxString is what this kernel takes, not one byte less or more.
func TestMaxString(t *testing.T) {
	for n, want := range map[int]bool{MaxString: true, MaxString + 1: false} {
		cmd := exec.Command("true")
		cmd.Env = []string{"V=" + strings.Repeat("x", n-2)}
		if err := cmd.Run(); (err == nil) != want {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestHelperFile(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		b, err := Helper(arch)
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machine || f.Type != elf.ET_EXEC || len(b) > 8<<10 {
			t.Errorf("%s: %v %v, %d bytes", arch, f.Machine, f.Type, len(b))
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s is not static", arch)
			}
			if p.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
				t.Errorf("%s has memory that is both writable and executable", arch)
			}
			if p.Type == elf.PT_LOAD && arch == "arm64" && p.Align < 64<<10 {
				t.Errorf("%s does not load on kernels with 64 KiB pages", arch)
			}
		}
	}
	if _, err := Helper("riscv64"); err == nil || !strings.Contains(err.Error(), "riscv64") {
		t.Errorf("error %v", err)
	}
	if _, err := Helper("../wrap"); err == nil {
		t.Error("a path was taken for an architecture")
	}
}

// The embedded bytes are those that the source gives, with the compiler that
// helper/build pins. It fails with what to install where that is missing.
func TestHelperIsReproducible(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("helper/build", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		want, err := os.ReadFile(filepath.Join(dir, "compose-secure-env-"+arch))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Helper(arch); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what helper/build makes (%v): run it and commit", arch, err)
		}
	}
}
