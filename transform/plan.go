// Package transform plans which secrets leave the model and how each reaches
// its container. It is pure: a loaded project and facts go in, a list of moves
// and a new project that holds no value come out. It resolves, stores and
// runs nothing.
package transform

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/wrap"
)

// Delivery is the way a value takes into a container.
type Delivery string

// The deliveries of one variable.
const (
	File Delivery = "file" // the image reads a file that a variable names
	Wrap Delivery = "wrap" // the entrypoint is wrapped and sets the variable from a file
	Env  Delivery = "env"  // left in the environment, because the user asked for it
	Kept Delivery = "kept" // a secret that was a file already; only where its value lives moves
)

// LiteralSource is the Source of a value that stands in a compose file itself.
const LiteralSource = "literal in the compose file"

// Unknown is the policy for images that the catalogue does not know.
type Unknown string

// The values of --unknown-images.
const (
	UnknownWrap Unknown = "wrap"
	UnknownFile Unknown = "file"
	UnknownFail Unknown = "fail"
)

// Options are the facts that a plan rests on.
type Options struct {
	Dir     string  // absolute directory in which the files of this project's secrets stand
	Unknown Unknown // "" is wrap
	Catalog *secret.Catalog
	// Images are the facts of the images of services that need wrapping, by
	// service. A service without an entry is listed in Plan.Images.
	Images map[string]Image
	// HelperDir is the directory of the static helpers for images without a shell.
	HelperDir string
	// Schemes are those of references that have a source; nil takes any.
	Schemes []string
	// NoValues says that no value will be resolved: a variable of a secret that
	// is not set is no error then, so that "down" works in another terminal.
	NoValues bool
	// InText reports whether the content of a config holds a literal secret, nil that none does. Such a config
	// is stored as a secret is.
	InText func(content string) bool
	// InArguments finds the literal secrets in an argument list for an image, in order and none over another; nil finds none.
	InArguments func(image string, argv []string) []secret.Argument
	// InFile is InText for a config's file, nil where a file is mounted as it is.
	InFile func(path string) bool
	// Swarm says that the model is for docker stack deploy.
	Swarm bool
	// Tolerant says that nothing will be created: a secret in a place that cannot hold
	// one goes to Plan.Refused, and its placeholder stays in Plan.Project.
	Tolerant bool
}

// Move says how one value reaches one service.
type Move struct {
	Service  string   `json:"service"`
	Variable string   `json:"variable,omitempty"` // "" for a secret that was a file already
	Secret   string   `json:"secret,omitempty"`
	Delivery Delivery `json:"delivery"`
	Source   string   `json:"source"`           // where the value comes from, for people
	Sets     string   `json:"sets,omitempty"`   // the variable set instead, NAME=VALUE, no secret in it
	Target   string   `json:"target,omitempty"` // the file in the container
	Note     string   `json:"note,omitempty"`
	Path     []string `json:"-"` // of the value in the model, for compose.Sources
}

// Secret is one value to be resolved and stored.
type Secret struct {
	Name  string
	Parts []secret.Part // the value is their concatenation
	Files []StoredFile  // at least one
	At    []string      // the path in the model where the value stands first, for compose.Sources
}

// StoredFile is one file that holds the secret: one for each owner and mode.
type StoredFile struct {
	Name     string // in Options.Dir
	UID, GID int
	Mode     uint32
	Services []string // that mount it, sorted
}

// Plan is the outcome.
type Plan struct {
	Moves   []Move
	Secrets []*Secret
	Project *types.Project // holds no value
	Images  []string       // services whose image facts are missing: the plan is not complete
	Inspect []string       // services whose image facts can change the plan
	Inputs  *secret.Inputs
	// Warnings are secrets that no plan can hide, one line each, with position.
	Warnings []string
	// Refused are what would be errors of a plan that is not tolerant, in the same words.
	Refused []Refusal
	Helpers []Helper // static helpers that the model mounts
	// Kept are the values that stay in the environment: their placeholders
	// still stand in Project.
	Kept []KeptValue

	byName     map[string]*Secret
	byIdentity map[string]*Secret // those that have one
	arguments  map[string]bool    // see TakesArgument
}

