package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/sops"
)

// storeProgram is this test binary as a process that does with a SOPS file what rotate does: REFERENCE VALUE.
const storeProgram = "store-one"

func storeOne() {
	ref, err := secret.ParseRef(os.Args[1])
	if err == nil {
		_, err = sops.NewSource(sops.NewCache("")).Write(context.Background(), map[string]secret.Value{ref.ID(): secret.NewValue([]byte(os.Args[2]))}, []secret.Ref{ref})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailed)
	}
	os.Exit(exitOK)
}

// TestRotateAndMigrateAtOnce: of a rotation and a migration that write to one SOPS file at once, neither loses what the other
// was told is stored; who is told that it did not work has changed nothing.
func TestRotateAndMigrateAtOnce(t *testing.T) {
	rounds := 100
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir, home := t.TempDir(), t.TempDir()
	file := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("SOPS_AGE_KEY_FILE", filepath.Join(home, "key.txt"))
	file(filepath.Join(home, "key.txt"), id.String()+"\n")
	store, source := filepath.Join(dir, "secrets.enc.yaml"), filepath.Join(dir, "compose.yaml")
	data, err := sops.Extend(store, nil, []sops.Added{{Name: "A_TOKEN", Value: secret.NewValue([]byte("a0"))}}, sops.For{Age: []string{id.Recipient().String()}})
	if err != nil {
		t.Fatal(err)
	}
	file(store, string(data))
	want := map[string]string{"A_TOKEN": "a0"}
	start := func(args ...string) (wait func() (code int, output string)) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Args, cmd.Dir = args, dir
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return func() (int, string) {
			err := cmd.Wait()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			return cmd.ProcessState.ExitCode(), out.String()
		}
	}
	told := 0
	for round := 1; round <= rounds; round++ {
		name, value := fmt.Sprintf("N%d_TOKEN", round), fmt.Sprintf("m%d", round)
		text := fmt.Sprintf("x-compose-secure: {sops: [secrets.enc.yaml]}\nservices:\n  a:\n    image: x\n    environment:\n      %s: %s\n", name, value)
		file(source, text)
		rotate := start(storeProgram, "ref+sops://"+store+"#/A_TOKEN", fmt.Sprintf("a%d", round))
		migrate := start("compose-secure", "migrate", "--write")
		if code, out := rotate(); code == 0 {
			want["A_TOKEN"] = fmt.Sprintf("a%d", round)
		} else {
			t.Fatalf("round %d: a rotation waits, and reads what is there then: %s", round, out)
		}
		code, out := migrate()
		left, err := os.ReadFile(source)
		switch {
		case err != nil:
			t.Fatal(err)
		case code == 0:
			want[name] = value
			if strings.Contains(string(left), value) {
				t.Fatalf("round %d: the value is left in the compose file", round)
			}
		case code == exitFailed && strings.Contains(out, "changed by somebody else"):
			told++
			if string(left) != text {
				t.Fatalf("round %d: migrate gave up, and changed the compose file", round)
			}
		default:
			t.Fatalf("round %d: migrate: exit %d: %s", round, code, out)
		}
		checkStored(t, store, want)
	}
	t.Logf("%d of %d migrations were told to run again", told, rounds)
	if told == rounds {
		t.Error("no migration had a turn")
	}
}

// checkStored compares what a SOPS file holds.
func checkStored(t *testing.T, path string, want map[string]string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := sops.Inspect(path, data)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := f.Decrypt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := len(f.Entries()); got != len(want) {
		t.Errorf("the file has %d values, want %d", got, len(want))
	}
	for name, value := range want {
		if got, ok := plain.Lookup([]string{name}); !ok || string(got.Reveal()) != value {
			t.Fatalf("%s is lost", name)
		}
	}
}
