package compose

import (
	"regexp"
	"sync"
)

// pattern compiles a regular expression when it is first used: most are for errors, and all of them
// together would take a millisecond of every start.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
