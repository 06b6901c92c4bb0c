package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/swarm"
)

type rotateOptions struct {
	fromFile cli.StringSlice
	generate bool
	length   int
	force    bool
	alphabet string
	shiftOptions
}

// shiftOptions are the flags that rotate and rollback share.
type shiftOptions struct {
	order    string
	parallel int
	timeout  time.Duration
	dryRun   bool
	quiet    bool
}

func (o *shiftOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Usage: "print what would be done; changes nothing", Destination: &o.dryRun},
		&cli.StringFlag{Name: "order", Usage: "start-first or stop-first, for this update alone", Destination: &o.order},
		&cli.IntFlag{Name: "parallel", Value: swarm.DefaultParallel, Usage: "services that are updated at once", Destination: &o.parallel},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "show no progress", Destination: &o.quiet},
		timeoutFlag(&o.timeout),
	}
}

func (o *shiftOptions) rotation(stack string) (swarm.Rotation, error) {
	if o.order != "" && o.order != "start-first" && o.order != "stop-first" {
		return swarm.Rotation{}, usagef("--order is start-first or stop-first, not %q", o.order)
	}
	if o.parallel < 1 {
		return swarm.Rotation{}, usagef("--parallel takes a number from 1, not %d", o.parallel)
	}
	return swarm.Rotation{Stack: stack, Order: o.order, Parallel: o.parallel, Timeout: o.timeout}, nil
}

func newRotate(s *session) *cli.Command {
	var o rotateOptions
	return interspersed(&cli.Command{
		Name: "rotate", Usage: "give secrets of a stack new values, as one rolling update that can go back",
		ArgsUsage: "STACK [SECRET...]",
		Description: `The value comes from a file, is generated, or is read again from where the compose
   file says. When a service does not come up with it, all go back and the exit code is 4.

   Examples:
     compose-secure rotate shop db_password --generate
     pass show shop/api | compose-secure rotate shop api_key --from-file -`,
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "from-file", Usage: "`FILE` with the value of the one SECRET, - for stdin; or SECRET=FILE, repeatable", Destination: &o.fromFile},
			&cli.BoolFlag{Name: "generate", Usage: "make random values, which are printed nowhere", Destination: &o.generate},
			&cli.BoolFlag{Name: "force", Usage: "take the value of the source also when it was rolled back", Destination: &o.force},
			&cli.IntFlag{Name: "length", Value: 32, Usage: "characters of a generated value", Destination: &o.length},
			&cli.StringFlag{Name: "alphabet", Value: "alnum", Usage: "of a generated value: alnum, hex, base64url, print or the characters themselves", Destination: &o.alphabet},
		}, o.shiftOptions.flags()...),
	}, func(c *cli.Context, args []string) error {
		if len(args) == 0 {
			return usagef("rotate takes the name of a stack, then those of secrets")
		}
		stack, err := oneStack("rotate", args[:1])
		if err != nil {
			return err
		}
		return runRotate(c.Context, s, stack, args[1:], o)
	})
}

func runRotate(ctx context.Context, s *session, stack string, names []string, o rotateOptions) error {
	r, err := o.rotation(stack)
	if err != nil {
		return err
	}
	values, err := o.values(s, names)
	if err != nil {
		return err
	}
	eng, err := s.env().Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = eng.Close() }() // a connection
	checkSource := func() error { return nil }
	r.Again = o.force || values != nil // a value from the command line is meant
	if values == nil {
		r.UsedOnly = len(names) == 0
		if values, err = s.env().SourceValues(ctx, eng, s.stackOptions(stack, nil), names); errors.Is(err, compose.ErrNoFile) {
			return usagef("no compose file says where the values come from: name one with -f, or use --from-file or --generate")
		}
		if err != nil {
			return err
		}
	} else {
		// The compose file is read while the cluster is looked at.
		r.Store, checkSource = s.env().WriteBackLater(ctx, eng, s.stackOptions(stack, nil), s.mayWrite, values)
	}
	cluster, done := s.cluster(eng, o.quiet)
	defer done()
	run := cluster.Rotate
	if o.dryRun || s.global.dryRun {
		run = cluster.PreviewRotation
	}
	changes, err := run(ctx, r, values)
	if wrong := checkSource(); wrong != nil {
		return wrong // nothing was changed
	}
	if err != nil {
		return s.rolledBack(ctx, err)
	}
	return printChanges(s.Stdout, changes)
}

// values are those that the command line gives; nil means the source.
func (o *rotateOptions) values(s *session, names []string) (map[string]secret.Value, error) {
	files := o.fromFile.Value()
	switch {
	case o.generate && len(files) > 0:
		return nil, usagef("--generate and --from-file exclude each other")
	case o.generate && len(names) == 0:
		return nil, usagef("--generate needs the names of the secrets")
	case o.generate:
		return o.generated(names)
	case len(files) > 0:
		return readValues(s.Stdin, files, names)
	}
	return nil, nil
}

// readValues reads the files of --from-file.
func readValues(stdin io.Reader, files, names []string) (map[string]secret.Value, error) {
	paths := map[string]string{}
	for _, file := range files {
		name, path, named := strings.Cut(file, "=")
		if !named || len(files) == 1 && len(names) == 1 && name != names[0] {
			if len(names) != 1 || len(files) != 1 {
				return nil, usagef("--from-file %q does not say for which secret: name one SECRET, or write SECRET=FILE", file)
			}
			name, path = names[0], file
		}
		if _, twice := paths[name]; twice {
			return nil, usagef("--from-file gives %s twice", name)
		}
		paths[name] = path
	}
	for _, name := range names {
		if _, ok := paths[name]; !ok {
			return nil, usagef("no --from-file gives a value for %s", name)
		}
	}
	values := map[string]secret.Value{}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		value, err := readValue(stdin, paths[name])
		if err != nil {
			return nil, fmt.Errorf("read the value of %s: %w", name, err)
		}
		values[name] = value
	}
	return values, nil
}

// readValue reads a file, or stdin for "-", byte for byte.
func readValue(stdin io.Reader, path string) (secret.Value, error) {
	var data []byte
	var err error
	if path == "-" {
		data, err = safefile.ReadAll(stdin, secret.MaxSize-1)
	} else {
		data, err = safefile.ReadGiven(path, secret.MaxSize-1)
	}
	if errors.Is(err, safefile.ErrTooLarge) {
		err = fmt.Errorf("a secret must be under %d bytes", secret.MaxSize)
	}
	return secret.NewValue(data), err
}

func (o *rotateOptions) generated(names []string) (map[string]secret.Value, error) {
	values := map[string]secret.Value{}
	for _, name := range names {
		value, err := secret.Generate(o.alphabet, o.length)
		if wrong := (*secret.StrengthError)(nil); errors.As(err, &wrong) {
			return nil, usageError{"--" + wrong.Error()}
		}
		if err != nil {
			return nil, err
		}
		values[name] = value
	}
	return values, nil
}
