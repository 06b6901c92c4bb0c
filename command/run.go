package command

import (
	"maps"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// override puts what docker compose run is told about its one service into the
// model, so that it is wrapped and its secrets are moved like the service's own:
// --entrypoint, --env, --env-from-file and the command.
func (c *call) override(l *loaded) error {
	if c.name != "run" || len(c.services) != 1 {
		return nil
	}
	s := l.Services[c.services[0]]
	flags, _, rest := split("run", c.args)
	args, files := []string{}, []string{}
	given := map[string]string{} // by --env
	command := rest
	for _, f := range flags {
		if f.name == "--env-from-file" {
			files = append(files, f.value)
			continue
		}
		used, err := c.overrideFlag(l, &s, f, given)
		if err != nil {
			return err
		}
		switch {
		case used:
		case takesValue("run", f.name):
			args = append(args, f.name, f.value)
		case f.value != "": // --flag=value of a flag that usually takes none
			args = append(args, f.name+"="+f.value)
		default:
			args = append(args, f.name)
		}
	}
	if err := addFiles(l, &s, files, given); err != nil {
		return err
	}
	if len(command) > 0 {
		s.Command = types.ShellCommand(command)
	}
	c.args = append(append(args, s.Name), rest...)
	l.Services[s.Name] = s
	return nil
}

// overrideFlag applies one flag of run to the service and reports whether it
// is done with. given gets the variables of --env.
func (c *call) overrideFlag(l *loaded, s *types.ServiceConfig, f callFlag, given map[string]string) (bool, error) {
	switch f.name {
	case "--entrypoint":
		var entrypoint types.ShellCommand
		if err := entrypoint.DecodeMapstructure(f.value); err != nil {
			return false, usagef("--entrypoint %q: %v", f.value, err)
		}
		s.Entrypoint, s.Command = entrypoint, types.ShellCommand{}
		return true, nil
	case "-e", "--env":
		name, text, ok := strings.Cut(f.value, "=")
		if !ok {
			text = l.Environment[name]
		}
		hidden, err := l.Hide(name, text)
		given[name] = hidden
		if err != nil || !l.Inputs.Has(hidden) {
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
func addFiles(l *loaded, s *types.ServiceConfig, files []string, given map[string]string) error {
	for _, file := range files {
		values, err := l.ReadEnvFile(file, func(name string) (string, bool) {
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
