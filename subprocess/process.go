package subprocess

import (
	"os"
	"strings"
	"sync"
)

// Reduce takes every variable of class [Other] out of the environment of this process, where
// libraries would hand it to the programs that they start. What the tool itself needs it has
// read before.
func Reduce() {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); name != "" && Classify(name) == Other {
			_ = os.Unsetenv(name) // a name that is set can be unset
		}
	}
}

// Lender gives the environment of this process to one kind of library call at a time, since a library starts
// programs with all of it. Calls of the same kind run side by side. The zero value is ready. There is one environment,
// so there must be one Lender.
type Lender struct {
	mu     sync.Mutex
	free   sync.Cond
	kind   string
	inside int
	kept   map[string]string // what was there before, by name
	added  []string          // what was not
}

// Lend calls do while the environment has only what edit returns for each variable: its value, and whether it
// stays, and what set adds. Both must be the same for the same kind.
func (l *Lender) Lend(kind string, set map[string]string, edit func(name, value string) (string, bool), do func()) {
	l.enter(kind, set, edit)
	defer l.leave()
	do()
}

func (l *Lender) enter(kind string, set map[string]string, edit func(name, value string) (string, bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free.L = &l.mu
	for l.inside > 0 && l.kind != kind {
		l.free.Wait()
	}
	l.inside++
	if l.inside > 1 {
		return
	}
	l.kind, l.kept = kind, map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		if name == "" {
			continue
		}
		edited, stays := edit(name, value)
		switch {
		case !stays:
			_ = os.Unsetenv(name) // a name that is set can be unset
		case edited != value:
			_ = os.Setenv(name, edited) // as can it be set
		default:
			continue
		}
		l.kept[name] = value
	}
	l.added = nil
	for name, value := range set {
		if old, was := os.LookupEnv(name); was {
			l.kept[name] = old
		} else {
			l.added = append(l.added, name)
		}
		_ = os.Setenv(name, value) // a name of ours
	}
}

func (l *Lender) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inside--; l.inside > 0 {
		return
	}
	for name, value := range l.kept {
		_ = os.Setenv(name, value) // it was set before
	}
	for _, name := range l.added {
		_ = os.Unsetenv(name) // it was not set before
	}
	l.kept, l.added = nil, nil
	if l.free.L != nil {
		l.free.Broadcast()
	}
}

// Lookup is [os.LookupEnv] for what is there when nothing is lent.
func (l *Lender) Lookup(name string) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if value, ok := l.kept[name]; ok {
		return value, true
	}
	return os.LookupEnv(name)
}

// Getenv is [os.Getenv] in the same way.
func (l *Lender) Getenv(name string) string {
	value, _ := l.Lookup(name)
	return value
}
