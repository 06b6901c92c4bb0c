package compose

import (
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// compose-go leaves create_host_path out when it is true, but docker compose
// before 2.31 takes a bind mount without it for one whose source must exist. So it is
// always written. In JSON that takes a mark on another field, which no YAML
// file can hold.
const hostPathMark = "\x00create_host_path"

var (
	hostPathAlone  = pattern(`"selinux": ?"\\u0000create_host_path"`)
	hostPathMarked = pattern(`"selinux": ?"\\u0000create_host_path(.)`)
)

// withBinds returns the project with mark applied to a copy of each bind that
// makes its source when it is missing.
func withBinds(project *types.Project, mark func(*types.ServiceVolumeBind)) *types.Project {
	isOne := func(v types.ServiceVolumeConfig) bool { return v.Bind != nil && bool(v.Bind.CreateHostPath) }
	marked := project
	for name, s := range project.Services {
		if !slices.ContainsFunc(s.Volumes, isOne) {
			continue
		}
		if marked == project {
			copied := *project
			copied.Services = maps.Clone(project.Services)
			marked = &copied
		}
		s.Volumes = slices.Clone(s.Volumes)
		for i, v := range s.Volumes {
			if isOne(v) {
				bind := *v.Bind
				mark(&bind)
				s.Volumes[i].Bind = &bind
			}
		}
		marked.Services[name] = s
	}
	return marked
}