// New plans project p. Its error joins one line for each thing that cannot
// work, with the position in the source.
func New(p *compose.Project, o Options) (*Plan, error) { return Start(p, o).Finish(o.Images) }

// Draft is a plan up to where the facts of images count.
type Draft struct {
	*builder
	given   *compose.Project
	options Options
}

// Start plans all that needs no image. What cannot work is an error of [Draft.Finish].
func Start(p *compose.Project, o Options) *Draft {
	options := o
	if o.Catalog == nil {
		o.Catalog = secret.Default()
	}
	if o.Unknown == "" {
		o.Unknown = UnknownWrap
	}
	given := p
	if project := compose.AsServices(p.Project); project != p.Project {
		p = p.With(project)
	}
	b := &builder{
		Options: o, source: p, names: map[string]string{}, mounts: map[string]mounts{}, failed: map[string]bool{}, arguments: map[[2]string]argument{},
		plan: &Plan{Project: p.WithServicesDisabled(), Inputs: p.Inputs, byName: map[string]*Secret{}, byIdentity: map[string]*Secret{}, arguments: map[string]bool{}},
	}
	for name := range b.plan.Project.Secrets {
		b.names[name] = "" // taken by the user
	}
	if o.Swarm { // which runs services only
		maps.DeleteFunc(b.plan.Project.Services, func(name string, _ types.ServiceConfig) bool { return !compose.IsService(name) })
	}
	b.policyNames()
	b.declared()
	for _, name := range b.plan.Project.ServiceNames() {
		b.service(name)
	}
	// They mean nothing to docker compose, and what stands in them are the templates that anchors copy into
	// services: the same secrets once more.
	compose.DropExtensions(b.plan.Project)
	b.literals()
	b.hooks()
	return &Draft{b, given, options}
}

// Inspect returns the services whose image facts can change the plan, as [Plan] has them.
func (d *Draft) Inspect() []string {
	var list []string
	for _, name := range d.plan.Project.ServiceNames() {
		s := d.plan.Project.Services[name]
		if len(s.VolumesFrom) > 0 { // whose images count is known when all is planned
			if plan, err := New(d.given, d.options); err == nil {
				return plan.Inspect
			}
			return nil
		}
		if d.wants(s) {
			list = append(list, name)
		}
	}
	return list
}

// Finish completes the plan with the facts of images, by service. It may be called once.
func (d *Draft) Finish(images map[string]Image) (*Plan, error) {
	o := d.options
	for name, facts := range images { // an entrypoint that was read may take as a file what is wrapped here
		_, planned := d.options.Images[name]
		if _, known := d.Catalog.Lookup(d.plan.Project.Services[name].Image); !planned && !known && facts.Reads != "" && d.Unknown == UnknownWrap {
			o.Images = images
			return New(d.given, o)
		}
	}
	d.Images = images
	d.finish()
	d.schemes()
	if len(d.errs) > 0 {
		return nil, errors.Join(d.errs...)
	}
	return d.plan, nil
}

// Variables are those that left the environment of a service, each with its file in the container.
func (p *Plan) Variables(service string) []wrap.Var {
	var vars []wrap.Var
	for _, m := range p.Moves {
		if m.Service != service || m.Variable == "" || m.Target == "" {
			continue
		}
		v := wrap.Var{Name: m.Variable, Path: m.Target}
		if sets, _, _ := strings.Cut(m.Sets, "="); sets != m.Variable {
			v.Replaces = sets
		}
		vars = append(vars, v)
	}
	return vars
}

// KeptValue is a value that services keep in their environment.
type KeptValue struct {
	Service string
	Inputs  []*secret.Input
	At      []string // as in Secret
}

type builder struct {
	Options
	source *compose.Project
	plan   *Plan
	names  map[string]string // secret name -> identity of its value
	mounts map[string]mounts // by service
	errs   []error
	failed map[string]bool      // paths that an error is about
	wraps  map[string][]wrapped // service -> variables to be wrapped
	plain  map[string][]wrapped // service -> variables delivered as a file
	// arguments are those that hold a literal, by service and text.
	arguments map[[2]string]argument
}

