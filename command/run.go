package command

import (
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// override puts what docker compose run is told about its one service into the
// model, so that it is wrapped and its secrets are moved like the service's own:
// --entrypoint, --env and the command.
func (c *call) override(l *loaded) error {
	if c.name != "run" || len(c.services) != 1 {
		return nil
	}
	s := l.Services[c.services[0]]
	flags, _, rest := split("run", c.args)
	args := []string{}
	command := rest
	for _, f := range flags {
		used, err := c.overrideFlag(l, &s, f)
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
	if len(command) > 0 {
		s.Command = types.ShellCommand(command)
	}
	c.args = append(append(args, s.Name), rest...)
	l.Services[s.Name] = s
	return nil
}

// overrideFlag applies one flag of run to the service and reports whether it
// is done with.
func (c *call) overrideFlag(l *loaded, s *types.ServiceConfig, f callFlag) (bool, error) {
	switch f.name {
	case "--entrypoint":
		var entrypoint types.ShellCommand
		if err := entrypoint.DecodeMapstructure(f.value); err != nil {
			return false, usagef("--entrypoint %q: %v", f.value, err)
		}
		s.Entrypoint, s.Command = entrypoint, types.ShellCommand{}
		return true, nil
	case "-e", "--env":
		name, text, given := strings.Cut(f.value, "=")
		if !given {
			text = l.Environment[name]
		}
		hidden, err := l.Hide(name, text)
		if err != nil || !l.Inputs.Has(hidden) {
			return false, err
		}
		environment := types.MappingWithEquals{}
		for k, v := range s.Environment {
			environment[k] = v
		}
		environment[name] = &hidden
		s.Environment = environment
		return true, nil
	}
	return false, nil
}
