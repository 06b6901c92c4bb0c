package deliver

import (
	"fmt"
	"maps"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
)

// override puts what docker compose run is told about its one service or job into the
// model, so that it is wrapped and its secrets are moved like the service's own:
// --entrypoint, --env, --env-from-file and the command.
func (p *Project) override(c *dockercli.Call) error {
	if c.Name != "run" || len(c.Services) != 1 {
		return nil
	}
	name := c.Services[0]
	if _, ok := p.Jobs[name]; ok {
		name = compose.JobName(name)
	}
	s, _ := compose.Container(p.Project.Project, name)
	args, files := []string{}, []string{}
	var flags []dockercli.Flag   // those that stay
	given := map[string]string{} // by --env
	for _, f := range c.Flags {
		if f.Name == "--env-from-file" {
			files = append(files, f.Value)
			continue
		}
		used, err := overrideFlag(p, &s, f, given)
		if err != nil {
			return err
		}
		if used {
			continue
		}
		flags = append(flags, f)
		switch {
		case c.TakesValue(f.Name):
			args = append(args, f.Name, f.Value)
		case f.Value != "": // --flag=value of a flag that usually takes none
			args = append(args, f.Name+"="+f.Value)
		default:
			args = append(args, f.Name)
		}
	}
	if err := addFiles(p, &s, files, given); err != nil {
		return err
	}
	if len(c.Rest) > 0 {
		s.Command = types.ShellCommand(c.Rest)
	}
	c.Args, c.Flags = append(append(args, c.Services[0]), c.Rest...), flags
	compose.SetContainer(p.Project.Project, s)
	return nil
}

// overrideFlag applies one flag of run to the service and reports whether it
// is done with. given gets the variables of --env.
func overrideFlag(p *Project, s *types.ServiceConfig, f dockercli.Flag, given map[string]string) (bool, error) {
	switch f.Name {
	case "--entrypoint":
		var entrypoint types.ShellCommand
		if err := entrypoint.DecodeMapstructure(f.Value); err != nil {
			return false, &UsageError{fmt.Sprintf("--entrypoint %q: %v", f.Value, err)}
		}
		s.Entrypoint, s.Command = entrypoint, types.ShellCommand{}
		return true, nil
	case "-e", "--env":
		name, text, ok := strings.Cut(f.Value, "=")
		if !ok {
			text = p.Environment[name]
		}
		hidden, err := p.Hide(name, text)
		given[name] = hidden
		if err != nil || !p.Inputs.Has(hidden) {
			return false, err
		}
		setVariable(s, name, hidden)
		return true, nil
	}
	return false, nil
}

// setVariable leaves the environment that other copies of the service share as it is.
func setVariable(s *types.ServiceConfig, name, value string) {
	environment := maps.Clone(s.Environment)
	if environment == nil {
		environment = types.MappingWithEquals{}
	}
	environment[name] = &value
	s.Environment = environment
}

// addFiles sets the variables of --env-from-file as docker compose does: --env wins, then the first file.
func addFiles(p *Project, s *types.ServiceConfig, files []string, given map[string]string) error {
	for _, file := range files {
		values, err := p.ReadEnvFile(file, func(name string) (string, bool) {
			value, ok := given[name]
			return value, ok
		})
		if err != nil {
			return err
		}
		for name, value := range values {
			if _, set := given[name]; !set {
				given[name] = value
				setVariable(s, name, value)
			}
		}
	}
	return nil
}
