package transform

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/wrap"
)

// HelperTarget is where the static helper stands in a container without a shell.
const HelperTarget = "/.compose-secure-env"

// helperConfig, with the architecture behind it, is the name of the config
// that carries the helper: a config can be executed in Swarm, a secret of the RAM store cannot.
const helperConfig = "compose-secure-env-"

// wrapped is a variable and the file in the container that holds its value.
type wrapped struct{ variable, path string }

// Image is what has to be known of a service's image to wrap it.
type Image struct {
	Entrypoint  []string
	Cmd         []string
	Env         []string // names of the variables that the image sets
	Healthcheck []string // in the form of the compose file; nil when the image has none
	HealthShell []string // SHELL of the image, nil is /bin/sh -c
	Volumes     []string // targets of VOLUME
	Shell       string   // absolute path of the image's shell, "" when it has none
	Arch        string   // GOARCH of the image
	Reads       string   `json:",omitempty"` // row of the catalogue that its entrypoint's text gives; "" when nothing is sure
}

// Helper is one static helper that the new model mounts from File.
type Helper struct {
	Config string // the name of its config
	Arch   string // GOARCH
	File   string // the path that the model gives; the caller puts it there, mode 0555
}

// wrap makes every service's programs see the variables that left its
// environment: the container's own, its healthcheck and its hooks.
func (b *builder) wrap() {
	for _, name := range b.plan.Project.ServiceNames() {
		s := b.plan.Project.Services[name]
		w := wrapper{builder: b, service: &s, gone: slices.Concat(b.wraps[name], b.plain[name])}
		w.image, w.known = b.Images[name]
		if service, _, ok := compose.HookOf(name); ok {
			w.hookOf = service
			w.rewritten = !slices.Equal(b.plan.Project.Services[service].Entrypoint, b.source.Services[service].Entrypoint)
			b.unsetInherited(&s, service)
		}
		if !b.wants(s) && !w.rewritten {
			b.plan.Project.Services[name] = s
			continue
		}
		w.inArguments = b.hasTokens(s)
		b.plan.Inspect = append(b.plan.Inspect, name)
		rewrites := b.needsImage(s) || w.rewritten
		if rewrites {
			w.needImage()
		}
		w.main()
		if w.hookOf == "" { // which nothing checks
			w.healthcheck()
		} else if w.known && rewrites { // an empty list is not inherited as what is missing is
			s.Entrypoint, s.Command = orEmpty(s.Entrypoint), orEmpty(s.Command)
		}
		w.hooks()
		b.plan.Project.Services[name] = s
	}
}

func orEmpty(argv types.ShellCommand) types.ShellCommand {
	if argv == nil {
		return types.ShellCommand{}
	}
	return argv
}

// unsetInherited takes from a hook the variables that name files of its service, which docker compose would give it.
func (b *builder) unsetInherited(hook *types.ServiceConfig, service string) {
	for variable := range b.plan.Project.Services[service].Environment {
		if _, set := hook.Environment[variable]; !set {
			hook.Environment[variable] = nil
		}
	}
}

// wants reports whether the programs of a service take secrets from its environment or in arguments.
func (b *builder) wants(s types.ServiceConfig) bool {
	return len(b.wraps[s.Name])+len(b.plain[s.Name]) > 0 || b.hasTokens(s)
}

// needsImage reports whether the program's arguments have to be known.
func (b *builder) needsImage(s types.ServiceConfig) bool {
	return len(b.wraps[s.Name]) > 0 || b.holds(s.Entrypoint) || b.holds(s.Command)
}

func (b *builder) hasTokens(s types.ServiceConfig) bool {
	if b.holds(s.Entrypoint) || b.holds(s.Command) || s.HealthCheck != nil && b.holds(s.HealthCheck.Test) {
		return true
	}
	return slices.ContainsFunc(hooksOf(&s), func(h hook) bool { return b.holds(h.Command) })
}

func (b *builder) holds(args []string) bool { return slices.ContainsFunc(args, b.source.Inputs.Has) }

