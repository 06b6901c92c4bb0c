package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/migrate"
)

// checkCommitted refuses files with uncommitted changes, which could not be
// told from what migrate does. Without git there is nothing to check.
func (s *session) checkCommitted(ctx context.Context, changes []migrate.Change) error {
	var errs []error
	for i := range changes {
		c := &changes[i]
		if c.Old == nil {
			continue
		}
		g, name, err := s.gitOf(ctx, c.Path)
		if err != nil {
			continue
		}
		out, err := g.command(ctx, "status", "--porcelain", "--ignore-submodules=all", "--", name).Output()
		if err == nil && len(bytes.TrimSpace(out)) > 0 && !bytes.HasPrefix(out, []byte("??")) {
			errs = append(errs, fmt.Errorf("%s has uncommitted changes; commit them, or use --force", c.Shown))
		}
	}
	return errors.Join(errs...)
}

// committed names the values that some commit holds: git keeps them whatever
// the files say now.
func (s *session) committed(ctx context.Context, p *migrate.Plan) []string {
	var found []string
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Old == nil {
			continue
		}
		s.eachVersion(ctx, c.Path, func(data []byte) {
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
func (s *session) eachVersion(ctx context.Context, path string, visit func([]byte)) {
	g, name, err := s.gitOf(ctx, path)
	if err != nil {
		return
	}
	out, err := g.command(ctx, "rev-list", "--all", "--", name).Output()
	if err != nil || len(out) == 0 {
		return
	}
	var asked strings.Builder
	for _, commit := range strings.Fields(string(out)) {
		asked.WriteString(commit + ":" + name + "\n")
	}
	cmd := g.command(ctx, "cat-file", "--batch")
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