func (b *builder) fail(path []string, format string, args ...any) {
	b.failed[dotted(path)] = true
	b.errs = append(b.errs, errors.New(b.at(path)+fmt.Sprintf(format, args...)))
}

// Refusal is a secret that stands where none can be held.
type Refusal struct {
	Text   string // position, what and how to mend it
	Inputs []*secret.Input
}

// refuse is fail for a secret that is out of place.
func (b *builder) refuse(found compose.Found, format string, args ...any) {
	if !b.Tolerant {
		b.fail(found.Path, format, args...)
		return
	}
	b.plan.Refused = append(b.plan.Refused, Refusal{b.at(found.Path) + fmt.Sprintf(format, args...), b.source.Inputs.Find(found.Text)})
}

// at is the position of a value, to stand in front of a message, or "".
func (b *builder) at(path []string) string {
	if position := b.source.Sources().Find(path...); position.File != "" {
		return position.String() + ": "
	}
	return ""
}

// schemes refuses references that nothing can resolve, once each.
func (b *builder) schemes() {
	told := map[string]bool{}
	check := func(in *secret.Input, at []string) {
		if b.Schemes == nil || in == nil || in.Ref == nil || slices.Contains(b.Schemes, in.Ref.Scheme) || told[in.Ref.ID()] {
			return
		}
		told[in.Ref.ID()] = true
		b.fail(b.source.Sources().Bearer(at), "%s: %v", in.Ref, &secret.SchemeError{Scheme: in.Ref.Scheme, Known: b.Schemes})
	}
	for _, s := range b.plan.Secrets {
		for _, p := range s.Parts {
			check(p.Input, s.At)
		}
	}
	for _, k := range b.plan.Kept {
		for _, in := range k.Inputs {
			check(in, k.At)
		}
	}
}

// service moves the secrets in the environment of one service.
func (b *builder) service(name string) {
	project := b.plan.Project
	s := project.Services[name]
	path := compose.ContainerPath(name)
	policy, err := compose.ServicePolicyOf(s.Extensions[compose.Extension])
	if err != nil {
		b.fail(append(path, compose.Extension), "%s: %v", dotted(path), err)
		return
	}
	delete(s.Extensions, compose.Extension)
	if _, _, hook := compose.HookOf(name); !hook { // which has that of its service
		b.serviceNames(s, policy)
	}
	image, known := b.Catalog.Lookup(s.Image)
	reader := imageReader{name: s.Image, image: image, known: known && !image.Unsupported, policy: policy, unknown: b.Unknown,
		program: secret.Program{Entrypoint: s.Entrypoint != nil, Command: s.Command}}
	if facts := b.Images[name]; !known && facts.Reads != "" && b.Unknown == UnknownWrap {
		reader.look(facts)
	}
	env := types.MappingWithEquals{}
	for k, v := range s.Environment {
		env[k] = v
	}
	for _, variable := range sortedKeys(s.Environment) {
		value := s.Environment[variable]
		if value == nil || *value == "" {
			continue
		}
		at := b.setAt(name, variable, *value)
		parts, source := b.parts(variable, *value, at)
		if parts == nil {
			continue
		}
		if slices.Contains(policy.Env, variable) {
			env[variable] = b.keep(name, variable, *value, at)
			b.plan.Moves = append(b.plan.Moves, Move{Service: name, Variable: variable, Delivery: Env, Source: source, Path: at,
				Note: "stays visible in docker inspect, as " + compose.Extension + ".env asks"})
			continue
		}
		b.variable(&s, env, reader, variable, parts, source, at)
	}
	s.Environment = env
	project.Services[name] = s
}

// setAt is the path of a variable of a container: of its service, when it is one that a hook has from there.
func (b *builder) setAt(name, variable, value string) []string {
	if service, _, ok := compose.HookOf(name); ok {
		if own := b.source.Services[service].Environment[variable]; own != nil && *own == value {
			name = service
		}
	}
	return compose.ContainerPath(name, "environment", variable)
}

