package transform

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
)

// maxName is the longest secret name: Swarm's limit, kept here so that a
// project means the same in both places.
const maxName = 64

// secret returns the secret for parts, made when it is new. Equal values by
// origin (the same placeholder or reference) share one.
func (b *builder) secret(service, variable string, parts []secret.Part, at []string) *Secret {
	id := identity(parts)
	if s := b.plan.byIdentity[id]; s != nil {
		return s
	}
	own := secretName(strings.TrimPrefix(service, "jobs/") + "_" + variable)
	wanted := own
	if len(parts) == 1 && b.ofProject(parts[0].Input, id) {
		wanted = secretName(parts[0].Input.Name)
	}
	if _, taken := b.names[wanted]; taken {
		wanted = own
	}
	return b.add(b.free(wanted), id, parts, at)
}

// ofProject reports whether an input is a variable of the whole project. Only
// such a name means one value whichever services are on; one from a service's env_file may
// mean another in the next service.
func (b *builder) ofProject(in *secret.Input, id string) bool {
	if in == nil || in.Name == "" {
		return false
	}
	value, ok := b.source.Environment[in.Name]
	return ok && identity(b.source.Inputs.Split(value)) == id
}

// free is name, or name with the first number behind it that makes it new.
func (b *builder) free(name string) string {
	for n, wanted := 2, name; ; n++ {
		if _, taken := b.names[wanted]; !taken {
			return wanted
		}
		wanted = fmt.Sprintf("%s_%d", name, n)
	}
}

func (b *builder) add(name, id string, parts []secret.Part, at []string) *Secret {
	s := &Secret{Name: name, Parts: parts, At: at}
	b.names[name] = id
	b.plan.Secrets = append(b.plan.Secrets, s)
	b.plan.byName[name] = s
	if id != "" && b.plan.byIdentity[id] == nil {
		b.plan.byIdentity[id] = s
	}
	return s
}

// identity is the same for values that come from the same places, and "" when
// a value stands in the file itself: two literals are two secrets.
func identity(parts []secret.Part) string {
	var id strings.Builder
	for _, p := range parts {
		switch {
		case p.Input == nil && len(parts) == 1:
			return ""
		case p.Input == nil:
			// The text around a placeholder is part of the value: never let it out of this map key.
			id.WriteString("t" + strconv.Quote(string(p.Literal.Reveal())))
		case p.Input.Ref != nil:
			id.WriteString("r" + p.Input.Ref.ID())
		default:
			fmt.Fprintf(&id, "n%s\x00%p", p.Input.Name, p.Input.Known.Reveal())
		}
		id.WriteByte(0)
	}
	return id.String()
}

// secretName makes a name that Compose and Swarm accept:
// [a-z0-9._-], starting and ending with a letter or digit, at most 64 bytes.
func secretName(text string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		default:
			return '_'
		}
	}, text)
	if len(name) > maxName-4 { // room for _NNN
		name = name[:maxName-4]
	}
	if name = strings.Trim(name, "._-"); name == "" {
		name = "secret"
	}
	return name
}

type fileOwner struct {
	uid, gid int
	mode     uint32
}

// mount gives a service the file of a secret, under an absolute target.
func (b *builder) mount(s *types.ServiceConfig, sec *Secret, target string, owner fileOwner, at []string) {
	mounted := b.mounted(s)
	if have, ok := mounted[target]; ok {
		// The user's own owner and mode stay when it is the same secret.
		if have != sec.Name && !slices.ContainsFunc(sec.Files, func(f StoredFile) bool { return f.Name == have }) {
			b.fail(at, "%s: two secrets want %s with different values: %s and %s; give one another target", compose.ContainerText(s.Name), target, have, sec.Name)
		}
		return
	}
	file := b.file(sec, owner, s.Name)
	mounted[target] = file
	ref := types.ServiceSecretConfig{Source: file}
	if target != "/run/secrets/"+file {
		ref.Target = target
	}
	s.Secrets = append(s.Secrets, ref)
}

// mounts are the secrets of a service, by absolute target.
type mounts map[string]string

// mounted are those of s, in the form that the secrets of its own have by now.
func (b *builder) mounted(s *types.ServiceConfig) mounts {
	if b.mounts[s.Name] == nil {
		b.mounts[s.Name] = mounts{}
		for _, have := range slices.Backward(s.Secrets) { // the first one counts
			b.mounts[s.Name][absoluteTarget(have)] = have.Source
		}
	}
	return b.mounts[s.Name]
}

