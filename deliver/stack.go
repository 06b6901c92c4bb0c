package deliver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/sync/errgroup"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/swarm"
	"github.com/compose-secure/compose-secure/transform"
	"github.com/compose-secure/compose-secure/visible"
	"github.com/compose-secure/compose-secure/wrap"
)

// stackDir stands for the place of the values, which in a swarm is no path.
const stackDir = "/swarm"

// Stack is a project whose secrets and configs are to become objects of a swarm.
type Stack struct {
	Plan    *transform.Plan
	Project *types.Project // holds no value; its secrets and configs are known by key
	Secrets []*transform.Secret
	Configs map[string][]byte
}

// Values are those of the secrets alone, by key.
func (m *Stack) Values(all map[string]secret.Value) map[string]secret.Value {
	values := map[string]secret.Value{}
	for _, sec := range m.Secrets {
		values[sec.Name] = all[sec.Name]
	}
	return values
}

// Stack plans the project and gives every mount the owner and mode
// that a swarm can set by itself.
func (p *Project) Stack(ctx context.Context, eng Engine) (*Stack, error) {
	plan, err := p.stackPlan(ctx, eng)
	if err != nil {
		return nil, err
	}
	p.env.warn(p.Notes(plan))
	for _, m := range plan.Moves {
		p.env.Report.Debugf("%s: %s %s -> %s %s", m.Service, m.Delivery, m.Source, m.Secret, m.Sets)
		if m.Note != "" {
			p.env.Report.Warn("services." + m.Service + ": " + m.Note)
		}
	}
	m := &Stack{Plan: plan, Project: plan.Project.WithServicesDisabled(), Configs: map[string][]byte{}}
	for name := range m.Project.Services {
		if _, on := p.Services[name]; !on {
			delete(m.Project.Services, name) // kept in outline for docker compose
		}
	}
	m.moveConfigs()
	m.mountSecrets()
	m.declaredFiles()
	return m, errors.Join(m.readConfigs(p), m.onlySupported())
}

// stackPlan asks for the images of services that have to be wrapped.
func (p *Project) stackPlan(ctx context.Context, eng Engine) (*transform.Plan, error) {
	o := p.planOptions(stackDir)
	o.Swarm, o.HelperDir, o.InFile = true, stackDir, p.holdsSecret
	plan, err := transform.New(p.Project, o)
	if err != nil {
		return nil, err
	}
	p.use(plan) // before any program starts
	if len(plan.Inspect) == 0 {
		return plan, nil
	}
	facts := p.env.openCache(factsFile)
	defer facts.save()
	if o.Images, err = imageFacts(ctx, eng, p.Project.Project, plan.Inspect, facts); err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(plan.Images), func(name string) bool { _, ok := o.Images[name]; return ok })
	if err := p.registryFacts(ctx, eng, missing, o.Images); err != nil {
		return nil, err
	}
	if plan, err = transform.New(p.Project, o); err == nil {
		p.use(plan)
	}
	return plan, err
}

// holdsSecret reports whether a config's file holds a literal secret. A swarm shows the content of a config to
// whoever asks; a file that cannot be read is reported when it is stored.
func (p *Project) holdsSecret(path string) bool {
	data, err := safefile.Read(path)
	return err == nil && visible.InText(p.Project, string(data))
}

// registryFacts asks registries for images that this manager does not have. Whether one
// has a shell only its layers tell, so these services get the static helper.
func (p *Project) registryFacts(ctx context.Context, eng Engine, services []string, facts map[string]transform.Image) error {
	if len(services) == 0 {
		return nil
	}
	info, err := eng.Info(ctx)
	if err != nil {
		return err
	}
	found := make([]swarm.RegistryImage, len(services))
	errs := make([]error, len(services))
	registries := &swarm.Registries{
		ConfigDir: dockercli.ConfigDir(p.env.Getenv), Getenv: p.env.Getenv, Env: p.ChildEnv(), Stderr: p.env.Helpers, Insecure: info.IsInsecure,
	}
	var group errgroup.Group
	for i, name := range services {
		group.Go(func() error {
			platform := cmp.Or(p.Services[name].Platform, "linux/"+goArch(info.Architecture))
			if found[i], errs[i] = registries.LookUp(ctx, imageOf(p.Project.Project, name), platform); errs[i] != nil {
				errs[i] = fmt.Errorf("services.%s has to be wrapped, and its image is not on this manager: %w", name, errs[i])
			}
			return nil // errs has all of them, in the order of services
		})
	}
	_ = group.Wait() // see above
	for i, name := range services {
		facts[name] = transform.Image{
			Entrypoint: found[i].Entrypoint, Cmd: found[i].Cmd, Env: names(found[i].Env),
			Healthcheck: found[i].Healthcheck, HealthShell: found[i].Shell, Arch: found[i].Architecture,
		}
	}
	return errors.Join(errs...)
}

