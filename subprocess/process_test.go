package subprocess_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/compose-secure/compose-secure/subprocess"
)

// TestLender: calls of different kinds never see the variables of each other, and in the end all are there.
func TestLender(t *testing.T) {
	kinds := []string{"ONE", "TWO", "THREE"}
	for _, kind := range kinds {
		t.Setenv("LENDER_"+kind, "value of "+kind)
	}
	var l subprocess.Lender
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			kind := kinds[i%3]
			l.Lend(kind, map[string]string{"LENDER_SET": kind}, func(name, value string) (string, bool) {
				return strings.TrimPrefix(value, "value of "), !strings.HasPrefix(name, "LENDER_") || name == "LENDER_"+kind
			}, func() {
				for _, name := range kinds {
					want := ""
					if name == kind {
						want = kind
					}
					if got := os.Getenv("LENDER_" + name); got != want {
						t.Errorf("%s sees %q in LENDER_%s, want %q", kind, got, name, want)
					}
					if got := l.Getenv("LENDER_" + name); got != "value of "+name {
						t.Errorf("Getenv sees %q in LENDER_%s", got, name)
					}
				}
			})
		})
	}
	wg.Wait()
	for _, kind := range kinds {
		if got := os.Getenv("LENDER_" + kind); got != "value of "+kind {
			t.Errorf("LENDER_%s is %q in the end", kind, got)
		}
	}
}

// TestReduce leaves what children and libraries need.
func TestReduce(t *testing.T) {
	for _, kv := range os.Environ() {
		if name, value, _ := strings.Cut(kv, "="); name != "" {
			t.Setenv(name, value) // puts it back in the end
		}
	}
	for _, name := range []string{"DB_PASSWORD", "COPY", "AWS_PROFILE", "SOPS_AGE_KEY", "LC_ALL"} {
		t.Setenv(name, "x")
	}
	subprocess.Reduce()
	for name, want := range map[string]bool{"DB_PASSWORD": false, "COPY": false, "AWS_PROFILE": true, "SOPS_AGE_KEY": true, "LC_ALL": true, "PATH": true} {
		if _, got := os.LookupEnv(name); got != want {
			t.Errorf("%s is there: %t, want %t", name, got, want)
		}
	}
}
