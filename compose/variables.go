package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// usedFault is the fault of a variable that the project makes use of, with the place of the use.
func (p *Project) usedFault(project *types.Project) error {
	if len(p.faults) == 0 {
		return nil
	}
	tokens := slices.Sorted(maps.Keys(p.faults))
	used := map[string][]string{} // placeholder -> path
	note := func(text string, path ...string) {
		for _, token := range tokens {
			if strings.Contains(text, token) && used[token] == nil {
				used[token] = path
			}
		}
	}
	for _, f := range FindText(project, tokens...) {
		note(f.Text, f.Path...)
	}
	for name, s := range project.Secrets {
		note(project.Environment[s.Environment], "secrets", name, "environment")
	}
	for name, c := range project.Configs {
		note(project.Environment[c.Environment], "configs", name, "environment")
	}
	for _, token := range tokens {
		if path := used[token]; path != nil {
			return reportf("%s%v", prefix(openSources(p.tried).Find(path...)), p.faults[token])
		}
	}
	return nil
}
