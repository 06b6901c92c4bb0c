package command

import (
	"crypto/rand"
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/compose-secure/compose-secure/boot"
	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/tmpfs"
)

// TestMain lets the scripts run the tool as a program of its own, under both of its names.
func TestMain(m *testing.M) {
	run := func() {
		os.Exit(Main(os.Args, Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Machine: os.Getenv("MACHINE")}))
	}
	testscript.Main(m, map[string]func(){"compose-secure": run, "docker-secure": run, storeProgram: storeOne})
}

// TestScript runs testdata/script/*.txtar. Scripts use the engine that runs
// and the images of scripts/images; each has a project name of its own, in
// $PROJECT, whose containers, volumes and secrets are removed in the end.
// -update writes what was printed into the scripts.
func TestScript(t *testing.T) {
	bin, err := filepath.Abs("../bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "sops")); err != nil {
		t.Fatal("bin/sops is missing: run make bin/sops")
	}
	cache := t.TempDir() // what is known of images and of docker compose, shared by all scripts
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup:               func(e *testscript.Env) error { return setUpScript(e, bin, cache) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "vault": vault, "oneline": oneLine, "gone": gone, "holds": holds, "eventually": eventually,
		},
	})
}

var update = flag.Bool("update", false, "write the output of commands into the scripts")

func setUpScript(e *testscript.Env, bin, cache string) error {
	project := "cst-" + strings.ToLower(rand.Text()[:10])
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	home := filepath.Join(e.WorkDir, ".home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	key := filepath.Join(home, "age.key")
	if err := os.WriteFile(key, []byte(identity.String()+"\n"), 0o600); err != nil {
		return err
	}
	namespace := "-m"
	if os.Geteuid() != 0 {
		namespace = "-rm"
	}
	store := filepath.Join(tmpfs.Dir(tmpfs.Options{Getenv: os.Getenv}), project)
	e.Vars = append(e.Vars,
		"PATH="+os.Getenv("PATH")+string(os.PathListSeparator)+bin+string(os.PathListSeparator)+e.Getenv("PATH"),
		"HOME="+home, "XDG_CACHE_HOME="+cache, "MACHINE="+filepath.Join(home, "machine"),
		"PROJECT="+project, "COMPOSE_PROJECT_NAME="+project, "STORE="+store, "UNSHARE="+namespace,
		"SOPS_AGE_RECIPIENTS="+identity.Recipient().String(), "SOPS_AGE_KEY_FILE="+key)
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "XDG_RUNTIME_DIR"} {
		if value := os.Getenv(name); value != "" {
			e.Vars = append(e.Vars, name+"="+value)
		}
	}
	e.Defer(func() {
		removeProject(project, store)
		removeProject(project+"-b", store+"-b") // of scripts with two
	})
	return nil
}

// removeProject cleans up behind a script, also one that failed half way.
func removeProject(project, store string) {
	for _, kind := range [][]string{{"container", "rm", "-f", "-v"}, {"network", "rm"}, {"volume", "rm"}} {
		ids := listLabelled(kind[0], project)
		if len(ids) > 0 {
			_ = exec.Command("docker", append(kind, ids...)...).Run() // nothing is left to tell it to
		}
	}
	_ = os.RemoveAll(store)
	_ = boot.Dir(filepath.Join(deliver.SystemDir, "projects")).Remove(project)
}

func listLabelled(kind, project string) []string {
	args := []string{kind, "ls", "-q", "--filter", "label=com.docker.compose.project=" + project}
	if kind == "container" {
		args = append(args, "-a")
	}
	out, err := exec.Command("docker", args...).Output()
	if err != nil {
		return nil
	}
	return strings.Fields(string(out))
}

// exits CODE PROGRAM ARG... runs a program that has to end with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// oneLine FILE: it holds one line, no more and no less.
func oneLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: oneline stdout|stderr|FILE")
	}
	text := ts.ReadFile(args[0])
	if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") {
		ts.Fatalf("%d lines, not one:\n%s", strings.Count(text, "\n"), text)
	}
}

// holds FILE TEXT: the file has the text in it, byte for byte.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] holds stdout|stderr|FILE TEXT")
	}
	if strings.Contains(ts.ReadFile(args[0]), args[1]) == neg {
		ts.Fatalf("%s: %q: found is %v", args[0], args[1], neg)
	}
}

// gone: the project of the script has neither a container nor a secret left.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: gone")
	}
	if ids := listLabelled("container", ts.Getenv("PROJECT")); len(ids) > 0 {
		ts.Fatalf("%d containers are left", len(ids))
	}
	if _, err := os.Lstat(ts.Getenv("STORE")); !errors.Is(err, fs.ErrNotExist) {
		ts.Fatalf("%s is left", ts.Getenv("STORE"))
	}
}

// eventually PROGRAM ARG... repeats until it succeeds, for a minute at most.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: eventually PROGRAM ARG...")
	}
	var err error
	for range 300 {
		if err = ts.Exec(args[0], args[1:]...); err == nil {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	ts.Check(err)
}
