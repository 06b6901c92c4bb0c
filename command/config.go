package command

import (
	"context"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/deliver"
)

type configOptions struct {
	format, output string
	quiet          bool
	literals       bool     // shown as they are
	rest           []string // for docker compose config
}

func newConfig(s *session) *cli.Command {
	return &cli.Command{
		Name: "config", Aliases: []string{"convert"}, Usage: "print the model without secrets; safe to publish",
		UsageText: "compose-secure config [--format yaml|json] [-o FILE] [-q] [--show-literals] [FLAGS OF docker compose config] [SERVICE...]",
		Description: `Needs no engine and no key. A variable that stays in the environment is shown as ${NAME}. A secret that
   stands in the file and that nothing can move is named in a warning and shown as [redacted], unless
   --show-literals asks for it.

   Example:
     compose-secure config --format json`,
		SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			if wantsHelp(c.Args().Slice()) {
				return cli.ShowSubcommandHelp(c)
			}
			o, err := parseConfig(c.Args().Slice())
			if err != nil {
				return err
			}
			for _, arg := range o.rest {
				name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
				if !strings.HasPrefix(arg, "-") || name == "dry-run" { // which docker compose takes in either place
					continue
				}
				if err := misplaced(c.Command, o.rest, name); err != nil {
					return err
				}
			}
			return runConfig(c.Context, s, o)
		},
	}
}

// parseConfig takes our flags; the others are docker compose's.
func parseConfig(args []string) (configOptions, error) {
	o := configOptions{format: "yaml"}
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		switch name {
		case "--format", "-o", "--output":
			if !joined {
				if i++; i == len(args) {
					return o, usagef("%s needs a value", name)
				}
				value = args[i]
			}
			if name == "--format" {
				o.format = value
			} else {
				o.output = value
			}
		case "--show-literals":
			o.literals = true
		case "-q", "--quiet":
			o.quiet = true
		default:
			o.rest = append(o.rest, args[i])
		}
	}
	if o.format != "yaml" && o.format != "json" {
		return o, usagef("--format is yaml or json, not %q", o.format)
	}
	return o, nil
}

func shown(literals bool) deliver.Literals {
	if literals {
		return deliver.Shown
	}
	return deliver.Masked
}

func runConfig(ctx context.Context, s *session, o configOptions) error {
	if len(o.rest) > 0 { // services, --services, --hash, ...: docker compose's own answers about our model
		args := append([]string{"--format", o.format}, o.rest...)
		if o.quiet {
			args = append(args, "-q")
		}
		if o.output != "" {
			args = append(args, "-o", o.output)
		}
		s.showLiterals = o.literals
		return runPass(ctx, s, "config", args)
	}
	p, err := s.env().Load(ctx, deliver.ForModel, s.projectOptions())
	if err != nil {
		return err
	}
	plan, err := p.ShownPlan(ctx)
	if err != nil || o.quiet {
		return err
	}
	model := p.Model(plan, shown(o.literals))
	write := compose.YAML
	if o.format == "json" {
		write = compose.JSON
	}
	text, err := write(model)
	if err != nil {
		return err
	}
	text = []byte(plan.Inputs.Redact(string(text)))
	if o.format == "json" {
		text = append(text, '\n')
	}
	if o.output != "" {
		_, err := deliver.Await(ctx, func() (struct{}, error) { // a pipe may have nobody at its other end
			return struct{}{}, os.WriteFile(o.output, text, 0o644) //nolint:gosec // safe to publish
		})
		return err
	}
	_, err = s.Stdout.Write(text)
	return err
}
