package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/compose-secure/compose-secure/deliver"
)

// Whatever a command prints through its session cannot command a terminal, however it is printed.
func TestSessionEscapes(t *testing.T) {
	var out, errs bytes.Buffer
	s := newSession(Env{Stdout: &out, Stderr: &errs})
	_, _ = fmt.Fprint(s.Stdout, "a\x1b[31m\u202e\r\n")
	_, _ = fmt.Fprint(s.Stderr, "a\x1b[31m\u202e\r\n")
	s.log.Warn("a\x1b]0;x\a")
	const want = `a\u001b[31m\u202e\u000d` + "\n"
	if out.String() != want || errs.String() != want+`compose-secure: warning: a\u001b]0;x\u0007`+"\n" {
		t.Errorf("stdout %q, stderr %q", out.String(), errs.String())
	}
}

// That nothing was left behind is said only when clean-up did not fail.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted{syscall.SIGTERM})
	busy := &deliver.CleanupError{Project: "shop", Err: errors.New("busy")}
	for want, err := range map[string]error{
		"compose-secure: interrupted; nothing was left behind\n":                                            interrupted{syscall.SIGTERM},
		"compose-secure: interrupted\ncompose-secure: cleaning up: busy; run compose-secure -p shop down\n": errors.Join(interrupted{syscall.SIGTERM}, busy),
	} {
		var errs bytes.Buffer
		s := newSession(Env{Stdout: &errs, Stderr: &errs})
		if code := s.finish(ctx, err); code != 143 {
			t.Errorf("code %d", code)
		}
		if errs.String() != want {
			t.Errorf("said %q, want %q", errs.String(), want)
		}
	}
	var errs bytes.Buffer
	if newSession(Env{Stderr: &errs}).finish(t.Context(), busy); !strings.Contains(errs.String(), "cleaning up: busy") {
		t.Errorf("said %q", errs.String())
	}
}
