package command

import (
	"errors"
	"flag"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// interspersed makes a command take its flags before, between and after its
// arguments, as docker does; urfave/cli alone would take a flag after an argument for
// an argument. "--" ends the flags. run sees the arguments alone.
func interspersed(cmd *cli.Command, run func(c *cli.Context, args []string) error) *cli.Command {
	cmd.SkipFlagParsing = true
	cmd.Action = func(c *cli.Context) error {
		args := c.Args().Slice()
		if wantsHelp(args) {
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
			if err := misplaced(c.Command, args, unknownFlag(err)); err != nil {
				return err
			}
			return usagef("%s: %v; see %s --help", c.Command.HelpName, err, c.Command.HelpName)
		}
		return run(c, arguments)
	}
	return cmd
}

// wantsHelp reports whether the help of a command is asked for, wherever that stands.
func wantsHelp(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.ContainsFunc(args, func(arg string) bool { return arg == "--help" || arg == "-h" })
}

// alone makes a command of one that takes flags and no argument.
func alone(cmd *cli.Command, run func(c *cli.Context) error) *cli.Command {
	return interspersed(cmd, func(c *cli.Context, args []string) error {
		if len(args) > 0 {
			return usagef("%s takes no argument, but got %q", shortName(c.Command), args[0])
		}
		return run(c)
	})
}

// group makes a command of one that has commands of its own; more says what
// else the user may have meant.
func group(cmd *cli.Command, more string) *cli.Command {
	cmd.SkipFlagParsing = true
	cmd.Action = func(c *cli.Context) error {
		name := c.Args().First()
		switch {
		case name == "", name == "help", name == "-h", name == "--help":
			return cli.ShowSubcommandHelp(c)
		case strings.HasPrefix(name, "-"):
			flag, _, _ := strings.Cut(strings.TrimLeft(name, "-"), "=")
			if err := misplaced(c.Command, c.Args().Slice(), flag); err != nil {
				return err
			}
			return usagef("%s has no flag %q; see %s --help", cmd.Name, name, c.Command.HelpName)
		}
		names := visibleNames(cmd.Subcommands)
		last := len(names) - 1
		return usagef("%s has no command %q; it has %s and %s%s", cmd.Name, name, strings.Join(names[:last], ", "), names[last], more)
	}
	return cmd
}

// shortName is a command's name as it is typed behind the program's.
func shortName(cmd *cli.Command) string {
	_, name, _ := strings.Cut(cmd.HelpName, " ")
	return name
}

// unknownFlag takes the name out of package flag's error, or "".
func unknownFlag(err error) string {
	name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return ""
	}
	return name
}

// misplaced is a usage error when name is a global flag, which stands in front of the
// command and not among its args; else nil.
func misplaced(cmd *cli.Command, args []string, name string) error {
	all := globalFlags(new(globalOptions))
	i := slices.IndexFunc(all, func(f cli.Flag) bool { return name != "" && slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil
	}
	shown := "--" + name
	if len(name) == 1 {
		shown = "-" + name
	}
	given := shown
	_, toggle := all[i].(*cli.BoolFlag)
	for at, arg := range args {
		flag, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") || flag != name {
			continue
		}
		switch {
		case joined:
			given += "=" + value
		case !toggle && at+1 < len(args):
			given += " " + args[at+1]
		case !toggle:
			given += " ..."
		}
		break
	}
	return usagef("%s stands before the command: %s %s %s", shown, strings.TrimSuffix(cmd.HelpName, " "+shortName(cmd)), given, shortName(cmd))
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
