package swarm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/subprocess"
)

// Docker is the docker command, which does the part of a deploy that it
// already does well.
type Docker struct {
	Path           string
	Env            []string
	Stdout, Stderr io.Writer
	// NoPrestart says that docker stack deploy is started when its model is complete, and not ahead.
	NoPrestart bool
}

// deployment is a docker stack deploy that runs and waits for its model.
type deployment struct {
	run   *dockercli.Prestart
	lines *lastLines
}

// begin starts docker stack deploy ahead of time: it gets ready while the versions are chosen. finish or abort ends it.
func (d Docker) begin(ctx context.Context, stack string, flags []string) (*deployment, error) {
	args := append([]string{"stack", "deploy", "--compose-file", "-"}, flags...)
	cmd, lines := subprocess.Command(ctx, d.Env, d.Path, append(args, stack)...), &lastLines{to: d.Stderr}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = d.Stdout, lines, dockercli.DieWithUs()
	run, err := dockercli.Start(cmd, !d.NoPrestart)
	if err != nil {
		return nil, fmt.Errorf("run docker stack deploy: %w", err)
	}
	return &deployment{run, lines}, nil
}

// abort ends a docker stack deploy that got no model.
func (p *deployment) abort() { p.run.Abort() }

// finish hands the model over and waits for the end. The error is the last line
// that docker wrote.
func (p *deployment) finish(model []byte) error {
	writeErr, err := p.run.Resume(model)
	if err == nil && writeErr == nil {
		return p.lines.flush()
	}
	text := p.lines.last()
	switch {
	case strings.Contains(text, "out of sequence"):
		return &ConflictError{What: "a service of the stack"}
	case strings.Contains(text, "not a swarm manager"):
		return ErrNoManager
	case text != "":
		return errors.New("docker stack deploy: " + text)
	case err == nil:
		err = writeErr
	}
	return fmt.Errorf("docker stack deploy: %w", err)
}

// remove runs docker stack rm.
func (d Docker) remove(ctx context.Context, stack string) error {
	lines := &lastLines{to: d.Stderr}
	cmd := subprocess.Command(ctx, d.Env, d.Path, "stack", "rm", stack)
	cmd.Stdout, cmd.Stderr = d.Stdout, lines
	if err := cmd.Run(); err != nil {
		if text := lines.last(); text != "" {
			return errors.New("docker stack rm: " + text)
		}
		return fmt.Errorf("docker stack rm: %w", err)
	}
	return lines.flush()
}

// lastLines passes text on, save the last line, which may become an error.
type lastLines struct {
	to   io.Writer
	held []byte
}

// Write implements io.Writer.
func (l *lastLines) Write(p []byte) (int, error) {
	l.held = append(l.held, p...)
	if i := bytes.LastIndexByte(bytes.TrimRight(l.held, "\n"), '\n'); i >= 0 {
		if l.to != nil {
			for line := range bytes.Lines(l.held[:i+1]) {
				if bytes.Contains(line, []byte("--detach=false")) {
					continue // docker's advice on a flag; the waiting is done here
				}
				if _, err := l.to.Write(line); err != nil {
					return 0, err
				}
			}
		}
		l.held = append([]byte(nil), l.held[i+1:]...)
	}
	return len(p), nil
}

// flush passes the last line on as well: it is no error.
func (l *lastLines) flush() error {
	if l.to == nil || len(l.held) == 0 {
		return nil
	}
	_, err := l.to.Write(l.held)
	return err
}

func (l *lastLines) last() string { return strings.TrimSpace(string(l.held)) }