// wrapper rewrites one service.
type wrapper struct {
	*builder
	service     *types.ServiceConfig
	image       Image
	known       bool
	gone        []wrapped // variables that left the environment
	inArguments bool
	hookOf      string // the service of a hook, or ""
	rewritten   bool   // the entrypoint of that service was rewritten, and docker compose would give it to a hook without one
}

// needImage notes that the plan is not complete without the image's facts.
func (w *wrapper) needImage() {
	if name := w.service.Name; !w.known && !slices.Contains(w.plan.Images, name) {
		w.plan.Images = append(w.plan.Images, name)
	}
}

func (w *wrapper) needImageFor(vars []wrapped, argv []string) {
	if (len(vars) > 0 || w.holds(argv)) && w.image.Shell == "" {
		w.needImage()
	}
}

// main wraps the container's program.
func (w *wrapper) main() {
	s := w.service
	path := compose.ContainerPath(s.Name)
	vars := w.wraps[s.Name]
	if !w.needsImage(*s) && !w.rewritten {
		// Only files: the image's entrypoint finds them. A shell in the command
		// that names one of the variables gets it back.
		if mentioned := w.mentioned(s.Command); len(mentioned) > 0 && isShell(s.Command) {
			s.Command = w.run(s.Command, mentioned, append(path, "command"), "command")
		}
		if mentioned := w.mentioned(s.Entrypoint); len(mentioned) > 0 && isShell(s.Entrypoint) {
			s.Entrypoint = w.run(s.Entrypoint, mentioned, append(path, "entrypoint"), "entrypoint")
		}
		return
	}
	entrypoint, cmd := w.effective()
	if !w.known {
		if len(entrypoint) == 0 {
			return // listed in Plan.Images
		}
		w.image.Shell = "/bin/sh" // only for a model that is printed, not run
	}
	if len(entrypoint)+len(cmd) == 0 {
		w.fail(path, "%s: neither the image nor the compose file gives a command to run; set command", dotted(path))
		return
	}
	if !w.holds(entrypoint) && !w.holds(cmd) {
		s.Entrypoint = slices.Concat(w.prefix(vars, path), entrypoint)
		s.Command = cmd
		return
	}
	s.Entrypoint = w.run(slices.Concat(entrypoint, cmd), vars, append(path, "command"), "command")
	s.Command = nil
}

// effective is what the engine would run: a compose entrypoint makes it forget
// the image's CMD; an empty one or an empty command does not.
// https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact
func (w *wrapper) effective() (entrypoint, cmd []string) {
	s := w.service
	entrypoint, cmd = s.Entrypoint, s.Command
	if s.Entrypoint == nil {
		entrypoint = w.image.Entrypoint
	}
	if len(s.Command) == 0 && len(s.Entrypoint) == 0 {
		cmd = w.image.Cmd
	}
	return entrypoint, cmd
}

// prefix is what stands in front of a program to set vars from their files.
func (w *wrapper) prefix(vars []wrapped, at []string) []string {
	if len(vars) == 0 {
		return nil
	}
	list := variables(vars)
	if w.image.Shell != "" && w.shellKeepsAll() {
		args, err := wrap.Shell(list)
		if err == nil {
			return args
		}
		var name *wrap.NameError
		if !errors.As(err, &name) {
			w.fail(at, "%s: %v", compose.ContainerText(w.service.Name), err)
			return nil
		}
	}
	if !w.known {
		return nil
	}
	w.mountHelper()
	return wrap.HelperArgs(HelperTarget, list)
}

// shellKeepsAll reports whether no variable of the container would be lost in a shell.
func (w *wrapper) shellKeepsAll() bool {
	for name := range w.service.Environment {
		if !wrap.ShellKeeps(name) {
			return false
		}
	}
	return !slices.ContainsFunc(w.image.Env, func(name string) bool { return !wrap.ShellKeeps(name) })
}

