// Package compose loads a Compose project without letting a secret into it,
// finds the place of a value in the source files, writes a model that
// docker compose reads back unchanged, and runs docker compose.
//
// It decides what is a secret only with package secret, and never resolves,
// stores or decrypts one: every secret stands in the loaded model as a
// placeholder of secret.Inputs.
package compose

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/subprocess"
)

// Options says which project to load, in the terms of docker compose's own
// global flags: https://docs.docker.com/reference/cli/docker/compose/.
type Options struct {
	Files            []string // -f
	ProjectName      string   // -p
	ProjectDirectory string   // --project-directory
	Profiles         []string // --profile
	EnvFiles         []string // --env-file
	Environ          []string // the process environment, NAME=VALUE
	Services         []string // named on the command line: enabled whatever their profile

	Stdin io.Reader // read for -f -

	// Size is told how large the compose files are, in bytes, before they are
	// parsed; may be nil.
	Size func(int64)
	// Checked tells which files need no validation; nil knows none.
	Checked Checked
	// Encrypted recognises encrypted files; nil recognises none.
	Encrypted Encrypted
}

// Encrypted recognises and lists encrypted files. It must not decrypt.
type Encrypted interface {
	// Inspect returns the variables of an encrypted file in file order, or
	// ok == false when data is not encrypted.
	Inspect(path string, data []byte) (vars []EncryptedVariable, ok bool, err error)
	// WholeFile returns the reference to the complete plaintext of an encrypted file.
	WholeFile(path string, data []byte) (ref secret.Ref, ok bool, err error)
}

// Checked remembers lists of compose files that were merged and found valid. Compiling the
// schema takes most of the time to load a small project, and docker compose validates the new model anyway.
type Checked interface {
	// Has reports whether files, absolute paths, are as they were when Add got them.
	Has(files []string) bool
	// Add notes that files are valid.
	Add(files []string)
}

// EncryptedVariable is one entry of an encrypted file.
type EncryptedVariable struct {
	Name  string
	Plain string      // the value, when Ref is nil: the file holds it in the clear
	Ref   *secret.Ref // where to get the value
}

// Project is a loaded project in which every secret is a placeholder.
type Project struct {
	*types.Project
	Inputs *secret.Inputs
	Policy Policy
	Detect secret.Policy

	// ConfigFiles, absolute, in the order they were merged.
	ConfigFiles []string
	// Variables that reach the docker compose process: docker compose's own
	// (COMPOSE_FILE and so on) of env files. None holds a secret.
	DotEnv map[string]string
	// SecretNames are the variables of the environment that hold a secret.
	SecretNames []string
	// Warnings are one line each, and hold no value.
	Warnings []string

	faults   map[string]error // by placeholder: what is wrong with a variable, if it is used
	envFiles *envFiles
	// givenEnvFiles are those of Options, or of COMPOSE_ENV_FILES.
	givenEnvFiles []string
	sources       *Sources
	located       *Sources // while the project is loaded
	tried         []string // config files, known before they are loaded
}

// With returns p with another model in its place.
func (p *Project) With(project *types.Project) *Project {
	p.Sources() // once for both
	other := *p
	other.Project = project
	return &other
}

// ErrNoFile says that no compose file was named or found.
var ErrNoFile = errors.New("no compose file found")

// Load reads the project. Values never enter it: not those of encrypted files,
// not ref+ references, not variables whose name or content is that of a
// secret. Errors name the file, and line and column where there are ones, and
// hold no value. It decrypts nothing, starts no program and reaches no server, whatever
// the project's files say.
func Load(ctx context.Context, o Options) (*Project, error) {
	p := &Project{Inputs: secret.NewInputs(), faults: map[string]error{}}
	p.envFiles = &envFiles{project: p, encrypted: o.Encrypted, data: map[string][]byte{}, given: map[string]bool{}, from: map[string]string{}, references: references{}, bases: map[string]string{}}
	defer p.hideNames()()
	project, err := p.load(ctx, o)
	if err != nil {
		return nil, p.explain(err)
	}
	p.Project = project
	return p, nil
}

