package secret

import (
	"fmt"
	"path"
	"strings"
)

// Verdict says whether a variable holds a secret and by which evidence.
type Verdict struct {
	Secret bool
	// Reason is "policy", "name" or "value" for a secret; for a plain variable
	// it says in a few words why, so that --verbose can show it.
	Reason string
}

// Reasons of a Verdict whose Secret is true.
const (
	ByPolicy = "policy"
	ByName   = "name"
	ByValue  = "value"
)

// Policy is what x-compose-secure says about names. Its zero value has no
// opinion. A pattern is a glob of path.Match (* ? [a-z] \x), compared without
// regard to case, as ENV names differ in case only by accident. Secret wins
// over Plain, and both win over detection.
type Policy struct {
	Secret []string
	Plain  []string
}

// Validate reports the first pattern that is not a glob.
func (p Policy) Validate() error {
	for key, globs := range map[string][]string{"secret": p.Secret, "plain": p.Plain} {
		for _, g := range globs {
			if _, err := path.Match(g, ""); err != nil {
				return fmt.Errorf("x-compose-secure.%s: %q is not a glob, close its [ or escape it with \\", key, g)
			}
		}
	}
	return nil
}

// Classify decides about one variable. An empty value means that the value is
// not known; the name alone then decides. A bad glob matches nothing: call
// Validate first.
func (p Policy) Classify(name, value string) Verdict {
	switch {
	case matchAny(p.Secret, name):
		return Verdict{Secret: true, Reason: ByPolicy}
	case matchAny(p.Plain, name):
		return Verdict{Reason: "x-compose-secure.plain names it"}
	}
	if c := FindCredential(value); c.Found() {
		if isMapping(name, value[c.Start:c.End]) {
			return Verdict{Reason: "the value maps the names of attributes"}
		}
		return Verdict{Secret: true, Reason: ByValue}
	}
	return classifyName(name, value)
}

func matchAny(globs []string, name string) bool {
	for _, g := range globs {
		if ok, err := path.Match(strings.ToLower(g), strings.ToLower(name)); err == nil && ok {
			return true
		}
	}
	return false
}
