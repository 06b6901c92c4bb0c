package sops_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getsops/sops/v3/keys"

	"github.com/compose-secure/compose-secure/sops"
)

// benchDir names the folder whose files TestDecryptInProcess decrypts.
const benchDir = "COMPOSE_SECURE_BENCH_DIR"

// BenchmarkTwentyFiles compares whole processes side by side: one process of
// this package that decrypts 20 files of 10 values, and the sops command run
// once per file. It reports the ratio, which must stay at or under 0.15.
func BenchmarkTwentyFiles(b *testing.B) {
	r := recipe{format: sops.YAML, keys: []keys.MasterKey{ageHome(b)}}
	dir := b.TempDir()
	var paths []string
	for i := range 20 {
		var doc strings.Builder
		for j := range 10 {
			fmt.Fprintf(&doc, "key_%d: value %d of %d\n", j, j, i)
		}
		path := filepath.Join(dir, fmt.Sprintf("secrets%d.yaml", i))
		write(b, path, r.encrypt(b, doc.String()))
		paths = append(paths, path)
	}
	command := filepath.Join(b.TempDir(), "sops")
	run(b, exec.Command("go", "build", "-o", command, "github.com/getsops/sops/v3/cmd/sops"))
	b.Setenv(benchDir, dir)
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		run(b, exec.Command(os.Args[0], "-test.run=^TestDecryptInProcess$"))
		ours += time.Since(start)
		start = time.Now()
		for _, path := range paths {
			run(b, exec.Command(command, "decrypt", path))
		}
		theirs += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
	b.ReportMetric(float64(ours.Milliseconds())/float64(b.N), "ours-ms/op")
	b.ReportMetric(float64(theirs.Milliseconds())/float64(b.N), "sops-ms/op")
}

func run(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// TestDecryptInProcess is the process that the benchmark measures. Outside of
// the benchmark there is nothing in its folder.
func TestDecryptInProcess(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(os.Getenv(benchDir), "secrets*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := sops.NewCache("")
	var files []*sops.File
	for _, path := range paths {
		f, err := c.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if err := c.DecryptAll(context.Background(), files...); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		plain, err := f.Decrypt(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := plain.Lookup([]string{"key_9"}); !ok {
			t.Errorf("%s: a value is missing", f.Path())
		}
	}
}

// BenchmarkInspectPlain shows that a file without SOPS values costs nothing
// beyond one search through it.
func BenchmarkInspectPlain(b *testing.B) {
	data := []byte(strings.Repeat("DB_HOST=db.local\n", 10_000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if f, err := sops.Inspect("plain.env", data); f != nil || err != nil {
			b.Fatal(f, err)
		}
	}
}