func (w *wrapper) mountHelper() {
	name := helperConfig + w.image.Arch
	project := w.plan.Project
	if project.Configs == nil {
		project.Configs = types.Configs{}
	}
	file := path.Join(w.HelperDir, name)
	project.Configs[name] = types.ConfigObjConfig{File: file}
	if !slices.ContainsFunc(w.plan.Helpers, func(h Helper) bool { return h.Config == name }) {
		w.plan.Helpers = append(w.plan.Helpers, Helper{Config: name, Arch: w.image.Arch, File: file})
	}
	if !slices.ContainsFunc(w.service.Configs, func(c types.ServiceConfigObjConfig) bool { return c.Source == name }) {
		w.service.Configs = append(w.service.Configs, types.ServiceConfigObjConfig{Source: name, Target: HelperTarget})
	}
}

// run wraps a whole argument list. Arguments that hold a secret are read from
// files, by a shell or by the helper, and put in their places.
func (w *wrapper) run(argv []string, vars []wrapped, at []string, what string) []string {
	if !w.holds(argv) {
		return slices.Concat(w.prefix(vars, at), argv)
	}
	args := slices.Clone(argv)
	var files []wrap.Arg
	for i, arg := range argv {
		if w.source.Inputs.Has(arg) {
			files = append(files, wrap.Arg{Index: i, Path: w.argument(arg, what+"_"+fmt.Sprint(i+1), at)})
			args[i] = ""
		}
	}
	if w.known && !w.shellHolds(vars) {
		w.mountHelper()
		return slices.Concat(wrap.HelperArgs(HelperTarget, variables(vars), files...), args)
	}
	return slices.Concat(w.shellArguments(vars, files, len(args), at), args)
}

// argument stores the secret of one argument and returns its file in the container.
func (w *wrapper) argument(arg, name string, at []string) string {
	source := w.origin(arg)
	parts := w.source.Inputs.Split(arg)
	_, below := compose.ContainerAt(at)
	note := "a secret in an argument of " + below[0] + " stays visible in the container's own process list"
	var sec *Secret
	if literal, ok := w.arguments[[2]string{w.service.Name, arg}]; ok {
		at, name = literal.path, cmp.Or(literal.name, name)
		if len(parts) == 1 && parts[0].Input == nil {
			source, sec = LiteralSource, w.equal(parts[0].Literal)
		}
	}
	if sec == nil {
		sec = w.secret(w.service.Name, name, parts, at)
	}
	target := w.place(w.service, sec.Name)
	w.mount(w.service, sec, target, fileOwner{mode: 0o444}, at)
	w.plan.Moves = append(w.plan.Moves, Move{Service: w.service.Name, Secret: sec.Name, Delivery: Wrap, Source: source, Target: target, Path: at, Note: note})
	return target
}

// shellHolds reports whether a shell of the image can hand on vars and what the container has besides.
func (w *wrapper) shellHolds(vars []wrapped) bool {
	return w.image.Shell != "" && w.shellKeepsAll() &&
		!slices.ContainsFunc(vars, func(v wrapped) bool { return !wrap.ShellKeeps(v.variable) })
}

// shellArguments is what stands in front of an argument list of that length, so that a shell puts
// files in their places: each as a variable first, which does not reach the program.
func (w *wrapper) shellArguments(vars []wrapped, files []wrap.Arg, length int, at []string) []string {
	vars = slices.Clone(vars)
	words := make([]string, length)
	for i := range words {
		words[i] = fmt.Sprintf(` "${%d}"`, i+1)
	}
	var assign strings.Builder
	for _, f := range files {
		n := f.Index + 1
		name := fmt.Sprintf("COMPOSE_SECURE_ARG_%d", n)
		vars = append(vars, wrapped{name, f.Path})
		fmt.Fprintf(&assign, "a%d=$%s; unset %s; ", n, name, name)
		words[f.Index] = fmt.Sprintf(` "$a%d"`, n)
	}
	return append(w.prefix(vars, at), "/bin/sh", "-c", assign.String()+"exec"+strings.Join(words, ""), "compose-secure")
}

