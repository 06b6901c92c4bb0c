package lint

import (
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// composeFile is a compose file as the rules see it: nodes with positions, not
// a loaded project.
type composeFile struct {
	src      *source
	dir      string   // where its paths start, on disk
	vars     []string // the env files that its variables come from
	root     *yaml.Node
	services []*service
	policy   secret.Policy
	whole    bool   // it is all that its file holds
	files    *files // to look at what the file names
	found    *[]envLiteral
	args     *[]BuildArg
	file     string            // on disk
	parent   *composeFile      // that includes it, or nil
	takers   map[string]bool   // the variables that it takes
	aliases  map[string]string // by variable, the secret whose value it is
}

// service is one service with << merged in.
type service struct {
	name   string
	key    *yaml.Node
	node   *yaml.Node
	fields map[string]*yaml.Node
	image  string
	known  *secret.Image // its row in the catalogue, or nil
	asFile []string      // x-compose-secure.file
	asEnv  []string      // x-compose-secure.env
	env    []yamldoc.Pair
}

func newComposeFile(src *source, dir string, root *yaml.Node, policy secret.Policy) *composeFile {
	c := &composeFile{src: src, dir: dir, vars: []string{filepath.Join(dir, ".env")}, root: root, policy: policy}
	own := yamldoc.Get(root, "x-compose-secure")
	c.policy.Secret = append(yamldoc.Texts(yamldoc.Get(own, "secret")), c.policy.Secret...)
	c.policy.Plain = append(yamldoc.Texts(yamldoc.Get(own, "plain")), c.policy.Plain...)
	for _, e := range serviceEntries(root) {
		s := &service{name: e.Key.Value, key: e.Key, node: e.Value, fields: map[string]*yaml.Node{}}
		for _, f := range yamldoc.Entries(e.Value) {
			s.fields[f.Key.Value] = f.Value
		}
		image := expand(yamldoc.Text(s.fields["image"]), false)
		s.image = image.text
		if i, ok := secret.Default().Lookup(s.image); ok && s.image != "" {
			s.known = i
		}
		own := s.fields["x-compose-secure"]
		s.asFile, s.asEnv = yamldoc.Texts(yamldoc.Get(own, "file")), yamldoc.Texts(yamldoc.Get(own, "env"))
		s.env = yamldoc.Pairs(s.fields["environment"])
		c.services = append(c.services, s)
	}
	c.aliases = c.findAliases()
	return c
}

// Containers lists the services of a compose file, what runs before they start, and jobs, each under its name there as a
// container: NAME, NAME/pre_start/NUMBER, and NAME of a job, which no service can have too.
func Containers(root *yaml.Node) []yamldoc.Entry {
	var list []yamldoc.Entry
	for _, e := range yamldoc.Entries(yamldoc.Get(root, "services")) {
		list = append(list, e)
		for i, hook := range yamldoc.Items(yamldoc.Get(e.Value, "pre_start")) {
			if hook = yamldoc.Follow(hook); hook == nil || hook.Kind != yaml.MappingNode {
				continue
			}
			key := *e.Key
			key.Value = compose.HookName(e.Key.Value, i)
			list = append(list, yamldoc.Entry{Key: &key, Value: hook})
		}
	}
	return append(list, yamldoc.Entries(yamldoc.Get(root, "jobs"))...)
}

// OwnContainer returns the mapping that stands under a container's own key, or in its own place of a list; nil for one that comes from elsewhere.
func OwnContainer(root *yaml.Node, name string) *yaml.Node {
	service, i, hook := compose.HookOf(name)
	n := yamldoc.Own(yamldoc.Own(root, "services"), name)
	if n == nil {
		n = yamldoc.Own(yamldoc.Own(root, "jobs"), name)
	}
	if hook {
		list := yamldoc.Own(yamldoc.Own(yamldoc.Own(root, "services"), service), "pre_start")
		if list == nil || list.Kind != yaml.SequenceNode || i >= len(list.Content) {
			return nil
		}
		n = list.Content[i]
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	return n
}

// serviceEntries gives the containers; a file of the first format, or a fragment
// that another file extends, has them at the top.
func serviceEntries(root *yaml.Node) []yamldoc.Entry {
	list := Containers(root)
	if yamldoc.Get(root, "services") != nil {
		return list
	}
	for _, e := range yamldoc.Entries(root) {
		if strings.HasPrefix(e.Key.Value, "x-") {
			continue
		}
		for _, key := range []string{"image", "build", "environment", "env_file"} {
			if yamldoc.Get(e.Value, key) != nil {
				list = append(list, e)
				break
			}
		}
	}
	return list
}

// path gives a path of the compose file on disk; "" if it cannot be known
// without interpolation or lies elsewhere.
func (c *composeFile) path(p string) string {
	e := expand(p, false)
	if p == "" || strings.Contains(e.text, secret.Hole) || strings.Contains(p, "://") {
		return ""
	}
	if filepath.IsAbs(e.text) {
		return e.text
	}
	if strings.HasPrefix(e.text, "~") {
		return ""
	}
	return filepath.Join(c.dir, e.text)
}

// fileRef is a file that another one names.
type fileRef struct {
	path  string
	kind  kind
	node  *yaml.Node // the scalar that names it
	raw   bool       // env_file reads it with format raw
	user  *service
	build *build
	// compose is the file that names it, but for a file that is extended.
	compose *composeFile
	from    *composeFile // the same, also of that
}

// build is a service's build section.
type build struct {
	context    string // on disk, "" if it is not
	dockerfile string
	inline     *yaml.Node
	args       *yaml.Node
}

// buildOf reads the short and the long form; nil without a build section.
func (c *composeFile) buildOf(s *service) *build {
	n := yamldoc.Follow(s.fields["build"])
	if n == nil || yamldoc.IsNull(n) {
		return nil
	}
	b := &build{}
	dockerfile := ""
	if n.Kind == yaml.MappingNode {
		b.context = c.path(yamldoc.Text(yamldoc.Get(n, "context")))
		if yamldoc.Get(n, "context") == nil {
			b.context = c.dir
		}
		dockerfile = yamldoc.Text(yamldoc.Get(n, "dockerfile"))
		b.inline = yamldoc.Follow(yamldoc.Get(n, "dockerfile_inline"))
		b.args = yamldoc.Get(n, "args")
	} else {
		b.context = c.path(yamldoc.Text(n))
	}
	if b.context == "" || b.inline != nil {
		return b
	}
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	if d := expand(dockerfile, false).text; !strings.Contains(d, secret.Hole) {
		b.dockerfile = d
		if !filepath.IsAbs(d) {
			b.dockerfile = filepath.Join(b.context, d)
		}
	}
	return b
}

// refs lists the files that c names and that are linted with it.
func (c *composeFile) refs() []fileRef {
	var list []fileRef
	add := func(n *yaml.Node, k kind, user *service) {
		if p := c.path(yamldoc.Text(n)); p != "" {
			list = append(list, fileRef{path: p, kind: k, node: yamldoc.Follow(n), user: user, compose: c, from: c})
		}
	}
	for _, path := range c.vars {
		list = append(list, fileRef{path: path, kind: kindEnv, compose: c})
	}
	included := yamldoc.Items(yamldoc.Get(c.root, "include"))
	for _, i := range included {
		if i.Kind != yaml.MappingNode {
			add(i, kindCompose, nil)
			continue
		}
		for _, p := range yamldoc.Items(yamldoc.Get(i, "path")) {
			add(p, kindCompose, nil)
		}
		for _, p := range yamldoc.Items(yamldoc.Get(i, "env_file")) {
			add(p, kindEnv, nil)
		}
	}
	for _, s := range c.services {
		for _, f := range c.envFiles(s) {
			if p := c.path(yamldoc.Text(f)); p != "" {
				list = append(list, fileRef{path: p, kind: kindEnv, node: yamldoc.Follow(f), raw: c.isRaw(s, f), user: s, compose: c, from: c})
			}
		}
		if e := yamldoc.Follow(s.fields["extends"]); e != nil && e.Kind == yaml.MappingNode {
			if p := c.path(yamldoc.Text(yamldoc.Get(e, "file"))); p != "" {
				list = append(list, fileRef{path: p, kind: kindCompose, node: yamldoc.Follow(yamldoc.Get(e, "file")), from: c})
			}
		}
		if b := c.buildOf(s); b != nil && b.dockerfile != "" {
			list = append(list, fileRef{path: b.dockerfile, kind: kindDockerfile, user: s, build: b})
		}
	}
	return list
}

// isRaw reports whether the env file that a scalar names has the format raw.
func (c *composeFile) isRaw(s *service, path *yaml.Node) bool {
	return slices.ContainsFunc(yamldoc.Items(s.fields["env_file"]), func(i *yaml.Node) bool {
		return i.Kind == yaml.MappingNode && yamldoc.Get(i, "path") == path && yamldoc.Text(yamldoc.Get(i, "format")) == "raw"
	})
}

// envFiles gives the scalars that name a service's env files.
func (c *composeFile) envFiles(s *service) []*yaml.Node {
	var list []*yaml.Node
	for _, i := range yamldoc.Items(s.fields["env_file"]) {
		if i.Kind == yaml.MappingNode {
			i = yamldoc.Get(i, "path")
		}
		if i != nil {
			list = append(list, i)
		}
	}
	return list
}
