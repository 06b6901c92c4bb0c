// Package strace sees which programs a command starts, for tests. It needs strace(1) and timeout(1).
package strace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TimedOut is the exit code of a command that was interrupted when its time was over.
const TimedOut = 124

// Run is how a command ended, and what it started.
type Run struct {
	Code   int
	Output string
	// Execs are the execve calls of the command and of all that it starts, one a line with arguments and environment,
	// without the one that starts the command itself.
	Execs []string
}

// Started reports whether a program of that name was started.
func (r Run) Started(program string) bool {
	for _, call := range r.Execs {
		_, path, _ := strings.Cut(call, `execve("`)
		if path, _, ok := strings.Cut(path, `"`); ok && filepath.Base(path) == program {
			return true
		}
	}
	return false
}

// Execs runs argv in dir with environ, and interrupts it after limit, if that is more than 0. scratch is a
// directory in RAM, for the environments stand in what strace writes.
func Execs(ctx context.Context, scratch, dir string, environ []string, limit time.Duration, argv ...string) (Run, error) {
	argv = slices.Clone(argv)
	trace, err := os.CreateTemp(scratch, "trace")
	if err != nil {
		return Run{}, err
	}
	defer os.Remove(trace.Name())
	defer trace.Close()
	if argv[0], err = exec.LookPath(argv[0]); err != nil {
		return Run{}, err
	}
	words := []string{"-f", "--seccomp-bpf", "-v", "-s", "10000", "-e", "trace=execve", "-o", trace.Name()}
	if limit > 0 {
		words = append(words, "timeout", "--signal=INT", "--kill-after=30", strconv.FormatFloat(limit.Seconds(), 'f', 1, 64))
	}
	cmd := exec.CommandContext(ctx, "strace", append(words, argv...)...)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, environ, &out, &out
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		return Run{}, err
	}
	data, err := os.ReadFile(trace.Name())
	if err != nil {
		return Run{}, err
	}
	r, own := Run{Code: cmd.ProcessState.ExitCode(), Output: out.String()}, false
	for line := range strings.Lines(string(data)) {
		switch {
		case !strings.Contains(line, "execve("):
		case own:
			r.Execs = append(r.Execs, line)
		default: // with what the test gives; those before it are those of timeout
			own = strings.Contains(line, "execve("+strconv.Quote(argv[0]))
		}
	}
	if !own {
		return r, fmt.Errorf("strace saw nothing of %q: %s", argv, r.Output)
	}
	return r, nil
}