func variables(vars []wrapped) []wrap.Var {
	list := make([]wrap.Var, len(vars))
	for i, v := range vars {
		list[i] = wrap.Var{Name: v.variable, Path: v.path}
	}
	return list
}

// healthcheck lets the test read the variables that left the environment: the
// service's own test, or the image's.
func (w *wrapper) healthcheck() {
	s := w.service
	at := compose.ContainerPath(s.Name, "healthcheck", "test")
	var test []string
	switch {
	case s.HealthCheck != nil && s.HealthCheck.Disable:
		return
	case s.HealthCheck != nil && len(s.HealthCheck.Test) > 0:
		test = s.HealthCheck.Test
	case w.known:
		test = w.image.Healthcheck
	}
	if len(test) < 2 || test[0] == "NONE" {
		return
	}
	argv := test[1:]
	if test[0] == "CMD-SHELL" {
		shell := w.image.HealthShell
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		argv = slices.Concat(shell, test[1:])
	}
	vars := w.readBy(test)
	if len(vars) == 0 && !w.holds(argv) {
		return
	}
	if test[0] == "CMD-SHELL" && w.image.Shell == "" {
		w.image.Shell = "/bin/sh" // it has one, or the test could never have run
	}
	w.needImageFor(vars, argv)
	check := types.HealthCheckConfig{}
	if s.HealthCheck != nil {
		check = *s.HealthCheck
	}
	check.Test = append([]string{"CMD"}, w.run(argv, vars, at, "healthcheck")...)
	s.HealthCheck = &check
}

// readBy are the variables that a program beside the main one may read. Every one in
// a service that is wrapped; else only those that the text names, so
// that a check which needs none stays as it was written.
func (w *wrapper) readBy(argv []string) []wrapped {
	if len(w.wraps[w.service.Name]) > 0 {
		return w.gone
	}
	return w.mentioned(argv)
}

func (w *wrapper) mentioned(argv []string) []wrapped {
	return slices.DeleteFunc(slices.Clone(w.gone), func(v wrapped) bool {
		return !slices.ContainsFunc(argv, func(arg string) bool { return names(arg, v.variable) })
	})
}

// names reports whether text holds name as a word of its own.
func names(text, name string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(name)
		if (start == 0 || !wordByte(text[start-1])) && (end == len(text) || !wordByte(text[end])) {
			return true
		}
		from = end
	}
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// hook is a command that docker compose runs in a container beside its program.
type hook struct {
	*types.ServiceHook
	path []string // in the service
}

// hooksOf returns those of a service, to be changed in place.
func hooksOf(s *types.ServiceConfig) []hook {
	var list []hook
	for i := range s.PostStart {
		list = append(list, hook{&s.PostStart[i], []string{"post_start", strconv.Itoa(i)}})
	}
	for i := range s.PreStop {
		list = append(list, hook{&s.PreStop[i], []string{"pre_stop", strconv.Itoa(i)}})
	}
	if s.Develop != nil {
		for i := range s.Develop.Watch { // action sync+exec
			list = append(list, hook{&s.Develop.Watch[i].Exec, []string{"develop", "watch", strconv.Itoa(i), "exec"}})
		}
	}
	return list
}

// hooks wraps the commands that run in the container beside its program.
func (w *wrapper) hooks() {
	for _, h := range hooksOf(w.service) {
		if len(h.Command) == 0 {
			continue
		}
		vars := w.readBy(h.Command)
		if len(vars) == 0 && !w.holds(h.Command) {
			continue
		}
		w.needImageFor(vars, h.Command)
		h.Command = w.run(h.Command, vars, compose.ContainerPath(w.service.Name, h.path...), h.path[0])
	}
}

// isShell reports whether argv runs a script of its own, as in sh -ec TEXT.
func isShell(argv []string) bool {
	return len(argv) >= 3 && strings.HasSuffix(path.Base(argv[0]), "sh") &&
		slices.ContainsFunc(argv[1:len(argv)-1], func(a string) bool { return strings.HasPrefix(a, "-") && strings.HasSuffix(a, "c") })
}
