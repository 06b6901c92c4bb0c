package compose

import (
	"errors"
	"io/fs"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
)

// resolveEnvironment is compose-go's WithServicesEnvironmentResolved with
// encrypted and raw env files, and every secret hidden.
func (p *Project) resolveEnvironment(project *types.Project) (*types.Project, error) {
	project = project.WithServicesDisabled() // a deep copy
	for s := range Containers(project) {
		named := s.Name
		if service, _, ok := HookOf(named); ok {
			named = service // whose files it has too
		}
		p.envFiles.base = func() string { return p.baseOf(ContainerPath(named, "env_file")...) }
		if err := p.resolveSpec(project, &s.ContainerSpec); err != nil {
			return nil, p.inService(err, named)
		}
		SetContainer(project, s)
	}
	p.envFiles.base = nil
	for name, s := range project.Secrets { // compose-go filled in a variable of an included env file
		if token, ok := p.envFiles.included[variable{s.Environment, s.Content}]; ok {
			s.Content = token
			project.Secrets[name] = s
		}
	}
	p.anchor(project)
	return project, nil
}

// inService gives the error of an env_file the place that names the file, when
// the file itself is what is missing.
func (p *Project) inService(err error, name string) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	at := ContainerText(name) + ".env_file"
	return reportf("%s%s: %v; make it, or write {path: FILE, required: false}", openSources(p.tried).at(at, nil), at, err)
}

func (p *Project) resolveSpec(project *types.Project, spec *types.ContainerSpec) error {
	own := spec.Environment.Resolve(project.Environment.Resolve)
	for k, v := range own {
		if v == nil {
			continue
		}
		if token, ok := p.envFiles.included[variable{k, *v}]; ok { // the list form: compose-go filled it in
			own[k] = &token
		}
	}
	merged := types.MappingWithEquals{}
	for _, file := range spec.EnvFiles {
		values, err := p.serviceEnvFile(file, func(k string) (string, bool) {
			if v, ok := project.Environment.Resolve(k); ok {
				return v, true
			}
			if v, ok := own[k]; ok && v != nil {
				hidden, err := p.hide(k, *v, "the compose file")
				return hidden, err == nil
			}
			if v, ok := merged[k]; ok && v != nil {
				return *v, true
			}
			return "", false
		})
		if err != nil {
			return err
		}
		for k, v := range values {
			merged[k] = &v
		}
	}
	spec.Environment = merged.OverrideBy(own)
	spec.EnvFiles = nil
	return nil
}

func (p *Project) serviceEnvFile(file types.EnvFile, lookup dotenv.LookupFn) (map[string]string, error) {
	p.envFiles.others = append(p.envFiles.others, file.Path)
	data, err := readFile(file.Path)
	if errors.Is(err, fs.ErrNotExist) && !bool(file.Required) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	values, ok, err := p.envFiles.inspect(file.Path, data)
	if err != nil || ok {
		return values, err
	}
	switch file.Format {
	case "", dotenv.DotEnv:
		return p.envFiles.parseHidden(file.Path, data, lookup)
	case "raw":
		values, err = parseRaw(file.Path, data, lookup)
	default:
		err = reportf("env_file %s has the unknown format %q; leave it out, or use raw", Display(file.Path), file.Format)
	}
	if err != nil {
		return nil, err
	}
	shown := Display(file.Path)
	for k, v := range values {
		if values[k], err = p.hide(k, v, shown); err != nil {
			return nil, err
		}
	}
	return values, nil
}
