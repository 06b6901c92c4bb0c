package deliver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/tmpfs"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/visible"
)

// Literals says how a model has the secrets that stand in the file as they are.
type Literals int

// The ways of literals.
const (
	Planned Literals = iota // as containers get them
	Masked                  // to be printed
	Shown                   // to be printed, on the user's own word
)

// writtenModel is the model for a command that may read the files which a model names, and write down what is in them: a
// secret is a name in it, and literals are masked.
func (p *Project) writtenModel(ctx context.Context) (*transform.Plan, []byte, error) {
	plan, err := p.ShownPlan(ctx)
	if err != nil {
		return nil, nil, err
	}
	p.use(plan)
	project := p.Model(plan, Masked)
	for name, s := range project.Secrets {
		project.Secrets[name] = types.SecretConfig{Name: cmp.Or(s.Name, name), External: true}
	}
	for name, c := range project.Configs {
		if strings.HasPrefix(c.File, p.storeDir()+"/") {
			project.Configs[name] = types.ConfigObjConfig{Name: cmp.Or(c.Name, name), External: true}
		}
	}
	model, err := compose.Encode(project)
	return plan, model, err
}

// publicModel is the model for a command that needs no value.
func (p *Project) publicModel(literals Literals) (*transform.Plan, []byte, error) {
	o := p.publicOptions()
	o.Tolerant = true
	plan, err := transform.New(p.Project, o)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range plan.Refused {
		p.env.Report.Warn(r.Text + "; going on, since nothing is created now")
	}
	p.use(plan)
	model, err := compose.Encode(p.Model(plan, literals))
	return plan, model, err
}

// dryModel is the model for docker compose's --dry-run, which compares it with the containers: it has the images' facts
// and the versions that the containers have.
func (p *Project) dryModel(ctx context.Context) (*transform.Plan, []byte, error) {
	plan, err := p.ShownPlan(ctx)
	if err != nil {
		return nil, nil, err
	}
	p.use(plan)
	eng, err := p.env.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = eng.Close() }() // a connection
	containers, err := eng.Containers(ctx, p.Name)
	if err != nil {
		return nil, nil, err
	}
	known := map[string]int{}
	raise(known, containers)
	model, err := compose.Encode(labelled(plan, known))
	return plan, model, err
}

// PublicPlan is a plan that needs no store and no engine: the paths in it are
// those that the store will have. Services whose image would have to be looked at stay as they are.
func (p *Project) PublicPlan() (*transform.Plan, error) {
	return transform.New(p.Project, p.publicOptions())
}

func (p *Project) publicOptions() transform.Options {
	o := p.planOptions(p.storeDir())
	o.NoValues = true
	return o
}

// storeDir is where the store has, or will have, the project's files.
func (p *Project) storeDir() string {
	return compose.Absolute(tmpfs.Dir(p.env.StoreOptions()), p.Name)
}

// Refused returns why up would not take a project, as far as that can be told without an engine and a value.
func (p *Project) Refused() error {
	_, err := transform.New(p.Project, p.planOptions(tmpfs.Dir(p.env.StoreOptions())))
	return err
}

// ShownPlan is a public plan with the facts of those images that are here. The
// others are named in a warning, with the command that fetches them.
func (p *Project) ShownPlan(ctx context.Context) (*transform.Plan, error) {
	plan, unreachable, err := p.planWithImages(ctx)
	if err != nil {
		return nil, err
	}
	p.env.warn(p.Notes(plan))
	if unreachable != nil && len(plan.Images) > 0 {
		p.env.Report.Warn(fmt.Sprintf("%s are shown as they are and not wrapped, since their images cannot be looked at: %s",
			"services "+strings.Join(plan.Images, ", "), FirstLine(unreachable)))
		return plan, nil
	}
	for _, name := range plan.Images {
		p.env.Report.Warn(fmt.Sprintf("%s: image %q is not here, so its command is shown as it is and not wrapped; get it with: %s",
			compose.ContainerText(name), imageOf(p.Project.Project, name), getImage(p.Project.Project, name)))
	}
	return plan, nil
}