// file returns the name of the stored file, which is also the name of its
// top-level secret: the secret's own for the default owner and mode.
func (b *builder) file(sec *Secret, owner fileOwner, service string) string {
	for i, f := range sec.Files {
		if owner == (fileOwner{f.UID, f.GID, f.Mode}) {
			if !slices.Contains(f.Services, service) {
				sec.Files[i].Services = append(f.Services, service)
			}
			return f.Name
		}
	}
	name := sec.Name
	if owner != (fileOwner{mode: 0o444}) {
		name = b.free(fmt.Sprintf("%s.%d-%d-%04o", sec.Name, owner.uid, owner.gid, owner.mode))
		b.names[name] = "" // taken
	}
	sec.Files = append(sec.Files, StoredFile{Name: name, UID: owner.uid, GID: owner.gid, Mode: owner.mode, Services: []string{service}})
	project := b.plan.Project
	if project.Secrets == nil {
		project.Secrets = types.Secrets{}
	}
	project.Secrets[name] = types.SecretConfig{File: path.Join(b.Dir, name)}
	return name
}

// declared moves the values of the secrets and configs that the user declared
// himself: references, variables, encrypted files, and plain files for which a service wants an owner or a mode.
func (b *builder) declared() {
	project := b.plan.Project
	for _, name := range sortedKeys(project.Secrets) {
		s := project.Secrets[name]
		parts, source, at := b.declaredParts("secrets", name, types.FileObjectConfig(s))
		delete(s.Extensions, compose.SourceExtension)
		project.Secrets[name] = s
		if parts == nil && (s.File == "" || !b.wantsOwner(name)) {
			continue
		}
		if parts == nil {
			ref := secret.Ref{Scheme: "file", Path: s.File}
			parts, source, at = []secret.Part{{Input: &secret.Input{Ref: &ref}}}, compose.Display(s.File), append(at, "file")
		}
		sec := b.add(name, identity(parts), parts, at)
		delete(project.Secrets, name)
		b.declaredUses(sec, source)
		if len(sec.Files) == 0 { // no service that is on uses it
			b.file(sec, fileOwner{mode: 0o444}, "")
			sec.Files[0].Services = nil
		}
		for _, f := range sec.Files {
			stored := project.Secrets[f.Name]
			stored.Labels = s.Labels
			project.Secrets[f.Name] = stored
		}
	}
	b.declaredConfigs()
}

func (b *builder) wantsOwner(name string) bool {
	for _, s := range b.plan.Project.Services {
		for _, ref := range s.Secrets {
			if ref.Source == name && (ref.UID != "" || ref.GID != "" || ref.Mode != nil) {
				return true
			}
		}
	}
	return false
}

// declaredUses points each service at the stored file with the owner and mode it asks for.
func (b *builder) declaredUses(sec *Secret, source string) {
	project := b.plan.Project
	for _, name := range project.ServiceNames() {
		s := project.Services[name]
		used := false
		for i, ref := range s.Secrets {
			if ref.Source != sec.Name {
				continue
			}
			used = true
			owner, err := ownerOf(types.FileReferenceConfig(ref))
			if err != nil {
				b.fail(compose.ContainerPath(name, "secrets", strconv.Itoa(i)), "%s: secret %s: %v", compose.ContainerText(name), sec.Name, err)
				continue
			}
			target := absoluteTarget(ref)
			s.Secrets[i] = types.ServiceSecretConfig{Source: b.file(sec, owner, name)}
			if target != "/run/secrets/"+s.Secrets[i].Source {
				s.Secrets[i].Target = target
			}
			b.plan.Moves = append(b.plan.Moves, Move{Service: name, Secret: sec.Name, Delivery: Kept, Source: source, Target: target,
				Path: []string{"secrets", sec.Name}})
		}
		if s.Build != nil {
			for _, ref := range s.Build.Secrets {
				if ref.Source == sec.Name {
					used = true
					b.file(sec, fileOwner{mode: 0o444}, name)
				}
			}
		}
		if used {
			project.Services[name] = s
		}
	}
}

// declaredConfigs does the same for configs whose content holds a secret.
func (b *builder) declaredConfigs() {
	project := b.plan.Project
	for _, name := range sortedKeys(project.Configs) {
		c := project.Configs[name]
		parts, source, at := b.declaredParts("configs", name, types.FileObjectConfig(c))
		delete(c.Extensions, compose.SourceExtension)
		if parts == nil && c.Environment != "" { // docker compose does not get the project's variables
			c.Environment, c.Content = "", b.source.Environment[c.Environment]
		}
		project.Configs[name] = c
		if parts == nil {
			continue
		}
		stored := b.free(secretName("config_" + name))
		sec := b.add(stored, identity(parts), parts, at)
		file := StoredFile{Name: stored, Mode: 0o444}
		for _, service := range project.ServiceNames() {
			for i, ref := range project.Services[service].Configs {
				if ref.Source != name {
					continue
				}
				file.Services = append(file.Services, service)
				b.plan.Moves = append(b.plan.Moves, Move{Service: service, Secret: stored, Delivery: Kept, Source: source,
					Target: configTarget(ref), Path: compose.ContainerPath(service, "configs", strconv.Itoa(i))})
			}
		}
		sec.Files = []StoredFile{file}
		project.Configs[name] = types.ConfigObjConfig{Name: c.Name, Labels: c.Labels, File: path.Join(b.Dir, stored)}
	}
}

