// Package tree holds what scripts/modules puts into compose-go's package of
// the same name.
package tree

import "strings"

// matches does what Path.Matches of compose-go does, see
// https://github.com/compose-spec/compose-go/blob/main/tree/path.go, without
// splitting both texts first: compose-go compares each value of a project with some
// sixty patterns, several times, and most differ in the first part.
func matches(path, pattern string) bool {
	const separator, any = ".", "*"
	for {
		part, rest, more := strings.Cut(path, separator)
		want, restWanted, moreWanted := strings.Cut(pattern, separator)
		if more != moreWanted || want != any && want != part {
			return false
		}
		if !more {
			return true
		}
		path, pattern = rest, restWanted
	}
}
