package compose

import (
	"reflect"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/secret"
)

// argumentLists is the one list of places whose arguments reach a container without standing in its
// configuration, each as a path in a container.
var argumentLists = [][]string{
	{"command"},
	{"entrypoint"},
	{"healthcheck", "test"},
	{"post_start", AnyElement, "command"},
	{"pre_stop", AnyElement, "command"},
	{"develop", "watch", AnyElement, "exec", "command"},
}

// AnyElement stands in a path for any element of a list.
const AnyElement = "*"

// ArgumentLists returns the paths in a container of the argument lists that can hold a secret, with [AnyElement].
func ArgumentLists() [][]string { return slices.Clone(argumentLists) }

// IsArguments reports whether path, in a model, is that of an argument list that can hold a secret.
func IsArguments(path []string) bool {
	_, below := ContainerAt(path)
	return len(below) > 0 && slices.ContainsFunc(argumentLists, func(list []string) bool {
		return slices.EqualFunc(list, below, func(want, have string) bool { return want == have || want == AnyElement })
	})
}

// EachArguments is [EachText] for the argument lists that can hold a secret.
func EachArguments(project *types.Project, change func(Text) []string) {
	w := walker{fields: map[reflect.Type][]textField{}, only: map[string]bool{"services": true, "jobs": true, "pre_start": true}}
	for _, list := range argumentLists {
		for _, key := range list {
			w.only[key] = true
		}
	}
	w.change = func(t Text) []string {
		if t.Key || !IsArguments(t.Path) {
			return nil
		}
		return change(t)
	}
	w.value(reflect.ValueOf(&types.Project{Services: project.Services, Jobs: project.Jobs}), nil, false)
}

// FromProcess reports whether an input came from the environment of the process, which is another one at boot.
func FromProcess(in *secret.Input) bool { return in.Origin == processOrigin }