// declaredParts says where the value of a declared secret or config comes from, nil
// for one that stays as it is, and the path of that in the model.
func (b *builder) declaredParts(section, name string, s types.FileObjectConfig) (parts []secret.Part, source string, at []string) {
	at = []string{section, name}
	if bool(s.External) {
		return nil, "", at
	}
	if text, ok := s.Extensions[compose.SourceExtension]; ok {
		at = append(at, compose.SourceExtension)
		value, _ := text.(string)
		if b.source.Inputs.Has(value) {
			return b.source.Inputs.Split(value), b.origin(value), at
		}
		ref, err := secret.ParseRef(value)
		if err != nil {
			b.fail(at, "%s.%s: %s: %v", section, name, compose.SourceExtension, err)
			return nil, "", at
		}
		return []secret.Part{{Input: &secret.Input{Ref: &ref}}}, ref.String(), at
	}
	if s.Environment != "" {
		value, ok := b.source.Environment[s.Environment]
		if !ok && s.Content != "" { // a variable of an included env file: compose-go filled it in
			value, ok = s.Content, true
		}
		if !ok && !b.NoValues {
			b.fail(at, "%s.%s: the variable %s is not set; set it in the environment, in .env or with --env-file", section, name, s.Environment)
			return nil, "", at
		}
		if section == "configs" && !b.source.Inputs.Has(value) {
			return nil, "", at
		}
		if value == "" {
			return []secret.Part{{Literal: secret.NewValue(nil)}}, "${" + s.Environment + "}", at
		}
		return b.source.Inputs.Split(value), "${" + s.Environment + "}", append(at, "environment")
	}
	if s.Content != "" && (b.source.Inputs.Has(s.Content) || secret.IsRef(s.Content)) {
		at = append(at, "content")
		parts, source = b.parts(name, s.Content, at)
		return parts, source, at
	}
	if s.Content != "" && (section == "secrets" || b.InText != nil && b.InText(s.Content)) {
		return []secret.Part{{Literal: secret.NewValue([]byte(s.Content))}}, LiteralSource, append(at, "content")
	}
	ref, ok, err := b.source.EncryptedFile(s.File)
	if err != nil {
		b.fail(at, "%s.%s: %v", section, name, err)
	}
	if ok {
		return []secret.Part{{Input: &secret.Input{Ref: &ref}}}, compose.Display(s.File), append(at, "file")
	}
	if section == "configs" && s.File != "" && b.InFile != nil && b.InFile(s.File) {
		ref := secret.Ref{Scheme: "file", Path: s.File}
		return []secret.Part{{Input: &secret.Input{Ref: &ref}}}, compose.Display(s.File), append(at, "file")
	}
	return nil, "", at
}

func ownerOf(ref types.FileReferenceConfig) (fileOwner, error) {
	owner := fileOwner{mode: 0o444}
	if ref.Mode != nil {
		if *ref.Mode < 0 || *ref.Mode > 0o777 {
			return owner, fmt.Errorf("mode %#o is not a file mode; write one such as 0400", int64(*ref.Mode))
		}
		owner.mode = uint32(*ref.Mode)
	}
	for _, id := range []struct {
		text string
		into *int
		what string
	}{{ref.UID, &owner.uid, "uid"}, {ref.GID, &owner.gid, "gid"}} {
		if id.text == "" {
			continue
		}
		n, err := strconv.ParseUint(id.text, 10, 31)
		if err != nil {
			return owner, fmt.Errorf("%s %q is not a number", id.what, id.text)
		}
		*id.into = int(n)
	}
	return owner, nil
}

func absoluteTarget(ref types.ServiceSecretConfig) string {
	target := ref.Target
	if target == "" {
		target = ref.Source
	}
	const dir = "/run/secrets/"
	if !strings.ContainsAny(target, "/.") { // nothing to clean
		return dir + target
	}
	if !path.IsAbs(target) {
		target = dir + target
	}
	return path.Clean(target)
}

func configTarget(ref types.ServiceConfigObjConfig) string {
	if ref.Target != "" {
		return ref.Target
	}
	return "/" + ref.Source
}

func sortedKeys[M ~map[string]V, V any](m M) []string { return slices.Sorted(maps.Keys(m)) }
