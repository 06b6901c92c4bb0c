// Package trust decides what a file of a project may choose of the servers,
// paths, identities and programs that compose-secure uses. A file comes from a
// stranger; what it names counts only where the user has named it too, in the
// environment or in a configuration file of the user's own.
//
// It makes no request and reads no file of a project.
package trust

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
)

// Policy is what the user allows. It is safe for concurrent use.
type Policy struct {
	getenv func(string) string
	config func() (*Config, error) // read when it is first needed
}

// New returns the policy of the user whose environment getenv gives. The user's
// configuration is read when a decision needs it, at most once.
func New(getenv func(string) string) *Policy {
	return &Policy{getenv: getenv, config: sync.OnceValues(func() (*Config, error) { return loadConfig(getenv) })}
}

// maxSegment bounds the length of one part of a path, in bytes.
const maxSegment = 256

// Segment reports, as an error, why name cannot be one part of the path of a
// request: it is empty, "." or "..", or holds anything but letters and digits of
// ASCII, and - _ . ~. What passes means the same escaped and unescaped, joined,
// cleaned or not.
func Segment(name string) error {
	switch {
	case name == "":
		return errors.New("it is empty")
	case name == "." || name == "..":
		return fmt.Errorf("%q leads elsewhere", name)
	case len(name) > maxSegment:
		return fmt.Errorf("it is longer than %d bytes", maxSegment)
	case strings.ContainsFunc(name, func(r rune) bool { return !isUnreserved(r) }):
		return errors.New("only letters, digits and - _ . ~ may stand in it")
	}
	return nil
}

// Path is Segment for each part of a path that has no slash in front or at the end.
func Path(p string) error {
	for part := range strings.SplitSeq(p, "/") {
		if err := Segment(part); err != nil {
			return err
		}
	}
	if path.Clean(p) != p {
		return errors.New("it is not the shortest form of a path")
	}
	return nil
}

// isUnreserved reports whether a character stands for itself in every URL, see
// https://www.rfc-editor.org/rfc/rfc3986#section-2.3.
func isUnreserved(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.~", r)
}

// listed reports whether the user's configuration has value in the list that
// pick gives; what names it in an error.
func (p *Policy) listed(value string, pick func(*Config) []string, key string) error {
	c, err := p.config()
	if err != nil {
		return err
	}
	if slices.Contains(pick(c), value) {
		return nil
	}
	return fmt.Errorf("list it under %s in %s, if it is yours", key, p.place())
}
