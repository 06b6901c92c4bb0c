package dockercli

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// A program that is started ahead gets its input when that is known, or ends without it.
func TestPrestart(t *testing.T) {
	for _, ahead := range []bool{true, false} {
		t.Run(fmt.Sprintf("ahead %v", ahead), func(t *testing.T) {
			var out bytes.Buffer
			cmd := exec.Command("cat")
			cmd.Stdout = &out
			p, err := Start(cmd, ahead)
			if err != nil {
				t.Fatal(err)
			}
			if started := cmd.Process != nil; started != ahead {
				t.Fatalf("started is %v", started)
			}
			if written, err := p.Resume([]byte("model")); written != nil || err != nil {
				t.Fatal(written, err)
			}
			if out.String() != "model" {
				t.Errorf("it read %q", out.String())
			}

			cmd = exec.Command("sh", "-c", "cat; echo it went on")
			out.Reset()
			cmd.Stdout = &out
			if p, err = Start(cmd, ahead); err != nil {
				t.Fatal(err)
			}
			p.Abort()
			if out.Len() > 0 {
				t.Errorf("it went on without its input: %q", out.String())
			}

			if p, err = Start(exec.Command("sh", "-c", "exec <&-; exit 3"), ahead); err != nil {
				t.Fatal(err)
			}
			written, err := p.Resume([]byte(strings.Repeat("model", 100_000)))
			if err == nil || err.Error() != "exit status 3" {
				t.Errorf("it ended with %v", err)
			}
			if written == nil {
				t.Error("nothing says that it did not read its input")
			}
		})
	}
	if _, err := Start(exec.Command("/no/such/program"), true); err == nil {
		t.Error("a program that is not there is started ahead")
	}
	p, err := Start(exec.Command("/no/such/program"), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Resume(nil); err == nil {
		t.Error("a program that is not there is started")
	}
}
