package command

import (
	"bytes"
	"fmt"
	"testing"
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
