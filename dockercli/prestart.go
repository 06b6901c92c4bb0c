package dockercli

import (
	"errors"
	"io"
	"os/exec"
	"runtime"
)

// PrestartVariable switches starting ahead off when it is "off": each program is then started when its input is known.
const PrestartVariable = "COMPOSE_SECURE_PRESTART"

// Prestart is a program that is started before its standard input is known, so that it gets ready meanwhile. It does
// nothing before it has read all of that. The goroutine that calls Start must call Resume or Abort: its thread is the
// parent that Pdeathsig means, see [DieWithUs].
type Prestart struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser // nil when it starts in Resume
}

// Start starts a program ahead, or notes it for Resume when ahead is false. The error is that of the start.
func Start(cmd *exec.Cmd, ahead bool) (*Prestart, error) {
	p := &Prestart{cmd: cmd}
	if !ahead {
		return p, nil
	}
	return p, p.start()
}

func (p *Prestart) start() (err error) {
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := p.cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	return nil
}

// Resume hands the input over and waits for the end. written is why it could not be handed over, wait how the program
// ended.
func (p *Prestart) Resume(input []byte) (written, wait error) {
	if p.stdin == nil {
		if err := p.start(); err != nil {
			return nil, err
		}
	}
	defer runtime.UnlockOSThread()
	_, err := p.stdin.Write(input)
	written = errors.Join(err, p.stdin.Close())
	return written, p.cmd.Wait()
}

// Abort ends a program that got no input.
func (p *Prestart) Abort() {
	if p.stdin == nil {
		return
	}
	defer runtime.UnlockOSThread()
	_ = p.cmd.Process.Kill() // it may have ended by itself
	_ = p.stdin.Close()
	_ = p.cmd.Wait()
}
