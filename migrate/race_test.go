package migrate_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/migrate"
)

// writerDir makes this test binary a process that writes: for each NAME of its input it adds
// the line NAME to the files a and b of the directory, as migrate does, and answers "ok" or why not.
const writerDir = "COMPOSE_SECURE_TEST_WRITER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		os.Exit(writeLines(dir))
	}
	os.Exit(m.Run())
}

func writeLines(dir string) int {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer := "ok"
		if err := addLine(dir, lines.Text()); err != nil {
			answer = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		fmt.Println(answer)
	}
	return 0
}

func addLine(dir, line string) error {
	var changes []migrate.Change
	for _, name := range []string{"a", "b"} {
		path := filepath.Join(dir, name)
		old, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		changes = append(changes, migrate.Change{Path: path, Shown: name, Old: old, New: append(old[:len(old):len(old)], line+"\n"...)})
	}
	return migrate.Write(context.Background(), changes)
}

type writerProcess struct {
	in  io.Writer
	out *bufio.Scanner
}

func startWriter(t *testing.T, dir string) *writerProcess {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return &writerProcess{in, bufio.NewScanner(out)}
}

// TestWriteTwoProcesses: of two processes that change the same files at once, one may be told to run again, but what the other
// wrote is never lost, and the files never differ.
func TestWriteTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	writers := []*writerProcess{startWriter(t, dir), startWriter(t, dir)}
	stored := map[string]bool{}
	told := 0
	for round := 1; round <= 100; round++ {
		lines := []string{fmt.Sprintf("x%d", round), fmt.Sprintf("y%d", round)}
		for i, w := range writers {
			if _, err := fmt.Fprintln(w.in, lines[i]); err != nil {
				t.Fatal(err)
			}
		}
		for i, w := range writers {
			if !w.out.Scan() {
				t.Fatal("a writer ended")
			}
			switch text := w.out.Text(); {
			case text == "ok":
				stored[lines[i]] = true
			case strings.Contains(text, "changed by somebody else"):
				told++
			default:
				t.Fatal(text)
			}
		}
		a, err := os.ReadFile(filepath.Join(dir, "a"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, "b"))
		if err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Fatalf("round %d: the files differ", round)
		}
		if got := strings.Fields(string(a)); len(got) != len(stored) {
			t.Fatalf("round %d: %d lines are stored, %d were acknowledged", round, len(got), len(stored))
		}
	}
	if len(stored) < 100 {
		t.Errorf("%d of 200 writes succeeded, one of each pair should", len(stored))
	}
	t.Logf("%d told to run again", told)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("the directory holds %v", entries)
	}
}