// goArch is an architecture as Go names it; the engine has the kernel's name.
func goArch(kernel string) string {
	switch kernel {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return kernel
}

// moveConfigs turns configs that hold a secret into secrets: a swarm shows the
// content of a config to whoever asks.
func (m *Stack) moveConfigs() {
	for _, sec := range m.Plan.Secrets {
		for _, f := range sec.Files {
			for key, c := range m.Project.Configs {
				if c.File != path.Join(stackDir, f.Name) {
					continue
				}
				delete(m.Project.Configs, key)
				if m.Project.Secrets == nil {
					m.Project.Secrets = types.Secrets{}
				}
				m.Project.Secrets[f.Name] = types.SecretConfig{Labels: c.Labels}
				m.eachService(func(s *types.ServiceConfig) {
					s.Configs = slices.DeleteFunc(s.Configs, func(ref types.ServiceConfigObjConfig) bool {
						if ref.Source != key {
							return false
						}
						moved := types.ServiceSecretConfig(ref)
						if moved.Source = f.Name; moved.Target == "" {
							moved.Target = "/" + key
						}
						s.Secrets = append(s.Secrets, moved)
						return true
					})
				})
			}
		}
	}
}

func (m *Stack) eachService(change func(*types.ServiceConfig)) {
	for name, s := range m.Project.Services {
		change(&s)
		m.Project.Services[name] = s
	}
}

// mountSecrets makes one secret of all the files of a value, which differ in
// owner and mode alone.
func (m *Stack) mountSecrets() {
	labels := map[string]types.Labels{}
	for _, sec := range m.Plan.Secrets {
		used := false
		for _, f := range sec.Files {
			if own := m.Project.Secrets[f.Name].Labels; own != nil {
				labels[sec.Name] = own
			}
			delete(m.Project.Secrets, f.Name)
			m.eachService(func(s *types.ServiceConfig) {
				for i, ref := range s.Secrets {
					if ref.Source != f.Name {
						continue
					}
					used = true
					s.Secrets[i] = mounted(ref, sec.Name, f)
				}
			})
		}
		if used {
			m.Secrets = append(m.Secrets, sec)
		}
	}
	for _, sec := range m.Secrets {
		if m.Project.Secrets == nil {
			m.Project.Secrets = types.Secrets{}
		}
		m.Project.Secrets[sec.Name] = types.SecretConfig{Labels: labels[sec.Name]}
	}
}

func mounted(ref types.ServiceSecretConfig, name string, f transform.StoredFile) types.ServiceSecretConfig {
	if ref.Target == "" {
		ref.Target = f.Name
	}
	ref.Source = name
	if f.UID != 0 && ref.UID == "" {
		ref.UID = strconv.Itoa(f.UID)
	}
	if f.GID != 0 && ref.GID == "" {
		ref.GID = strconv.Itoa(f.GID)
	}
	if ref.Mode == nil && f.Mode != 0o444 {
		mode := types.FileMode(f.Mode)
		ref.Mode = &mode
	}
	return ref
}

// declaredFiles takes in the secrets that are plain files, and drops those that
// no service uses.
func (m *Stack) declaredFiles() {
	for key, sec := range m.Project.Secrets {
		if bool(sec.External) || slices.ContainsFunc(m.Secrets, func(have *transform.Secret) bool { return have.Name == key }) {
			continue
		}
		used := false
		m.eachService(func(s *types.ServiceConfig) {
			used = used || slices.ContainsFunc(s.Secrets, func(ref types.ServiceSecretConfig) bool { return ref.Source == key })
		})
		if !used || sec.File == "" {
			delete(m.Project.Secrets, key)
			continue
		}
		ref := secret.Ref{Scheme: "file", Path: sec.File}
		m.Secrets = append(m.Secrets, &transform.Secret{Name: key, Parts: []secret.Part{{Input: &secret.Input{Ref: &ref}}}, At: []string{"secrets", key, "file"}})
	}
	slices.SortFunc(m.Secrets, func(a, b *transform.Secret) int { return strings.Compare(a.Name, b.Name) })
}

// maxConfig is the size in bytes that a config must stay under: 1000 KiB, at which a swarm refuses one.
const maxConfig = 1_024_000

// readConfigs gets the content of the configs that services use.
func (m *Stack) readConfigs(p *Project) error {
	executable := types.FileMode(0o555)
	for _, h := range m.Plan.Helpers {
		binary, err := wrap.Helper(h.Arch)
		if err != nil {
			return err
		}
		m.Configs[h.Config] = binary
		m.eachService(func(s *types.ServiceConfig) {
			for i := range s.Configs {
				if s.Configs[i].Source == h.Config {
					s.Configs[i].Mode = &executable
				}
			}
		})
	}
	for key, c := range m.Project.Configs {
		if _, ok := m.Configs[key]; ok || bool(c.External) {
			continue
		}
		content := []byte(c.Content)
		switch {
		case c.Environment != "":
			content = []byte(p.Environment[c.Environment])
		case c.File != "":
			var err error
			content, err = safefile.ReadLimit(c.File, maxConfig-1)
			if errors.Is(err, safefile.ErrNotRegular) || errors.Is(err, safefile.ErrTooLarge) {
				return fmt.Errorf("configs.%s: %q is no regular file under %d bytes, which is what a swarm takes", key, c.File, maxConfig)
			}
			if err != nil {
				return fmt.Errorf("configs.%s: %w", key, err)
			}
		}
		m.Configs[key] = content
	}
	return nil
}

// onlySupported refuses what would change its meaning without a word.
func (m *Stack) onlySupported() error {
	var errs []error
	for key, sec := range m.Project.Secrets {
		if sec.Driver != "" || sec.TemplateDriver != "" {
			errs = append(errs, fmt.Errorf("secrets.%s: driver and template_driver are not supported: create the secret with docker secret create and declare it external", key))
		}
	}
	for key, c := range m.Project.Configs {
		if c.Driver != "" || c.TemplateDriver != "" {
			errs = append(errs, fmt.Errorf("configs.%s: template_driver is not supported: create the config with docker config create and declare it external", key))
		}
	}
	return errors.Join(errs...)
}

// Docker is the docker command, with an environment in which no project's secret stands.
func (e *Env) Docker() (swarm.Docker, error) {
	path, err := exec.LookPath("docker")
	if err != nil {
		return swarm.Docker{}, errors.New("the docker command is not installed; install it (Debian: docker-cli, elsewhere: docker-ce-cli)")
	}
	return swarm.Docker{Path: path, Env: e.ChildEnv(), Stdout: e.Stderr, Stderr: e.Stderr, NoPrestart: e.Getenv(dockercli.PrestartVariable) == "off"}, nil
}

// Deployment is what of a stack's deployment the project and its values say.
func (p *Project) Deployment(ctx context.Context, eng Engine) (swarm.Deployment, error) {
	docker, err := p.env.Docker()
	if err != nil {
		return swarm.Deployment{}, err
	}
	model, err := p.Stack(ctx, eng)
	if err != nil {
		return swarm.Deployment{}, err
	}
	values, err := p.Resolve(ctx, model.Secrets, model.Plan.Kept)
	if err != nil {
		return swarm.Deployment{}, err
	}
	docker.Env = p.ChildEnv()
	return swarm.Deployment{
		Project: model.Project, Secrets: model.Values(values), Configs: model.Configs, Docker: docker, Ignored: p.warnIgnored,
		Fill: func(text []byte) ([]byte, error) {
			return compose.Fill(text, model.Plan.Inputs, func(in *secret.Input) secret.Value {
				if in.Ref != nil {
					return values[in.Ref.ID()]
				}
				return in.Known
			})
		},
	}, nil
}

// warnIgnored says once for each key that Swarm has no use for it.
func (p *Project) warnIgnored(list []swarm.Ignored) {
	for _, ig := range list {
		at := ""
		if position := p.Sources().Find(ig.Paths[0]...); position.File != "" {
			at = position.String() + ": "
		}
		more := ""
		if n := len(ig.Paths) - 1; n > 0 {
			more = fmt.Sprintf(" (and in %d more places)", n)
		}
		p.env.Report.Warn(fmt.Sprintf("%s%s has no effect in a swarm%s", at, ig.Key, more))
	}
}
