package lint

import (
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/secret"
)

// Literal is a secret in a value, as bytes Start..End of its raw text.
type Literal struct {
	Start, End int
	Name       string // the variable that it belongs to
	Fallback   bool   // it is the default of ${Name:-...}
}

// EnvLiteral is a secret in a variable of a compose file.
type EnvLiteral struct {
	Literal
	Service  string // "" in a template
	Variable string
	Raw      string     // the whole value before interpolation
	Node     *yaml.Node // the scalar that holds the value
	At       int        // where Raw starts in Node.Value
	Opens    bool       // it is a key that decrypts
	Ignored  bool       // a comment tells lint to leave it
	Why      Reason     // why migrate has to leave it, or ""
}

// EnvVar is a variable of an env file. Start..End is its value without quotes.
type EnvVar struct {
	Name       string
	Raw        string
	Start, End int
	Verbatim   bool // single quotes: nothing is expanded
	Secret     bool
	Opens      bool   // it is a key that decrypts
	Ignored    bool   // a comment tells lint to leave it
	Why        Reason // why migrate has to leave it, as far as the file tells
	escapes    bool
}

// Takes lists the variables that the value takes.
func (v *EnvVar) Takes() []string {
	if v.Verbatim {
		return nil
	}
	if v.escapes {
		return Variables(unescaped(v.Raw))
	}
	return Variables(v.Raw)
}

// File is a parsed compose file, as the rules see it.
type File struct{ c *composeFile }

// NewFile returns the file of a directory in which its paths start. policy is that of the configuration; the file's own is added.
func NewFile(data []byte, dir string, root *yaml.Node, policy secret.Policy) *File {
	c := newComposeFile(newSource("", data), dir, root, policy)
	c.files = newFiles("")
	return &File{c}
}

// Policy returns the policy of the file and of the configuration.
func (f *File) Policy() secret.Policy { return f.c.policy }

// Aliases returns, by variable, the secret whose value it is as a whole: DB_ROOT is
// MYSQL_ROOT_PASSWORD where a service says MYSQL_ROOT_PASSWORD: ${DB_ROOT}.
func (f *File) Aliases() map[string]string { return f.c.aliases }

// BuildArgs returns the secrets that build.args give to Dockerfiles.
func (f *File) BuildArgs() []BuildArg { return f.c.buildArgs() }

// Literals returns the secrets in environments and templates.
func (f *File) Literals() []EnvLiteral {
	c, src := f.c, f.c.src
	var list []EnvLiteral
	for _, l := range c.literals() {
		rule := idEnvironment
		switch {
		case l.fallback:
			rule = idDefault
		case l.address:
			rule = idAddress
		}
		at := src.scalar(l.pair.Node, l.pair.At+l.start, l.pair.At+l.end)
		line := src.Line(at.start)
		e := EnvLiteral{
			Ignored:  src.ignored(rule, line),
			Literal:  Literal{l.start, l.end, l.name, l.fallback},
			Variable: l.pair.Name, Raw: l.pair.Value, Node: l.pair.Node, At: l.pair.At, Opens: l.key,
			Why: c.whyLiteral(&l),
		}
		if l.service != nil {
			e.Service = l.service.name
		}
		list = append(list, e)
	}
	return list
}

// EnvVars reads an env file, with the places of its values. aliases are those of the
// compose file that interpolates from it, or nil.
func EnvVars(data []byte, policy secret.Policy, aliases map[string]string) []EnvVar {
	src := newSource("", data)
	return envVars(&envFile{src: src, vars: parseEnv(src, false), policy: policy, aliases: aliases})
}

func envVars(f *envFile) []EnvVar {
	found := map[int]bool{}
	f.each(func(v *envVar, _ literal) { found[v.start] = true })
	list := make([]EnvVar, 0, len(f.vars))
	for _, v := range f.vars {
		list = append(list, EnvVar{
			Name: v.name, Raw: v.value, Start: v.start, End: v.end, Verbatim: v.verbatim, escapes: v.escapes, Secret: found[v.start],
			Opens: isDecryptionKey(v.name, v.value), Ignored: f.src.ignored(idEnvFile, f.src.Line(v.start)),
		})
	}
	setWhy(list)
	return list
}

// HoldsValue reports whether the range of the finding is a value, not the name
// of one.
func (f *Finding) HoldsValue() bool { return f.literal }

// Evaluate interpolates raw as Compose does when env holds every variable that
// is set; another stands as a secret.Hole with its name.
func Evaluate(raw string, env map[string]string) string { return evaluate(raw, env) }

// Open reports whether raw takes a variable that env does not hold.
func Open(raw string, env map[string]string) bool {
	return strings.Contains(evaluate(raw, env), secret.Hole)
}

// Variables lists the variables that raw takes.
func Variables(raw string) []string { return expandOpen(raw) }

// Ignored reports whether .gitignore of the work tree that path lies in names
// it. Outside a work tree it is false.
func Ignored(path string, dir bool) bool {
	r := newFiles("").repo(filepath.Dir(path))
	return r != nil && r.ignored(path, dir)
}

// LeftOutOfBuild reports whether .dockerignore keeps path from the builder.
func LeftOutOfBuild(context, dockerfile, path string) bool {
	f := newFiles("")
	return dockerignoreOf(f, &build{context: context, dockerfile: dockerfile}).leavesOut(path)
}
