package transform

import (
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// bound mounts the files of a job's or a hook's secrets and configs as docker compose does for a service: by read-only binds.
// What no service names it drops from a model that it loads, and then mounts the project's directory (2.40 to 5.7).
// service is that of a hook; what it names is not dropped.
func (b *builder) bound(s, service types.ServiceConfig) types.ServiceConfig {
	project := b.plan.Project
	s.Volumes = slices.Clone(s.Volumes)
	bind := func(file types.FileObjectConfig, target string) bool {
		if file.File == "" || bool(file.External) {
			return false
		}
		s.Volumes = append(s.Volumes, types.ServiceVolumeConfig{
			Type: types.VolumeTypeBind, Source: file.File, Target: target, ReadOnly: true, Bind: &types.ServiceVolumeBind{},
		})
		return true
	}
	s.Secrets = slices.DeleteFunc(slices.Clone(s.Secrets), func(ref types.ServiceSecretConfig) bool {
		named := slices.ContainsFunc(service.Secrets, func(own types.ServiceSecretConfig) bool { return own.Source == ref.Source })
		return !named && bind(types.FileObjectConfig(project.Secrets[ref.Source]), absoluteTarget(ref))
	})
	s.Configs = slices.DeleteFunc(slices.Clone(s.Configs), func(ref types.ServiceConfigObjConfig) bool {
		named := slices.ContainsFunc(service.Configs, func(own types.ServiceConfigObjConfig) bool { return own.Source == ref.Source })
		return !named && bind(types.FileObjectConfig(project.Configs[ref.Source]), configTarget(ref))
	})
	return s
}
