package transform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
)

// finish wraps what needs it, puts the services that are off back in outline
// and proves that no placeholder is left.
func (b *builder) finish() {
	project := b.plan.Project
	b.wrap()
	b.isolate()
	for name, s := range project.DisabledServices {
		project.Services[name] = outline(s)
	}
	project.DisabledServices = nil
	for name, s := range project.Services {
		if !compose.IsService(name) {
			owner, _ := compose.OwnerOf(name)
			project.Services[name] = b.bound(s, project.Services[owner])
		}
	}
	compose.FromServices(project)
	for _, s := range b.plan.Secrets {
		for i := range s.Files {
			slices.Sort(s.Files[i].Services)
		}
	}
	b.leftovers()
}

// hooks refuses literals in the environment of hooks, where nothing reads files.
func (b *builder) hooks() {
	for _, name := range b.plan.Project.ServiceNames() {
		s := b.plan.Project.Services[name]
		for _, h := range hooksOf(&s) {
			for _, variable := range sortedKeys(h.Environment) {
				if value := h.Environment[variable]; value != nil && (b.isLiteral(variable, *value) || b.isDefault(*value)) {
					at := slices.Concat([]string{"services", name}, h.path, []string{"environment", variable})
					b.fail(at, "%s is a secret, and %s cannot hold one; %s", variable, dotted(at), hookAdvice(name, variable))
				}
			}
		}
	}
}

// inHook reports whether path is that of a variable of a hook.
func inHook(path []string) bool {
	n := len(path)
	return n > 2 && path[0] == "services" && path[n-2] == "environment" &&
		(n == 6 && (path[2] == "post_start" || path[2] == "pre_stop") || n == 8 && path[2] == "develop" && path[5] == "exec")
}

func hookAdvice(service, variable string) string {
	return fmt.Sprintf("move it to services.%s.environment, which its hooks see too, or name %s in %s.plain if it is none", service, variable, compose.Extension)
}

// isLiteral reports a secret that stands in the file as it is.
func (b *builder) isLiteral(name, value string) bool {
	return value != "" && !b.source.Inputs.Has(value) && !secret.IsRef(value) && b.source.Detect.ClassifyFinal(name, value).Secret
}

// outline is what docker compose has to know of a service that is off: that it
// exists, so that its containers are not taken for orphans.
func outline(s types.ServiceConfig) types.ServiceConfig {
	return types.ServiceConfig{Name: s.Name, Profiles: s.Profiles, ContainerSpec: types.ContainerSpec{Image: "off"}}
}

// leftovers reports each secret that stands where none can be held.
func (b *builder) leftovers() {
	inputs := b.source.Inputs
	for _, f := range compose.FindText(b.plan.Project, inputs.Prefix(), secret.RefPrefix) {
		switch {
		case b.failed[dotted(f.Path)]: // told already
		case b.waitsForImage(f.Path): // the plan is not complete
		case !inputs.Has(f.Text):
			if secret.IsRef(f.Text) && strings.Contains(f.Text, "://") {
				b.refuse(f, "a reference stands in %s, which cannot hold a secret; move it to environment or secrets", dotted(f.Path))
			}
		case b.isDefault(f.Text): // literals of the file, which are warned of anywhere
			b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf("%sthe default of %s stays visible in %s; keep its value in .env or a SOPS file, and write %s",
				b.at(f.Path), inputs.Find(f.Text)[0], dotted(f.Path), "${"+inputs.Find(f.Text)[0].Name+":?}"))
		case !b.leftInEnvironment(f.Path):
			var names []string
			for _, in := range inputs.Find(f.Text) {
				names = append(names, in.String())
			}
			b.refuse(f, "%s is a secret, and %s cannot hold one; %s", strings.Join(names, ", "), dotted(f.Path), b.advice(f))
		}
	}
}

// isDefault reports a text whose only secrets are defaults.
func (b *builder) isDefault(text string) bool {
	return b.source.Inputs.Has(text) && !slices.ContainsFunc(b.source.Inputs.Find(text), func(in *secret.Input) bool { return !in.Literal })
}

// waitsForImage reports an argument that can only be moved once the program in
// front of it is known.
func (b *builder) waitsForImage(path []string) bool {
	name, below := compose.ContainerAt(path)
	return len(below) > 0 && below[0] == "command" && slices.Contains(b.plan.Images, name)
}

func (b *builder) advice(f compose.Found) string {
	names := b.source.Inputs.Find(f.Text)
	if inHook(f.Path) && !slices.ContainsFunc(names, func(in *secret.Input) bool { return in.Ref != nil }) {
		return hookAdvice(f.Path[1], f.Path[len(f.Path)-1])
	}
	if slices.Contains(f.Path, "args") && slices.Contains(f.Path, "build") {
		return "use build.secrets and RUN --mount=type=secret" + orPlain(names)
	}
	if len(names) == 0 {
		return "move it to environment or secrets"
	}
	return compose.MoveAdvice(names[0])
}

// orPlain is the way out for a variable that is no secret.
func orPlain(names []*secret.Input) string {
	if len(names) == 0 || names[0].Name == "" || names[0].Ref != nil {
		return ""
	}
	return ", or name " + names[0].Name + " in " + compose.Extension + ".plain if it is none"
}

func (b *builder) leftInEnvironment(path []string) bool {
	name, below := compose.ContainerAt(path)
	return len(below) == 2 && below[0] == "environment" && slices.ContainsFunc(b.plan.Moves, func(m Move) bool {
		return m.Delivery == Env && m.Service == name && m.Variable == below[1]
	})
}

func dotted(path []string) string { return strings.Join(path, ".") }
