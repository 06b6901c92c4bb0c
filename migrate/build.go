package migrate

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document"
	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"
)

// buildSecret is a build argument that a build now gets as a secret.
type buildSecret struct {
	arg, id string
	value   *value
}

// buildArgs makes build secrets of the secrets under build.args.
func (c *file) buildArgs() {
	for i := range c.args {
		a := &c.args[i]
		if a.From == "" {
			c.hide(a.Raw[a.Start:a.End])
		}
		why := cmp.Or(a.Why, c.keptArgs[dockerArg{a.Dockerfile, a.Name}])
		if !why.Given() && c.Trees.Outside(a.Dockerfile) {
			why = lint.Because(lint.ArgOutsideProject)
		}
		if !why.Given() {
			why = c.buildArg(a)
		}
		c.settle(a.Node, a.Name, why)
		if arg := (dockerArg{a.Dockerfile, a.Name}); !c.argOutcomes[arg].Moves {
			c.argOutcomes[arg] = lint.Outcome{Moves: !why.Given(), Reason: why}
		}
	}
}

// buildArg moves one argument. It gives the reason why not.
func (c *file) buildArg(a *lint.BuildArg) lint.Reason {
	unwritable := lint.Because(lint.UnwritableBuild)
	i, step := slices.Index(a.Args.Content, a.Key), yamldoc.Step(a.Args)
	holder, at := a.Args, i
	if len(a.Args.Content) == step { // the last one takes args with it
		holder, at = a.Build, yamldoc.OwnIndex(a.Build, "args")
	}
	have := yamldoc.Own(a.Build, "secrets")
	switch {
	case c.simple || i < 0 || at < 0 || !c.canDeclare() || !c.doc.Removable(holder, at):
		return unwritable
	case holder == a.Build && len(a.Build.Content) == 2:
		return unwritable
	case have != nil && (have.Kind != yaml.SequenceNode || have.Anchor != "" || len(have.Content) == 0 && have.Style&yaml.FlowStyle == 0):
		return unwritable
	case have != nil && slices.Contains(grants(have), a.ID):
		return lint.Because(lint.GrantedAlready, a.ID)
	}
	v := c.movedOwn(a.From)
	if a.From == "" {
		text := lint.Evaluate(a.Raw, nil)
		if v = c.value(a.Services[0], a.Name, text, a.Node); v == nil {
			return c.names.whyNot(text)
		}
	}
	if v == nil && slices.ContainsFunc(c.ownEnvFiles(), func(path string) bool { return c.stay[path][a.From].Given() }) {
		return lint.Because(lint.StaysInDotenv)
	}
	if v == nil {
		return lint.Because(lint.NotInSource)
	}
	if why := c.dockerfile(a); why.Given() {
		return why
	}
	c.doc.Remove(holder, at)
	c.grantBuild(a.Build, a.ID, v)
	c.declareSecret(v)
	for _, name := range a.Services {
		c.built[name] = append(c.built[name], &buildSecret{a.Name, a.ID, v})
	}
	return lint.Reason{}
}

// grantBuild gives a build a secret under the id that the Dockerfile mounts.
func (c *file) grantBuild(build *yaml.Node, id string, v *value) {
	item := yamldoc.Str(v.file)
	if v.file != id {
		item = yamldoc.Mapping(yamldoc.Str("source"), yamldoc.Str(v.file), yamldoc.Str("target"), yamldoc.Str(id))
		item.Style = yaml.FlowStyle
	}
	if have := yamldoc.Own(build, "secrets"); have != nil {
		have.Content = append(have.Content, item)
		return
	}
	list := yamldoc.Seq()
	list.Content = append(list.Content, item)
	build.Content = append(build.Content, yamldoc.Str("secrets"), list)
}

// dockerfile has the Dockerfile mount the secret, once for all who build it.
func (c *file) dockerfile(a *lint.BuildArg) lint.Reason {
	arg := dockerArg{a.Dockerfile, a.Name}
	if c.mounts[arg] {
		return lint.Reason{}
	}
	data, err := original(a.Dockerfile)
	if err != nil || data == nil {
		return lint.Because(lint.UnreadableDockerfile)
	}
	edits, why := lint.SecretArg(data, a.Name, a.ID)
	if why.Given() {
		return why
	}
	all := slices.Clone(c.edits[a.Dockerfile])
	for _, e := range edits {
		all = append(all, document.Edit{Range: document.Range{Start: e.Start, End: e.End}, Text: e.Text, Order: e.Order})
	}
	if err := c.stage(a.Dockerfile, data, all); err != nil {
		return lint.Because(lint.DockerfileEdit)
	}
	c.mounts[arg] = true
	return lint.Reason{}
}

// hasGrant reports whether a list of build secrets has what takes the place of
// an argument.
func hasGrant(list *yaml.Node, a dockerArg) bool {
	return slices.Contains(grants(list), lint.SecretID(a.name))
}

// grants lists the ids under which a build gets its secrets.
func grants(list *yaml.Node) []string {
	var ids []string
	for _, n := range list.Content {
		n = yamldoc.Follow(n)
		id := yamldoc.Text(n)
		if n != nil && n.Kind == yaml.MappingNode {
			if id = yamldoc.Text(yamldoc.Get(n, "target")); id == "" {
				id = yamldoc.Text(yamldoc.Get(n, "source"))
			}
		}
		ids = append(ids, id)
	}
	return ids
}

// builtWith gives the build arguments of a service, also those that this plan
// delivers as secrets: these must be granted, declared and mounted.
func (c *file) builtWith(s *service, vars map[string]string, done bool) map[string]string {
	n := yamldoc.Follow(yamldoc.Get(s.merged, "build"))
	all := map[string]string{}
	if n == nil || n.Kind != yaml.MappingNode {
		return all
	}
	for _, v := range yamldoc.Variables(yamldoc.Get(n, "args")) {
		if v.None {
			v.Value = "${" + v.Name + "}"
		}
		all[v.Name] = lint.Evaluate(v.Value, vars)
	}
	if !done {
		return all
	}
	for _, b := range c.built[s.name] {
		if list := yamldoc.Follow(yamldoc.Get(n, "secrets")); list != nil && slices.Contains(grants(list), b.id) && yamldoc.Get(yamldoc.Get(c.doc.Root, "secrets"), b.value.file) != nil {
			all[b.arg] = b.value.text
		}
	}
	return all
}
