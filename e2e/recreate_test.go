//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// changeProject has services that use one value, the other, or both. Only one
// that uses both depends on others: docker compose recreates what depends on a
// recreated service of its own accord.
const changeProject = `
x-service: &service
  image: ` + busyboxImage + `
  pull_policy: never
  command: ["sleep", "1000"]
  stop_signal: SIGKILL
services:
  first:
    <<: *service
    environment: {FIRST_TOKEN: "${FIRST_TOKEN}"}
  both:
    <<: *service
    environment: {FIRST_TOKEN: "${FIRST_TOKEN}", SECOND_TOKEN: "${SECOND_TOKEN}"}
    depends_on: [first, second]
  second:
    <<: *service
    secrets: [second]
  neither:
    <<: *service
secrets:
  second: {environment: SECOND_TOKEN}
`

// TestRecreateWhatChanged edits one value at a time, and empties the store as
// a reboot does.
func TestRecreateWhatChanged(t *testing.T) {
	t.Parallel()
	p := newProject(t, changeProject)
	first, second := randomWord(), randomWord()
	up := func() []string {
		t.Helper()
		before := p.inspect()
		p.secrets("FIRST_TOKEN="+first, "SECOND_TOKEN="+second) // encrypted anew each time
		p.must("up", "-d")
		return recreated(before, p.inspect())
	}
	expect := func(what string, got []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s recreates (-want +got):\n%s", what, diff)
		}
	}
	expect("the first up", up(), "both", "first", "neither", "second")
	expect("up with nothing changed", up())
	first = randomWord()
	expect("up with another FIRST_TOKEN", up(), "both", "first")
	after := p.inspect()
	if !after["first"].State.StartedAt.Before(after["both"].State.StartedAt) {
		t.Error("both started before first, which it depends on")
	}
	second = randomWord()
	expect("up with another SECOND_TOKEN", up(), "both", "second")
	expect("up after that", up())
	for service, want := range map[string]string{"first": first, "both": first} {
		if got := processEnv(t, p.inspect()[service].State.Pid)["FIRST_TOKEN"]; got != want {
			t.Errorf("%s does not run with the new FIRST_TOKEN", service)
		}
	}
	p.checkMarkers(first, second)

	p.must("stop", "--timeout", "0")
	p.emptyStore()
	expect("up after the store was emptied", up())
	for service, c := range p.inspect() {
		if c.State.Status != "running" {
			t.Errorf("%s is %s after the store was emptied, want running", service, c.State.Status)
		}
	}
	p.must("stop", "--timeout", "0")
	p.emptyStore()
	second = randomWord()
	if got := up(); slices.Contains(got, "neither") {
		t.Errorf("another value after a reboot recreates a service without one: %q", got)
	}
	if got := p.exec("second", "cat", "/run/secrets/second"); got != second {
		t.Error("second has the old value after the store was emptied and the value changed")
	}
}

// recreated are the services whose container is another one.
func recreated(before, after map[string]container) []string {
	var names []string
	for service, c := range after {
		if before[service].ID != c.ID {
			names = append(names, service)
		}
	}
	slices.Sort(names)
	return names
}

// checkMarkers wants a plain counter as the marker of each service: nothing to
// guess a value from.
func (p *project) checkMarkers(values ...string) {
	p.t.Helper()
	const prefix = "io.compose-secure.version."
	markers := 0
	for service, c := range p.inspect() {
		for name, value := range c.Config.Labels {
			if _, ok := strings.CutPrefix(name, prefix); ok {
				markers++
				if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 100 {
					p.t.Errorf("%s: label %s is %q, want a small counter", service, name, value)
				}
			} else if strings.HasPrefix(name, "io.compose-secure.") && name != "io.compose-secure.test" { // the latter is of scripts/images
				p.t.Errorf("%s has the label %s, which nobody has checked for what it tells", service, name)
			}
			for _, v := range values {
				if form := (sentinel{forms: map[string][]byte{"plain": []byte(v)}}).in([]byte(value)); form != "" {
					p.t.Errorf("%s: label %s holds a value", service, name)
				}
			}
		}
	}
	if markers == 0 {
		p.t.Error("no service has a marker")
	}
}

// emptyStore does what a reboot does to the project's files, while no container runs.
func (p *project) emptyStore() {
	p.t.Helper()
	names := p.stored()
	if len(names) == 0 {
		p.t.Error("the store was empty before it was emptied")
	}
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(p.storeDir(), name)); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := os.Remove(p.storeDir()); err != nil {
		p.t.Fatal(err)
	}
}