// inherited returns the secret of the same value that the service of a hook has for a variable, nil when there is none.
func (b *builder) inherited(name, variable string, parts []secret.Part) *Secret {
	service, _, ok := compose.HookOf(name)
	value, known := knownValue(parts)
	if !ok || !known {
		return nil
	}
	for _, m := range b.plan.Moves {
		if m.Service != service || m.Variable != variable || b.plan.byName[m.Secret] == nil {
			continue
		}
		if have, ok := knownValue(b.plan.byName[m.Secret].Parts); ok && have.Equal(value) {
			return b.plan.byName[m.Secret]
		}
	}
	return nil
}

// keep leaves a value in the environment on the user's own word. A literal
// gets a placeholder too, so that a printed model shows none.
func (b *builder) keep(service, variable, value string, at []string) *string {
	if !b.source.Inputs.Has(value) {
		in := secret.Input{Name: variable, Known: secret.NewValue([]byte(value))}
		if ref, err := secret.ParseRef(value); err == nil {
			in = secret.Input{Name: variable, Ref: &ref}
		}
		value = b.source.Inputs.Placeholder(in)
	}
	b.plan.Kept = append(b.plan.Kept, KeptValue{service, b.source.Inputs.Find(value), at})
	return &value
}

// parts decides whether a value is secret; nil says that it is not.
func (b *builder) parts(variable, value string, path []string) ([]secret.Part, string) {
	if b.source.Inputs.Has(value) {
		return b.source.Inputs.Split(value), b.origin(value)
	}
	if secret.IsRef(value) {
		ref, err := secret.ParseRef(value)
		if err != nil {
			b.fail(path, "%s: %v", variable, err)
			return nil, ""
		}
		return []secret.Part{{Input: &secret.Input{Ref: &ref}}}, ref.String()
	}
	if b.source.Detect.ClassifyFinal(variable, value).Secret {
		return []secret.Part{{Literal: secret.NewValue([]byte(value))}}, LiteralSource
	}
	return nil, ""
}

func (b *builder) origin(value string) string {
	var names []string
	for _, in := range b.source.Inputs.Find(value) {
		text := in.String()
		if in.Origin != "" {
			text += " from " + in.Origin
		}
		if !slices.Contains(names, text) {
			names = append(names, text)
		}
	}
	return strings.Join(names, ", ")
}

// variable delivers one secret variable by file or by wrap.
func (b *builder) variable(s *types.ServiceConfig, env types.MappingWithEquals, reader imageReader, variable string, parts []secret.Part, source string, at []string) {
	how, form, err := reader.delivery(variable)
	if err != nil {
		b.fail(at, "%s: %v", compose.ContainerText(s.Name), err)
		return
	}
	sec := b.inherited(s.Name, variable, parts)
	if sec == nil {
		sec = b.secret(s.Name, variable, parts, at)
	}
	target := b.place(s, sec.Name)
	move := Move{Service: s.Name, Variable: variable, Secret: sec.Name, Delivery: how, Source: source, Path: at}
	owner := fileOwner{mode: 0o444}
	if how == File {
		if form.Target != "" {
			target = form.Target
		}
		if form.Variable != "" && form.Variable != variable {
			if other := s.Environment[form.Variable]; other != nil && *other != "" {
				b.fail(at, "%s sets both %s and %s; remove %s, or %s if the file is the one to use", compose.ContainerText(s.Name), variable, form.Variable, form.Variable, variable)
				return
			}
		}
		delete(env, variable)
		if form.Variable != "" {
			value := fmt.Sprintf(form.ValueFormat, target)
			env[form.Variable] = &value
			move.Sets = form.Variable + "=" + value
		}
		owner = reader.owner()
		move.Note = reader.note()
		b.note(&b.plain, s.Name, wrapped{variable, target})
	} else {
		delete(env, variable)
		b.note(&b.wraps, s.Name, wrapped{variable, target})
	}
	move.Target = target
	b.mount(s, sec, target, owner, at)
	b.plan.Moves = append(b.plan.Moves, move)
}

func (b *builder) note(into *map[string][]wrapped, service string, w wrapped) {
	if *into == nil {
		*into = map[string][]wrapped{}
	}
	(*into)[service] = append((*into)[service], w)
}
