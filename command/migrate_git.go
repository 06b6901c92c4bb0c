package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/migrate"
)

// git runs git in the directory of a file. Arguments are names, never values.
func git(ctx context.Context, path string, stdin io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", filepath.Dir(path)}, args...)...)
	cmd.Stdin = stdin
	return cmd.Output()
}

// checkCommitted refuses files with uncommitted changes, which could not be
// told from what migrate does. Without git there is nothing to check.
func checkCommitted(ctx context.Context, changes []migrate.Change) error {
	var errs []error
	for i := range changes {
		c := &changes[i]
		if c.Old == nil {
			continue
		}
		out, err := git(ctx, c.Path, nil, "status", "--porcelain", "--", filepath.Base(c.Path))
		if err == nil && len(bytes.TrimSpace(out)) > 0 && !bytes.HasPrefix(out, []byte("??")) {
			errs = append(errs, fmt.Errorf("%s has uncommitted changes; commit them, or use --force", c.Shown))
		}
	}
	return errors.Join(errs...)
}

// committed names the values that some commit holds: git keeps them whatever
// the files say now.
func committed(ctx context.Context, p *migrate.Plan) []string {
	var found []string
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Old == nil {
			continue
		}
		eachVersion(ctx, c.Path, func(data []byte) {
			for _, st := range p.Stores {
				for _, v := range st.Values {
					if !slices.Contains(found, v.Name) && v.StoodIn(data) {
						found = append(found, v.Name)
					}
				}
			}
		})
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return []string{"git keeps the old values; rotate: " + strings.Join(found, ", ")}
}

// eachVersion visits every version of a file that any branch has.
func eachVersion(ctx context.Context, path string, visit func([]byte)) {
	name := filepath.Base(path)
	out, err := git(ctx, path, nil, "log", "--all", "--format=%H", "--", name)
	if err != nil || len(out) == 0 {
		return
	}
	var asked strings.Builder
	for _, commit := range strings.Fields(string(out)) {
		asked.WriteString(commit + ":./" + name + "\n")
	}
	cmd := exec.CommandContext(ctx, "git", "-C", filepath.Dir(path), "cat-file", "--batch")
	cmd.Stdin = strings.NewReader(asked.String())
	pipe, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return
	}
	r := bufio.NewReader(pipe)
	for {
		head, err := r.ReadString('\n')
		if err != nil {
			break
		}
		var id, kind string
		var size int64
		if n, _ := fmt.Sscan(head, &id, &kind, &size); n != 3 {
			continue // the commit that deleted it
		}
		data, err := io.ReadAll(io.LimitReader(r, size+1))
		if err != nil {
			break
		}
		visit(data)
	}
	_, _ = io.Copy(io.Discard, r)
	_ = cmd.Wait() // what it said was enough
}