func (p *Project) load(ctx context.Context, o Options) (*types.Project, error) {
	environ := mapping(o.Environ)
	if len(o.EnvFiles) == 0 && environ["COMPOSE_ENV_FILES"] != "" {
		o.EnvFiles = strings.Split(environ["COMPOSE_ENV_FILES"], ",")
	}
	p.givenEnvFiles = o.EnvFiles
	p.envFiles.named = len(o.EnvFiles) > 0
	guarding := &guard{}
	valid := false
	dotenv := func(po *cli.ProjectOptions) error { return p.envFiles.merge(po) }
	po, err := cli.NewProjectOptions(o.Files,
		cli.WithWorkingDirectory(o.ProjectDirectory),
		func(po *cli.ProjectOptions) error { return setEnviron(po, environ) },
		cli.WithEnvFiles(o.EnvFiles...), dotenv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		cli.WithEnvFiles(o.EnvFiles...), dotenv,
		cli.WithDefaultProfiles(o.Profiles...),
		cli.WithName(o.ProjectName),
		cli.WithoutEnvironmentResolution,
		cli.WithResourceLoader(guarding),
		cli.WithLoadOptions(func(lo *loader.Options) {
			if lo.Interpolate != nil { // nil while compose-go only lists the files
				lo.Interpolate.Substitute = p.substitute
				lo.SkipResolveLabels = true                                                                          // see withLabels
				lo.SkipValidation, lo.SkipConsistencyCheck = p.envFiles.sourceAlone || valid, p.envFiles.sourceAlone // see validate; docker compose checks the new model
				lo.Interpolate.TypeCastMapping = narrowCasts(withLists(lo.Interpolate.TypeCastMapping), p.tried)
			}
		}),
	)
	if err != nil {
		return nil, err
	}
	if len(po.ConfigPaths) == 0 {
		return nil, ErrNoFile
	}
	if err := p.readPolicy(po, o); err != nil {
		return nil, err
	}
	if err := p.hideSecrets(po, environ); err != nil {
		return nil, err
	}
	if o.Size != nil {
		o.Size(totalSize(p.tried))
	}
	if po.Name == "" && po.Environment["COMPOSE_PROJECT_NAME"] == "" {
		po.Name = quickName(p.tried)
	}
	checkable := o.Checked != nil && p.isAlone()
	valid = checkable && o.Checked.Has(p.tried)
	if po.ConfigPaths, err = p.addSources(p.tried); err != nil {
		return nil, err
	}
	guarding.start(po)
	project, err := po.LoadProject(ctx)
	if err != nil {
		return nil, err
	}
	if project, err = withLabels(project); err != nil {
		return nil, err
	}
	if found := p.Inputs.Find(project.Name); len(found) > 0 {
		position, _ := openSources(p.tried).mention(found[0].Name)
		return nil, reportf("%s%s is a secret, and the project's name cannot hold one; %s", prefix(position), found[0], MoveAdvice(found[0]))
	}
	p.ConfigFiles = project.ComposeFiles[:len(p.tried)]
	if project, err = enable(project, o.Services); err != nil {
		return nil, err
	}
	if project, err = p.resolveEnvironment(project); err != nil {
		return nil, err
	}
	if checkable && !valid && len(p.tried) == len(po.ConfigPaths) {
		o.Checked.Add(p.tried)
	}
	p.dropSecretExtensions(project)
	return project, p.usedFault(project)
}

// isAlone reports whether the loader reads no compose file but the main ones, which stand on
// disk, and drops nothing while it validates them.
func (p *Project) isAlone() bool {
	for _, path := range p.tried {
		data, err := readFile(path)
		mentioned := func(word string) bool { return bytes.Contains(data, []byte(word)) }
		if err != nil || strings.HasPrefix(path, "/proc/") || slices.ContainsFunc([]string{"include", "extends", "version"}, mentioned) {
			return false
		}
	}
	return true
}

// readPolicy reads the x-compose-secure of the main files, before they are
// loaded: it says which encrypted files define variables for them.
func (p *Project) readPolicy(po *cli.ProjectOptions, o Options) error {
	dir, err := po.GetWorkingDir()
	if err != nil {
		return err
	}
	if err := p.bufferStdin(po, o.Stdin); err != nil {
		return err
	}
	p.tried = po.ConfigPaths
	for _, path := range po.ConfigPaths {
		data, err := readFile(path)
		if err != nil {
			return err
		}
		if err := checkAliases(path, data); err != nil {
			return err
		}
		policy, err := parsePolicy(path, data)
		if err != nil {
			return err
		}
		p.Policy.add(policy)
	}
	p.Detect = secret.Policy{Secret: p.Policy.Secret, Plain: p.Policy.Plain}
	if err := p.Detect.Validate(); err != nil {
		return reportf("%s: %v", Display(po.ConfigPaths[0]), err)
	}
	for _, file := range p.Policy.SOPS {
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		if err := p.envFiles.requireEncrypted(po, file); err != nil {
			return err
		}
	}
	return nil
}

// hideSecrets puts a placeholder for every secret of the environment, so that
// compose-go never holds a value, whatever it does with a variable. It starts anew as
// long as an included file calls more of them secret.
func (p *Project) hideSecrets(po *cli.ProjectOptions, environ map[string]string) error {
	for known := -1; known != len(p.Detect.Secret); {
		known = len(p.Detect.Secret)
		p.SecretNames, p.DotEnv = nil, map[string]string{}
		p.envFiles.included, p.envFiles.clean = map[variable]string{}, map[variable]bool{}
		p.envFiles.unchecked = nil
		if err := p.hideKnown(po, environ); err != nil {
			return err
		}
	}
	return p.envFiles.validate()
}

