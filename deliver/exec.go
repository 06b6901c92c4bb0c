package deliver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/wrap"
)

// noSecrets leaves the command of exec as it is. It is no flag of docker compose.
const noSecrets = "--no-secrets"

// execCall is a call of docker compose exec, in parts.
type execCall struct {
	head    []string // the flags of docker compose, with a "--" behind them when there was one
	service string
	command []string
	index   int             // --index, 0 without
	given   map[string]bool // variables of --env
	plain   bool            // --no-secrets
}

// parseExec takes the arguments of exec apart; a call without a command has none.
func parseExec(args []string) execCall {
	call := dockercli.Parse("exec", args)
	if len(call.Services) == 0 {
		return execCall{head: args}
	}
	e := execCall{head: slices.Clone(args[:len(args)-len(call.Rest)-1]), service: call.Services[0], command: call.Rest, given: map[string]bool{}}
	for _, f := range call.Flags {
		switch f.Name {
		case "--index":
			e.index, _ = strconv.Atoi(f.Value) // docker compose says what is wrong with it
		case "-e", "--env":
			name, _, _ := strings.Cut(f.Value, "=")
			e.given[name] = true
		case noSecrets:
			e.plain = e.plain || f.Value == "" || f.Value == "true"
			e.head = slices.DeleteFunc(e.head, func(arg string) bool { return arg == noSecrets || strings.HasPrefix(arg, noSecrets+"=") })
		}
	}
	return e
}

// args are those for docker compose, with prefix in front of the command.
func (e execCall) args(prefix []string) []string {
	if e.service == "" {
		return e.head
	}
	return slices.Concat(e.head, []string{e.service}, prefix, e.command)
}

// plainExec are the arguments of exec where nothing says which variables the service has.
func plainExec(args []string) []string { return parseExec(args).args(nil) }

// execArgs puts the wrapper in front of the command of exec, so that it has the
// variables of its service: they are read inside the container, from the files
// that it mounts. No value is resolved.
func (p *Project) execArgs(ctx context.Context, plan *transform.Plan, args []string) []string {
	e := parseExec(args)
	vars := slices.DeleteFunc(plan.Variables(e.service), func(v wrap.Var) bool { return e.given[v.Name] })
	if e.plain || len(e.command) == 0 || len(vars) == 0 {
		return e.args(nil)
	}
	eng, err := p.env.Connect(ctx)
	if err != nil { // docker compose says so
		p.env.Report.Debugf("exec: %v", err)
		return e.args(nil)
	}
	defer func() { _ = eng.Close() }() // a connection
	containers, err := eng.Containers(ctx, p.Name)
	if err != nil {
		p.env.Report.Debugf("exec: %v", err)
		return e.args(nil)
	}
	c := e.target(containers)
	if c == nil { // docker compose says so
		return e.args(nil)
	}
	mounted, missing := byMount(c, vars)
	if len(missing) > 0 {
		p.env.Report.Warn(fmt.Sprintf("services.%s: exec leaves %s as the container has them, since it mounts no file of theirs; compose-secure up makes it anew",
			e.service, variableNames(missing)))
	}
	if len(mounted) == 0 {
		return e.args(nil)
	}
	prefix, reason := p.env.execPrefix(ctx, eng, c, mounted, slices.Sorted(maps.Keys(plan.Project.Services[e.service].Environment)))
	if reason != "" {
		p.env.Report.Warn(fmt.Sprintf("services.%s: exec does not set %s, since %s", e.service, variableNames(mounted), reason))
	}
	return e.args(prefix)
}

// execPrefix is the wrapper for a command in a running container, or the reason
// why there is none. environment holds the names of the variables that the service has.
func (e *Env) execPrefix(ctx context.Context, eng Engine, c *engine.Container, vars []wrap.Var, environment []string) (prefix []string, reason string) {
	if mounts(c, transform.HelperTarget) {
		return wrap.HelperArgs(transform.HelperTarget, vars), ""
	}
	image, found, err := e.LookAt(ctx, eng, c.ImageID)
	switch {
	case err != nil:
		return nil, FirstLine(err)
	case !found:
		return nil, "its image is not here any more, so that nothing says whether it has a shell"
	case image.Shell == "":
		return nil, "the image has no shell to read it from its file"
	}
	for _, name := range slices.Concat(image.Env, environment) {
		if !wrap.ShellKeeps(name) {
			return nil, fmt.Sprintf("a shell would drop the variable %q", name)
		}
	}
	if prefix, err = wrap.ExecShell(vars); err != nil {
		return nil, err.Error()
	}
	return prefix, ""
}

// target is the container that docker compose exec takes: the one of --index, else the
// running one with the lowest number, those of "run" last.
func (e execCall) target(containers []engine.Container) *engine.Container {
	candidates := slices.DeleteFunc(slices.Clone(containers), func(c engine.Container) bool {
		return c.Service != e.service || c.State != "running" || e.index > 0 && c.Number() != e.index
	})
	if len(candidates) == 0 {
		return nil
	}
	slices.SortStableFunc(candidates, func(a, b engine.Container) int {
		if a.OneOff() != b.OneOff() {
			if a.OneOff() {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.Number(), b.Number())
	})
	return &candidates[0]
}

// byMount parts variables by whether the container mounts their file.
func byMount(c *engine.Container, vars []wrap.Var) (mounted, missing []wrap.Var) {
	for _, v := range vars {
		if mounts(c, v.Path) {
			mounted = append(mounted, v)
		} else {
			missing = append(missing, v)
		}
	}
	return mounted, missing
}

func mounts(c *engine.Container, path string) bool {
	return slices.ContainsFunc(c.Mounts, func(m engine.Mount) bool { return m.Destination == path })
}

func variableNames(vars []wrap.Var) string {
	names := make([]string, len(vars))
	for i, v := range vars {
		names[i] = v.Name
	}
	return strings.Join(names, ", ")
}
