package sops_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/sops"
)

// writerDir makes this test binary a process that writes: for each line REF VALUE of
// its input it stores the value, and answers "ok" or "told".
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
		text, value, _ := strings.Cut(lines.Text(), " ")
		ref, err := secret.ParseRef(text)
		if err == nil {
			_, err = sops.NewSource(sops.NewCache(dir)).Write(context.Background(),
				map[string]secret.Value{ref.ID(): secret.NewValue([]byte(value))}, []secret.Ref{ref})
		}
		answer := "ok"
		if err != nil {
			answer = "told: " + err.Error()
		}
		fmt.Println(answer)
	}
	return 0
}

// writerProcess is another process that writes below a directory.
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

// TestWriteTwoProcesses: of two processes that store values in one file at once, neither
// loses what the other was told is stored.
func TestWriteTwoProcesses(t *testing.T) {
	dir, _ := writeCase(t, "a.yaml", "a: a0\nb: b0\n", sops.YAML)
	names := []string{"a", "b"}
	writers := []*writerProcess{startWriter(t, dir), startWriter(t, dir)}
	want := map[string]string{"a": "a0", "b": "b0"}
	told := 0
	for round := 1; round <= 100; round++ {
		for i, w := range writers {
			if _, err := fmt.Fprintf(w.in, "ref+sops://a.yaml#/%s %s%d\n", names[i], names[i], round); err != nil {
				t.Fatal(err)
			}
		}
		for i, w := range writers {
			if !w.out.Scan() {
				t.Fatal("a writer ended")
			}
			if w.out.Text() == "ok" {
				want[names[i]] = fmt.Sprintf("%s%d", names[i], round)
			} else {
				told++
				t.Logf("round %d: %s", round, w.out.Text())
			}
		}
		got := map[string]string{}
		for _, name := range names {
			values, err := sops.NewSource(sops.NewCache(dir)).Resolve(t.Context(), []secret.Ref{mustRef(t, "ref+sops://a.yaml#/"+name)})
			if err != nil {
				t.Fatal(err)
			}
			got[name] = string(values[0].Reveal())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d: a value is lost (-want +got):\n%s", round, diff)
		}
	}
	if told > 0 {
		t.Errorf("%d of 200 writers gave up; they should have waited", told)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the directory holds %v", entries)
	}
}

// TestRestoreBesideOthers: a value goes back although another one of the file was changed since, which stays.
func TestRestoreBesideOthers(t *testing.T) {
	tests := map[string]struct {
		then string // is written between
		want map[string]string
		errs bool
	}{
		"another value":  {"b", map[string]string{"a": "a0", "b": "later"}, false},
		"the same value": {"a", map[string]string{"a": "later", "b": "b0"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir, _ := writeCase(t, "a.yaml", "a: a0\nb: b0\n", sops.YAML)
			write := func(name, value string) func() error {
				ref := mustRef(t, "ref+sops://a.yaml#/"+name)
				restore, err := sops.NewSource(sops.NewCache(dir)).Write(t.Context(),
					map[string]secret.Value{ref.ID(): secret.NewValue([]byte(value))}, []secret.Ref{ref})
				if err != nil {
					t.Fatal(err)
				}
				return restore
			}
			restore := write("a", "a1")
			write(tt.then, "later")
			if err := restore(); (err != nil) != tt.errs {
				t.Errorf("error %v", err)
			}
			for name, want := range tt.want {
				values, err := sops.NewSource(sops.NewCache(dir)).Resolve(t.Context(), []secret.Ref{mustRef(t, "ref+sops://a.yaml#/"+name)})
				if err != nil {
					t.Fatal(err)
				}
				if got := string(values[0].Reveal()); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}
