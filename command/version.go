package command

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// buildVersion is set by the linker: -X .../command.buildVersion=v1.2.3.
var buildVersion string

// version is the linker's, the module's, or "dev".
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

func newVersion(s *session) *cli.Command {
	var short bool
	var format string
	return alone(&cli.Command{
		Name: "version", Usage: "print the version",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "short", Usage: "the number alone", Destination: &short},
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "pretty", Usage: "pretty or json", Destination: &format},
		},
	}, func(*cli.Context) error { return runVersion(s.Env, short, format) })
}

func runVersion(env Env, short bool, format string) error {
	var err error
	switch {
	case format == "json":
		err = json.NewEncoder(env.Stdout).Encode(map[string]string{"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
	case format != "pretty":
		return usagef("--format is pretty or json, not %q", format)
	case short:
		_, err = fmt.Fprintln(env.Stdout, version())
	default:
		_, err = fmt.Fprintf(env.Stdout, "compose-secure %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	}
	return err
}
