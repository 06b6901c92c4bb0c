package command

import (
	"errors"
	"flag"
	"io"

	"github.com/urfave/cli/v2"
)

// interspersed makes a command take its flags before, between and after its
// arguments, as docker does; urfave/cli alone would take a flag after an argument for
// an argument. "--" ends the flags. run sees the arguments alone.
func interspersed(cmd *cli.Command, run func(c *cli.Context, args []string) error) *cli.Command {
	cmd.SkipFlagParsing = true
	cmd.Action = func(c *cli.Context) error {
		args := c.Args().Slice()
		if asksForHelp(cmd.Name, args) {
			cli.HelpPrinter(c.App.Writer, cli.CommandHelpTemplate, c.Command)
			return nil
		}
		set := flag.NewFlagSet(cmd.Name, flag.ContinueOnError)
		set.SetOutput(io.Discard)
		for _, f := range cmd.Flags {
			if err := f.Apply(set); err != nil {
				return err
			}
		}
		arguments, err := parseInterspersed(set, args)
		if err != nil {
			return usagef("%s: %v; see %s --help", c.Command.HelpName, err, c.Command.HelpName)
		}
		return run(c, arguments)
	}
	return cmd
}

// parseInterspersed sets the flags among args and returns the other words.
func parseInterspersed(set *flag.FlagSet, args []string) ([]string, error) {
	var arguments []string
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, errors.New("unknown flag")
			}
			return nil, err
		}
		read := len(args) - set.NArg()
		if read > 0 && args[read-1] == "--" {
			return append(arguments, set.Args()...), nil
		}
		if set.NArg() == 0 {
			break
		}
		arguments = append(arguments, set.Arg(0))
		args = set.Args()[1:]
	}
	return arguments, nil
}
