package transform

import (
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
)

// secretsDir is where a container has its secrets:
// https://github.com/compose-spec/compose-spec/blob/main/05-services.md#secrets
const secretsDir = "/run/secrets"

// otherDir holds those of a service that mounts something of its own over secretsDir.
const otherDir = "/.compose-secure"

// place returns the file in the container of s for a secret of that name. The engine would have to make
// a file below secretsDir in what a mount puts there: in a folder of the user, or in one that is read-only.
func (b *builder) place(s *types.ServiceConfig, name string) string {
	file := secretsDir + "/" + name
	volumes := b.volumesOf(s)
	if service, _, ok := compose.HookOf(s.Name); ok { // docker compose gives it those of its service
		of := b.plan.Project.Services[service]
		volumes = append(volumes, b.volumesOf(&of)...)
	}
	if slices.ContainsFunc(volumes, func(v types.ServiceVolumeConfig) bool { return covers(v, file) }) {
		return otherDir + "/" + name
	}
	return file
}

// covers reports whether a mount hides file. The engine makes a new tmpfs for each container, and files in it.
func covers(v types.ServiceVolumeConfig, file string) bool {
	if v.Type == types.VolumeTypeTmpfs {
		return false
	}
	target := path.Clean("/" + v.Target)
	if rest, ok := strings.CutPrefix(target, "/var/run"); ok && (rest == "" || rest[0] == '/') { // a link to /run in most images
		target = "/run" + rest
	}
	return target == file || target == "/" || strings.HasPrefix(file, target+"/")
}

// sharing is one entry of volumes_from that names a service.
type sharing struct {
	service  string
	readOnly bool
}

// sharingOf reads an entry of volumes_from; ok is false for one that names a container.
func sharingOf(entry string) (sharing, bool) {
	service, mode, _ := strings.Cut(entry, ":")
	return sharing{service, slices.Contains(strings.Split(mode, ","), "ro")}, service != "container"
}

// volumesOf returns what a service mounts, that of volumes_from included, as the engine has it: the
// service's own mount wins over an inherited one of the same target, a later entry over an earlier one.
func (b *builder) volumesOf(s *types.ServiceConfig) []types.ServiceVolumeConfig {
	return b.volumes(s, map[string]bool{s.Name: true})
}

func (b *builder) volumes(s *types.ServiceConfig, seen map[string]bool) []types.ServiceVolumeConfig {
	list := slices.Clone(s.Volumes)
	for _, entry := range slices.Backward(s.VolumesFrom) {
		from, ok := sharingOf(entry)
		other, on := b.plan.Project.Services[from.service]
		if !ok || !on || seen[from.service] {
			continue
		}
		seen[from.service] = true
		for _, v := range b.volumes(&other, seen) {
			if !targets(s, list, v.Target) {
				list = append(list, inherited(v, from.readOnly))
			}
		}
		delete(seen, from.service)
	}
	return list
}

// targets reports whether s, or one of volumes, mounts something at target.
func targets(s *types.ServiceConfig, volumes []types.ServiceVolumeConfig, target string) bool {
	return slices.ContainsFunc(volumes, func(v types.ServiceVolumeConfig) bool { return path.Clean(v.Target) == path.Clean(target) }) ||
		slices.ContainsFunc(s.Tmpfs, func(text string) bool {
			at, _, _ := strings.Cut(text, ":")
			return path.Clean(at) == path.Clean(target)
		})
}

// inherited is a mount of another service as volumes_from makes it: no content of the image is copied into it.
func inherited(v types.ServiceVolumeConfig, readOnly bool) types.ServiceVolumeConfig {
	v.ReadOnly = v.ReadOnly || readOnly
	if v.Type == types.VolumeTypeVolume {
		volume := types.ServiceVolumeVolume{}
		if v.Volume != nil {
			volume = *v.Volume
		}
		volume.NoCopy = true
		v.Volume = &volume
	}
	return v
}

// isolate puts the volumes of a service in the place of a volumes_from that names it. The engine
// would hand on all of its mounts, the files of its secrets too.
func (b *builder) isolate() {
	if b.Swarm {
		return // which has no volumes_from
	}
	project := b.plan.Project
	isolated := map[string]types.ServiceConfig{}
	for _, name := range project.ServiceNames() {
		s := project.Services[name]
		replaced := s // with the entries that go, and no other
		var kept []string
		replaced.VolumesFrom = nil
		for _, entry := range s.VolumesFrom {
			if b.replaces(name, entry) {
				replaced.VolumesFrom = append(replaced.VolumesFrom, entry)
			} else {
				kept = append(kept, entry)
			}
		}
		if len(replaced.VolumesFrom) > 0 {
			s.Volumes, s.Configs, s.VolumesFrom = b.volumesOf(&replaced), b.configsOf(&replaced), kept
			isolated[name] = s
		}
	}
	for name, s := range isolated { // at once: what one inherits is asked of the model as it was
		project.Services[name] = s
	}
}

