package compose

import (
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// IsName reports whether text is a name that Compose allows for a service, secret, config, network or volume:
// nothing in it means anything to a shell or a terminal.
// https://github.com/compose-spec/compose-spec/blob/main/schema/compose-spec.json
func IsName(text string) bool { return name().MatchString(text) }

var name = pattern(`^[a-zA-Z0-9._-]+$`)

// checkNames refuses names that Compose does not allow, also where the schema was not asked.
func checkNames(p *types.Project) error {
	for _, section := range []struct {
		key   string
		names []string
	}{
		{"services", slices.Concat(slices.Collect(maps.Keys(p.Services)), slices.Collect(maps.Keys(p.DisabledServices)))},
		{"jobs", slices.Collect(maps.Keys(p.AllJobs()))},
		{"networks", slices.Collect(maps.Keys(p.Networks))},
		{"volumes", slices.Collect(maps.Keys(p.Volumes))},
		{"secrets", slices.Collect(maps.Keys(p.Secrets))},
		{"configs", slices.Collect(maps.Keys(p.Configs))},
	} {
		slices.Sort(section.names)
		for _, text := range section.names {
			if !IsName(text) {
				return reportf("%s: the name %q is not allowed; use letters, digits and the characters . _ -", section.key, text)
			}
		}
	}
	return nil
}
