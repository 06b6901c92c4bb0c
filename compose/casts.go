package compose

import (
	"bytes"
	"maps"
	"strings"

	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/tree"
)

// withLists adds casts that make a list of one of each string among the settings of
// x-compose-secure, so that compose-go merges a string with a list.
func withLists(casts map[tree.Path]interpolation.Cast) map[tree.Path]interpolation.Cast {
	all := maps.Clone(casts)
	if all == nil {
		all = map[tree.Path]interpolation.Cast{}
	}
	list := func(value string) (any, error) { return []any{value}, nil }
	for _, key := range []string{"sops", "secret", "plain"} {
		all[tree.NewPath(Extension, key)] = list
	}
	for _, key := range []string{"file", "env"} {
		all[tree.NewPath("services", tree.PathMatchAll, Extension, key)] = list
		all[tree.NewPath("jobs", tree.PathMatchAll, Extension, key)] = list
	}
	return all
}

// narrowCasts drops the type casts that no value of the files can need: those
// whose key stands nowhere in them. compose-go matches every string of a model against
// every cast, a sixth of the time to load a large project. Files that name further
// files keep all casts.
func narrowCasts(casts map[tree.Path]interpolation.Cast, files []string) map[tree.Path]interpolation.Cast {
	var texts [][]byte
	for _, file := range files {
		data, err := readFile(file)
		if err != nil || bytes.Contains(data, []byte("include")) || bytes.Contains(data, []byte("extends")) {
			return casts
		}
		texts = append(texts, data)
	}
	narrowed := maps.Clone(casts)
	maps.DeleteFunc(narrowed, func(path tree.Path, _ interpolation.Cast) bool {
		for _, part := range strings.Split(string(path), ".") {
			if part == tree.PathMatchAll || part == tree.PathMatchList || part == "services" {
				continue
			}
			if !containsAny(texts, part) {
				return true
			}
		}
		return false
	})
	return narrowed
}

func containsAny(texts [][]byte, part string) bool {
	for _, text := range texts {
		if bytes.Contains(text, []byte(part)) {
			return true
		}
	}
	return false
}
