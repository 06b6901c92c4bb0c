package compose

import (
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/secret"
)

// A relative reference in an included file, or in an env file of it, starts where the
// other paths of that file do: in the include's project directory.

// absolute gives a reference to a local file the directory that it starts from; base
// is asked only for one that needs it and returns "" for the project's own directory.
func absolute(ref secret.Ref, base func() string) secret.Ref {
	if ref.Scheme != "file" && ref.Scheme != "sops" || filepath.IsAbs(ref.Path) || base == nil {
		return ref
	}
	if dir := base(); dir != "" {
		ref.Path = filepath.Join(dir, ref.Path)
	}
	return ref
}

// baseOf is the directory that references at a place of the model start from.
func (p *Project) baseOf(path ...string) string {
	if len(p.envFiles.bases) == 0 {
		return ""
	}
	if p.located == nil {
		p.located = openSources(p.tried, p.envFiles.files...)
	}
	return p.envFiles.bases[p.located.Find(path...).File]
}

// anchor completes the references that stand in included files.
func (p *Project) anchor(project *types.Project) {
	if len(p.envFiles.bases) == 0 {
		return
	}
	complete := func(text string, path ...string) string {
		ref, err := secret.ParseRef(text)
		if err != nil {
			return text // transform reports it
		}
		if whole := absolute(ref, func() string { return p.baseOf(path...) }); whole.Path != ref.Path {
			return whole.String()
		}
		return text
	}
	for s := range Containers(project) {
		for k, v := range s.Environment {
			if v != nil && secret.IsRef(*v) {
				text := complete(*v, ContainerPath(s.Name, "environment", k)...)
				s.Environment[k] = &text
			}
		}
	}
	for name, s := range project.Secrets {
		if text, ok := s.Extensions[SourceExtension].(string); ok {
			s.Extensions[SourceExtension] = complete(text, "secrets", name, SourceExtension)
		}
	}
	for name, c := range project.Configs {
		if text, ok := c.Extensions[SourceExtension].(string); ok {
			c.Extensions[SourceExtension] = complete(text, "configs", name, SourceExtension)
		}
	}
}
