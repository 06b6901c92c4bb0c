package history

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/subprocess"
)

// git is the work tree of a file. Whoever wrote it may have written its
// configuration too: nothing of that runs a program here, and what runs sees no key.
type git struct {
	root string // what git would look for itself, it could find in a folder of the tree
	env  []string
}

// errNoWorkTree is about a file that no repository has.
var errNoWorkTree = errors.New("it lies in no git work tree")

// gitOf gives the work tree that path lies in, and the path below its root. The error is errNoWorkTree, or that of a
// work tree which does not answer, which is then returned too.
func gitOf(ctx context.Context, environ []string, path string) (g *git, rel string, err error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return nil, "", fmt.Errorf("find %q: %w", path, err)
	}
	root := lint.WorkTree(dir)
	if root == "" {
		return nil, "", errNoWorkTree
	}
	if rel, err = filepath.Rel(root, filepath.Join(dir, filepath.Base(path))); err != nil {
		return nil, "", fmt.Errorf("find %q: %w", path, err)
	}
	env := append(subprocess.Program(environ, "XDG_CONFIG_HOME", "SUDO_UID"),
		"GIT_ALLOW_PROTOCOL=", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_LITERAL_PATHSPECS=1",
		"GIT_CEILING_DIRECTORIES="+filepath.Dir(root)) // a damaged repository is not one of the work tree around it
	g = &git{root, env}
	filters, err := g.filters(ctx)
	g.env = append(env, filters...)
	return g, filepath.ToSlash(rel), err
}

// command runs git. Arguments are names, never values.
func (g *git) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := subprocess.Command(ctx, g.env, "git", append([]string{
		"-C", g.root, "--no-pager", "-c", "safe.bareRepository=explicit", "-c", "core.fsmonitor=false",
		"-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false", "-c", "core.pager=cat",
	}, args...)...)
	cmd.WaitDelay = time.Second // once it has ended: what it started may hold its output open
	return cmd
}

// filters gives an environment that switches off the programs through which git
// reads files. Their names may hold what -c would take for the end of a name.
func (g *git) filters(ctx context.Context) ([]string, error) {
	out, err := g.command(ctx, "config", "--null", "--name-only", "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("read the configuration of git: %w", err)
	}
	var env []string
	n := 0
	for key := range strings.SplitSeq(string(out), "\x00") {
		last := key[strings.LastIndexByte(key, '.')+1:]
		if !strings.HasPrefix(key, "filter.") {
			continue
		}
		value := ""
		if last == "required" {
			value = "false"
		}
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", n, key), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", n, value))
		n++
	}
	return append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", n)), nil
}