func (p *Project) hideKnown(po *cli.ProjectOptions, environ map[string]string) error {
	process := map[string]string{}
	for name := range environ {
		process[name] = po.Environment[name]
	}
	if err := p.hideAll(process); err != nil {
		return err
	}
	for name, hidden := range process {
		if hidden != environ[name] {
			p.SecretNames = append(p.SecretNames, name)
		}
	}
	slices.Sort(p.SecretNames)
	if err := p.envFiles.mergeHidden(po, process); err != nil {
		return err
	}
	if err := p.hideAll(po.Environment); err != nil {
		return err
	}
	for name, hidden := range po.Environment {
		if subprocess.IsCompose(name) && environ[name] == "" && !p.Inputs.Has(hidden) && !secret.IsRef(hidden) && !p.Detect.ClassifyFinal(name, hidden).Secret {
			p.DotEnv[name] = hidden
		}
	}
	p.envFiles.top = maps.Clone(po.Environment)
	dir, err := po.GetWorkingDir()
	if err != nil {
		return err
	}
	for _, path := range po.ConfigPaths {
		data, err := readFile(path)
		if err != nil {
			return err
		}
		p.envFiles.unchecked = append(p.envFiles.unchecked, uncheckedFile{path, data, lookupIn(p.envFiles.top)})
		if err := p.envFiles.findIncluded(data, dir, p.envFiles.top); err != nil {
			return err
		}
	}
	return nil
}

// hideAll puts placeholders in place of the secrets among values.
func (p *Project) hideAll(values map[string]string) error {
	for name, value := range values {
		hidden, err := p.hide(name, value, p.envFiles.origin(name))
		if err != nil {
			return err
		}
		values[name] = hidden
	}
	return nil
}

// Hide returns a placeholder for the value of a variable when it is secret,
// and any other value as it is.
func (p *Project) Hide(name, value string) (string, error) {
	return p.hide(name, value, "the command line")
}

// hide returns the placeholder for a secret value and any other value as it is. What is
// wrong with a variable of the process, which may have nothing to do with the project, is
// kept until the project uses it.
func (p *Project) hide(name, value, origin string) (string, error) {
	hidden, err := p.hideValid(name, value, origin)
	if err == nil || origin != processOrigin {
		return hidden, err
	}
	token := p.Inputs.Placeholder(secret.Input{Name: name, Origin: origin, Known: secret.NewValue([]byte(value))})
	p.faults[token] = err
	return token, nil
}

func (p *Project) hideValid(name, value, origin string) (string, error) {
	if value == "" || p.Inputs.Has(value) || subprocess.IsCompose(name) {
		return value, nil
	}
	if token, ok := p.envFiles.included[variable{name, value}]; ok {
		return token, nil
	}
	if secret.IsRef(value) {
		ref, err := secret.ParseRef(value)
		if err != nil {
			return "", reportf("%s: variable %s: %v", origin, name, err)
		}
		ref = absolute(ref, p.envFiles.base)
		return p.Inputs.Placeholder(secret.Input{Name: name, Origin: origin, Ref: &ref}), nil
	}
	if strings.HasPrefix(value, secret.SOPSMark) {
		return "", reportf("%s: variable %s is encrypted, but its file could not be found or is no SOPS file; name the file with --env-file or in %s.sops", origin, name, Extension)
	}
	if p.Detect.ClassifyFinal(name, value).Secret {
		return p.Inputs.Placeholder(secret.Input{Name: name, Origin: origin, Known: secret.NewValue([]byte(value))}), nil
	}
	return value, nil
}

// substitute is compose-go's interpolation with secrets hidden. The process
// environment and the project's env files are hidden already; this catches
// the env files of included projects, which compose-go reads on its own.
func (p *Project) substitute(text string, lookup template.Mapping) (string, error) {
	return p.interpolate(text, lookup, map[string]string{})
}

// maxInterpolated bounds the number of variables in a value times its length in bytes, which
// is what compose-go's interpolation takes time in proportion to.
const maxInterpolated = 16 << 20

var errVariables = errors.New("one value has too many variables for its length; split it, or write what they stand for")

func manyVariables(text string) bool {
	return len(text) > 1<<10 && strings.Count(text, "$")*len(text) > maxInterpolated
}

// interpolate is substitute; see withDefaults for known.
func (p *Project) interpolate(text string, lookup template.Mapping, known map[string]string) (string, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	if manyVariables(text) {
		return "", reportf("%v", errVariables)
	}
	var failed error
	outer := p.withDefaults(text, lookup, known)
	result, err := template.Substitute(text, func(name string) (string, bool) {
		value, ok := outer(name)
		if !ok || value == "" {
			return value, ok
		}
		hidden, err := p.hide(name, value, "an included env file")
		if err != nil && failed == nil {
			failed = err
		}
		if hidden == value {
			hidden = p.envFiles.cover(name, value)
		} else {
			p.envFiles.included[variable{name, value}] = hidden
		}
		return hidden, true
	})
	if failed != nil {
		return "", failed
	}
	return result, err
}

func setEnviron(po *cli.ProjectOptions, environ map[string]string) error {
	for k, v := range environ {
		po.Environment[k] = v
	}
	if _, ok := environ["PWD"]; !ok {
		if wd, err := os.Getwd(); err == nil {
			po.Environment["PWD"] = wd
		}
	}
	return nil
}

func mapping(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
			m[k] = v
		}
	}
	return m
}