// planWithImages is a public plan with the facts of those images that are here; unreachable says why the engine could not
// be asked.
func (p *Project) planWithImages(ctx context.Context) (_ *transform.Plan, unreachable, err error) {
	o := p.publicOptions()
	draft := transform.Start(p.Project, o)
	var images map[string]transform.Image
	if inspect := draft.Inspect(); len(inspect) > 0 {
		images, unreachable, err = p.imagesHere(ctx, inspect)
	}
	plan, wrong := draft.Finish(images)
	return plan, unreachable, cmp.Or(wrong, err)
}

// imagesHere are the facts of the images of services that are here.
func (p *Project) imagesHere(ctx context.Context, services []string) (images map[string]transform.Image, unreachable, err error) {
	eng, unreachable := p.env.Connect(ctx)
	if unreachable != nil {
		return nil, unreachable, context.Cause(ctx)
	}
	defer func() { _ = eng.Close() }() // a connection
	facts := p.env.openCache(factsFile)
	defer facts.save()
	images, err = imageFacts(ctx, eng, p.Project.Project, services, facts)
	return images, nil, err
}

// Model is that of a plan, with the literals that stay in it.
func (p *Project) Model(plan *transform.Plan, literals Literals) *types.Project {
	switch literals {
	case Masked:
		return p.open(plan).Mask(plan.Project)
	case Shown:
		return visible.Show(p.Project, plan.Project)
	}
	return plan.Project
}

// Located is a move with its place in the source.
type Located struct {
	transform.Move
	Position compose.Position `json:"position"`
}

// Locate finds the place of a move. A literal that an interpolation made is named by its variable; an argument
// may have others beside it.
func (p *Project) Locate(m transform.Move) Located {
	text, _ := p.Sources().Text(m.Path...)
	if m.Source == transform.LiteralSource && (m.Variable != "" || strings.HasPrefix(text, "$")) {
		var names []string
		for _, name := range p.NamesIn(m.Path, text) {
			names = append(names, "${"+name+"}")
		}
		if len(names) > 0 {
			m.Source = strings.Join(names, ", ")
		}
	}
	return Located{m, p.Sources().Find(p.Sources().Bearer(m.Path)...)}
}

// Recreation is a service that up would recreate, and the secrets that changed.
type Recreation struct {
	Service string   `json:"service"`
	Secrets []string `json:"secrets"`
}

// Recreated compares the values with those that the containers have. A project
// without containers, or an engine that does not answer, has nothing to recreate.
func (p *Project) Recreated(ctx context.Context, plan *transform.Plan) ([]Recreation, error) {
	list := []Recreation{}
	if _, err := os.Stat(compose.Absolute(tmpfs.Dir(p.env.StoreOptions()), p.Name)); err != nil {
		return list, nil //nolint:nilerr // nothing of this project is stored
	}
	eng, err := p.env.Connect(ctx)
	if err != nil {
		return list, nil //nolint:nilerr // said above
	}
	defer func() { _ = eng.Close() }() // a connection
	containers, err := eng.Containers(ctx, p.Name)
	if err != nil || len(containers) == 0 {
		return list, err
	}
	store, err := p.env.OpenStore()
	if err != nil {
		return list, err
	}
	defer func() { _ = store.Close() }() // a directory handle
	files, err := store.Project(p.Name)
	if err != nil {
		return list, err
	}
	values, err := p.Resolve(ctx, plan.Secrets, nil)
	if err != nil {
		return list, err
	}
	changed := map[string][]string{}
	for _, sec := range plan.Secrets {
		for _, f := range sec.Files {
			have, ok, err := files.Get(f.Name)
			if err != nil || !ok || have.Equal(values[sec.Name]) {
				continue
			}
			for _, name := range f.Services {
				service, isJob := compose.OwnerOf(name)
				if isJob {
					continue // each run makes its container anew
				}
				if !slices.Contains(changed[service], sec.Name) {
					changed[service] = append(changed[service], sec.Name)
				}
			}
		}
	}
	for _, service := range slices.Sorted(maps.Keys(changed)) {
		if slices.ContainsFunc(containers, func(c engine.Container) bool { return c.Service == service }) {
			list = append(list, Recreation{service, changed[service]})
		}
	}
	return list, nil
}
