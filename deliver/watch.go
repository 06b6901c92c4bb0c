package deliver

import (
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/transform"
)

// keepsCommand names the services whose image watch may build anew and whose wrapper has the
// ENTRYPOINT and CMD of the image that is there now: one line each.
func keepsCommand(p *Project, plan *transform.Plan, services map[string]bool) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		s := p.Services[name]
		if services != nil && !services[name] || s.Develop == nil || len(s.Entrypoint) > 0 || len(plan.Project.Services[name].Entrypoint) == 0 {
			continue
		}
		if slices.ContainsFunc(s.Develop.Watch, func(t types.Trigger) bool { return t.Action == types.WatchActionRebuild }) {
			list = append(list, fmt.Sprintf("services.%s: an image that watch builds anew runs with the ENTRYPOINT and CMD of the one before; start watch again after a change of those", name))
		}
	}
	return list
}