// replaces reports whether an entry of volumes_from of a service is to be replaced, and warns of what is lost or shared.
func (b *builder) replaces(service, entry string) bool {
	from, ok := sharingOf(entry)
	if !ok || !b.handsOn(from.service, map[string]bool{}) {
		return false
	}
	warn := func(text string) {
		b.plan.Warnings = append(b.plan.Warnings, b.at(compose.ContainerPath(service, "volumes_from"))+compose.ContainerText(service)+": "+text)
	}
	switch reason := b.unnamed(from.service, map[string]bool{}); {
	case reason == unknownVolumes && b.NoValues:
		return false // nothing is created
	case reason != "":
		warn("volumes_from hands on the secrets of " + from.service + " as well, since " + reason)
		return false
	}
	if b.declares(from.service) {
		warn("volumes_from does not hand on the secrets of " + from.service + "; list those that " + service + " has to read under " + compose.ContainerText(service) + ".secrets")
	}
	return true
}

// handsOn reports whether the container of a service mounts the file of a secret that was moved.
func (b *builder) handsOn(service string, seen map[string]bool) bool {
	if seen[service] {
		return false
	}
	seen[service] = true
	for _, sec := range b.plan.Secrets {
		if slices.ContainsFunc(sec.Files, func(f StoredFile) bool { return slices.Contains(f.Services, service) }) {
			return true
		}
	}
	return slices.ContainsFunc(b.plan.Project.Services[service].VolumesFrom, func(entry string) bool {
		from, ok := sharingOf(entry)
		return ok && b.handsOn(from.service, seen)
	})
}

// unknownVolumes is what unnamed says when facts are missing.
const unknownVolumes = "its image is not here, so that nothing is known of its volumes"

// unnamed says why no other service can name what a service mounts, "" when one can.
func (b *builder) unnamed(service string, seen map[string]bool) string {
	s, on := b.plan.Project.Services[service]
	if !on || seen[service] {
		return ""
	}
	seen[service] = true
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeVolume && v.Source == "" {
			return service + " has a volume without a name at " + v.Target + "; name it"
		}
	}
	image, known := b.Images[service]
	if !slices.Contains(b.plan.Inspect, service) {
		b.plan.Inspect = append(b.plan.Inspect, service)
	}
	if !known {
		if !slices.Contains(b.plan.Images, service) {
			b.plan.Images = append(b.plan.Images, service)
		}
		return unknownVolumes
	}
	for _, target := range image.Volumes {
		if !targets(&s, b.volumesOf(&s), target) {
			return "its image has a volume at " + target + "; name one for " + service + " at that place"
		}
	}
	for _, entry := range s.VolumesFrom {
		from, ok := sharingOf(entry)
		if !ok {
			return service + " has those of " + entry
		}
		if reason := b.unnamed(from.service, seen); reason != "" {
			return reason
		}
	}
	return ""
}

// declares reports whether a service has secrets that the user declared himself.
func (b *builder) declares(service string) bool {
	moved := func(source string) bool {
		return slices.ContainsFunc(b.plan.Secrets, func(sec *Secret) bool {
			return slices.ContainsFunc(sec.Files, func(f StoredFile) bool { return f.Name == source })
		})
	}
	return slices.ContainsFunc(b.plan.Moves, func(m Move) bool { return m.Service == service && m.Delivery == Kept }) ||
		slices.ContainsFunc(b.plan.Project.Services[service].Secrets, func(ref types.ServiceSecretConfig) bool { return !moved(ref.Source) })
}

// configsOf returns the configs of a service, with those of volumes_from that hold no secret: docker compose mounts
// their files, which the engine hands on too.
func (b *builder) configsOf(s *types.ServiceConfig) []types.ServiceConfigObjConfig {
	list := slices.Clone(s.Configs)
	for _, entry := range slices.Backward(s.VolumesFrom) {
		from, _ := sharingOf(entry)
		for _, ref := range b.plan.Project.Services[from.service].Configs {
			stored := b.plan.byName[strings.TrimPrefix(b.plan.Project.Configs[ref.Source].File, b.Dir+"/")] != nil
			taken := slices.ContainsFunc(list, func(c types.ServiceConfigObjConfig) bool { return configTarget(c) == configTarget(ref) })
			if !stored && !taken && configTarget(ref) != HelperTarget && b.plan.Project.Configs[ref.Source].File != "" {
				list = append(list, ref)
			}
		}
	}
	return list
}
