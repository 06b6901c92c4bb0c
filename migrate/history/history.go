// Package history asks git what it keeps of the files that migrate edits: uncommitted changes, and old values in commits. It
// runs git without the programs that a repository's configuration names, and with no key in its environment.
package history

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/migrate"
)

// History is what git says about the files that migrate edits.
type History struct {
	uncommitted []string          // files, as they are shown
	committed   []string          // names of values that some commit holds
	partial     []string          // roots of work trees that have a part of their commits alone
	silent      map[string]string // root of a work tree that could not be asked, and why
}

// Of asks git about the files of a plan. A file in no work tree has no history; a work tree that cannot be asked may have any.
func Of(ctx context.Context, environ []string, p *migrate.Plan) (*History, error) {
	h := &History{silent: map[string]string{}}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Old == nil {
			continue
		}
		g, name, err := gitOf(ctx, environ, c.Path)
		if errors.Is(err, errNoWorkTree) {
			continue
		}
		if err == nil {
			err = h.ask(ctx, g, name, c, p)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			if g == nil {
				return nil, err
			}
			h.silent[g.root] = whyGit(err)
		}
	}
	slices.Sort(h.committed)
	return h, nil
}

func (h *History) ask(ctx context.Context, g *git, name string, c *migrate.Change, p *migrate.Plan) error {
	out, err := g.command(ctx, "status", "--porcelain", "--ignore-submodules=all", "--", name).Output()
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(out)) > 0 && !bytes.HasPrefix(out, []byte("??")) {
		h.uncommitted = append(h.uncommitted, c.Shown)
	}
	out, err = g.command(ctx, "rev-parse", "--is-shallow-repository").Output()
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(out)) != "false" && !slices.Contains(h.partial, g.root) {
		h.partial = append(h.partial, g.root)
	}
	return g.eachVersion(ctx, name, func(data []byte) {
		for _, st := range p.Stores {
			for _, v := range st.Values {
				if !slices.Contains(h.committed, v.Name) && v.StoodIn(data) {
					h.committed = append(h.committed, v.Name)
				}
			}
		}
	})
}

// Refuse tells what needs --force: uncommitted changes, which could not be told from what
// migrate does, and a work tree of which nothing is known.
func (h *History) Refuse() error {
	var errs []error
	for _, name := range h.uncommitted {
		errs = append(errs, fmt.Errorf("%s has uncommitted changes; commit them, or use --force", name))
	}
	for _, line := range h.unasked() {
		errs = append(errs, fmt.Errorf("%s, or use --force and rotate what was ever committed", line))
	}
	return errors.Join(errs...)
}

func (h *History) unasked() []string {
	var lines []string
	for root, why := range h.silent {
		lines = append(lines, fmt.Sprintf("git cannot be asked what the work tree %q has committed (%s); have git answer there", root, why))
	}
	slices.Sort(lines)
	return lines
}

// Rotate are the lines that say what git keeps, whatever the files say now.
func (h *History) Rotate() []string {
	var lines []string
	if len(h.committed) > 0 {
		lines = append(lines, "git keeps the old values; rotate: "+strings.Join(h.committed, ", "))
	}
	for _, root := range h.partial {
		lines = append(lines, fmt.Sprintf("git has only a part of the history of %q here; rotate what was ever committed", root))
	}
	for _, line := range h.unasked() {
		lines = append(lines, line+"; rotate what was ever committed")
	}
	return lines
}

// whyGit is what git said, which is about paths and settings, or why it did not run.
func whyGit(err error) string {
	text := err.Error()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		said, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n")
		text = cmp.Or(strings.TrimPrefix(said, "fatal: "), text)
	}
	if errors.Is(err, exec.ErrNotFound) {
		text = "there is no git command"
	}
	return text
}

// eachVersion visits every version of a file that any branch has.
func (g *git) eachVersion(ctx context.Context, name string, visit func([]byte)) (err error) {
	out, err := g.command(ctx, "rev-list", "--all", "--", name).Output()
	if err != nil || len(out) == 0 {
		return err
	}
	var asked strings.Builder
	for _, commit := range strings.Fields(string(out)) {
		asked.WriteString(commit + ":" + name + "\n")
	}
	cmd := g.command(ctx, "cat-file", "--batch")
	cmd.Stdin = strings.NewReader(asked.String())
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_, _ = io.Copy(io.Discard, pipe) // what is left after an error
		err = errors.Join(err, cmd.Wait())
	}()
	r := bufio.NewReader(pipe)
	for {
		head, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var id, kind string
		var size int64
		if n, _ := fmt.Sscan(head, &id, &kind, &size); n != 3 {
			continue // the commit that deleted it
		}
		data, err := io.ReadAll(io.LimitReader(r, size+1))
		if err != nil {
			return err
		}
		visit(data)
	}
}
