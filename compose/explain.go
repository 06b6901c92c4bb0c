package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/secret"
)

// reported is an error that is worded for people already.
type reported struct {
	text string
	err  error // nil, or the cause for errors.Is
}

func (e *reported) Error() string { return e.text }
func (e *reported) Unwrap() error { return e.err }

func reportf(format string, args ...any) error {
	return &reported{text: fmt.Sprintf(format, args...)}
}

// fileError says in one line which file could not be read and why.
func fileError(path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &reported{text: Display(path) + ": " + err.Error(), err: err}
}

// explain turns an error of compose-go into one line for each fault, with a
// position where there is one and with placeholders turned back into the names of
// variables. What an error quotes of a file's content is dropped: it may be a
// literal password.
func (p *Project) explain(err error) error {
	if errors.Is(err, ErrNoFile) {
		return err
	}
	var errs []error
	var seen []string
	for _, leaf := range leaves(err) {
		one := p.explainOne(leaf)
		if !slices.Contains(seen, one.Error()) {
			seen = append(seen, one.Error())
			errs = append(errs, one)
		}
	}
	return errors.Join(errs...)
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		many, ok := e.(interface{ Unwrap() []error })
		if !ok {
			continue
		}
		var list []error
		for _, one := range many.Unwrap() {
			list = append(list, leaves(one)...)
		}
		return list
	}
	return []error{err}
}

// explainOne words a single fault. The order matters: what may quote content
// is looked at first.
func (p *Project) explainOne(err error) error {
	var own *reported
	if errors.As(err, &own) && !strings.HasPrefix(err.Error(), "error while interpolating") {
		return own
	}
	sources := openSources(p.tried, p.envFiles.files...)
	text := shorten(strings.Join(strings.Fields(err.Error()), " "))
	for _, try := range []func(*Sources, error, string) error{
		p.interpolationFault, p.misplacedFault, yamlFault, schemaFault, decodeFault, portFault, p.missingFile, serviceFault, cycleFault,
	} {
		if explained := try(sources, err, text); explained != nil {
			return explained
		}
	}
	if text == "empty compose file" && len(p.tried) > 0 {
		text = Display(p.tried[0]) + ": empty compose file; add services"
	}
	return errors.New(p.Inputs.Redact(strings.TrimSuffix(text, ": invalid compose project")))
}

// shorten takes the working directory off the paths in a message.
func shorten(text string) string {
	if wd, err := os.Getwd(); err == nil && wd != "/" {
		text = strings.ReplaceAll(text, wd+"/", "")
	}
	return memoryPath().ReplaceAllString(text, stdinName)
}

var interpolated = pattern(`(?:invalid interpolation format for (.+?)\. You may need|error while interpolating (.+?): )`)

// interpolationFault words what is wrong with one ${...} or with its result.
func (p *Project) interpolationFault(s *Sources, err error, text string) error {
	m := interpolated().FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	path := m[1] + m[2]
	shown := strings.TrimSuffix(strings.ReplaceAll(path, ".[]", ""), ".")
	var own *reported
	var missing *template.MissingRequiredError
	var invalid *template.InvalidTemplateError
	switch {
	case errors.As(err, &own):
		return errors.New(s.at(path, nil) + own.text)
	case errors.As(err, &invalid):
		return fmt.Errorf("%sinvalid interpolation in %s; write $$ for a literal dollar sign", s.at(path, badTemplate), shown)
	case errors.As(err, &missing):
		return p.requiredFault(s, path, shown, missing)
	case p.Inputs.Has(err.Error()):
		return nil
	case strings.Contains(text, "ParseBool"), strings.Contains(text, "boolean"):
		return fmt.Errorf("%s%s must be true or false", s.at(path, nil), shown)
	default:
		return fmt.Errorf("%s%s must be a number", s.at(path, nil), shown)
	}
}

// requiredFault is ${NAME:?reason} without a value. The reason is told where nothing else stands in the
// scalar, and the name where it is surely one: either may be part of a password.
func (p *Project) requiredFault(s *Sources, path, shown string, missing *template.MissingRequiredError) error {
	const advice = "; set it in the environment, in .env or with --env-file"
	text, parts := "", strings.Split(path, ".")
	at := s.at(path, func(n *yaml.Node) bool {
		found := requires(missing.Variable)(n)
		if found {
			text = n.Value
		}
		return found
	})
	switch {
	case !slices.Contains(p.NamesIn(parts, text), missing.Variable):
		return fmt.Errorf("%sa required variable in %s is not set%s; write $$ for a literal dollar sign", at, shown, advice)
	case isOneReference(parts, text):
		return errors.New(at + p.Inputs.Redact(strings.Join(strings.Fields(missing.Error()), " ")) + advice)
	default:
		return fmt.Errorf("%srequired variable %s is missing a value%s", at, missing.Variable, advice)
	}
}

func badTemplate(n *yaml.Node) bool {
	_, err := template.Substitute(n.Value, func(string) (string, bool) { return "x", true })
	var invalid *template.InvalidTemplateError
	return errors.As(err, &invalid)
}

func requires(name string) func(*yaml.Node) bool {
	return func(n *yaml.Node) bool { return strings.Contains(n.Value, "${"+name) && strings.Contains(n.Value, "?") }
}

// misplacedFault is a placeholder where compose-go wants a number, a port, a path.
func (p *Project) misplacedFault(s *Sources, err error, _ string) error {
	found := p.Inputs.Find(err.Error())
	if len(found) == 0 {
		return nil
	}
	name := found[0].Name
	position, path := s.mention(name)
	if path == "" {
		path = "the place where it stands"
	}
	return fmt.Errorf("%s%s is a secret, and %s cannot hold one; %s", prefix(position), found[0], path, MoveAdvice(found[0]))
}

// MoveAdvice says what to do about a secret that stands where none can be held.
func MoveAdvice(in *secret.Input) string {
	if in.Name == "" || in.Ref != nil {
		return "move it to environment or secrets"
	}
	return "move it to environment or secrets, or name " + in.Name + " in " + Extension + ".plain if it is none"
}

var (
	yamlLine   = pattern(`line (\d+)(?:[,:] column (\d+))?`)
	yamlToken  = pattern(`^'[-,:]'`) // what the parser misses, not what it read
	yamlPrefix = pattern(`^(?:yaml: |construct errors: |while \w+ing [a-z ]+ at |line \d+[,:]? ?|column \d+[,:]? ?)+`)
)

// yamlFault finds the file that is no YAML by parsing again: compose-go does
// not always name it.
func yamlFault(s *Sources, _ error, text string) error {
	if !strings.Contains(text, "yaml: ") && !strings.HasPrefix(text, "failed to parse") {
		return nil
	}
	if len(s.broken) > 0 {
		return s.broken[0].explain()
	}
	if strings.Contains(text, "cannot construct") {
		return errors.New("invalid YAML: a compose file is a mapping with the key services")
	}
	return nil
}

// explain gives place and kind of what is wrong.
func (b brokenFile) explain() error {
	if b.twice != nil {
		return b.explainTwice()
	}
	return ExplainYAML(Display(b.file), b.err)
}

// ExplainYAML words an error of the YAML parser: name and line of the file and
// the kind of fault, without what the parser quotes.
func ExplainYAML(name string, err error) error {
	position := name
	fault := strings.Join(strings.Fields(err.Error()), " ")
	if m := yamlLine().FindAllStringSubmatch(fault, -1); m != nil {
		last := m[0]
		if strings.Contains(fault, "already defined") && len(m) > 1 {
			last = m[1]
			fault = "a key of a mapping is given twice"
		}
		position += ":" + last[1]
		if last[2] != "" {
			position += ":" + last[2]
		}
	}
	fault = yamlPrefix().ReplaceAllString(fault, "")
	if i := strings.IndexAny(fault, "\"`'"); i > 0 && !yamlToken().MatchString(fault[i:]) {
		fault = strings.TrimRight(fault[:i], " :") // what follows is quoted from the file
	}
	return fmt.Errorf("%s: invalid YAML: %s", position, fault)
}

// plainKey is a key that can be shown: one with another character may be NAME=VALUE.
var plainKey = pattern(`^[\w./-]+$`)

func (b brokenFile) explainTwice() error {
	first, second := b.twice.first, b.twice.second
	name := "a key"
	if plainKey().MatchString(second.Value) {
		name = strconv.Quote(second.Value)
	}
	return fmt.Errorf("%s:%d:%d: %s is already set at line %d", Display(b.file), second.Line, second.Column, name, first.Line)
}

var (
	schemaError = pattern(`^validating (\S+): (.*)$`)
	unknownKey  = pattern(`^(?:(\S+) )?additional properties '([^']+)'|^(\S+) false schema`)
	schemaPath  = pattern(`^(?:services|secrets|configs|networks|volumes|include|name|models)\S*`)
)

// schemaFault words what compose-go's schema refuses.
func schemaFault(s *Sources, _ error, text string) error {
	m := schemaError().FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	s = s.startingWith(m[1])
	if k := unknownKey().FindStringSubmatch(m[2]); k != nil {
		path := strings.TrimPrefix(k[1]+"."+k[2], ".")
		if k[3] != "" {
			path = k[3]
		}
		return fmt.Errorf("%s%s is not a key that Compose knows", s.atKey(path), path)
	}
	fault := strings.ReplaceAll(strings.ReplaceAll(m[2], "a array", "a list"), "array", "list")
	path := schemaPath().FindString(fault)
	if path == "" {
		return errors.New(Display(m[1]) + ": " + fault)
	}
	return errors.New(s.at(path, nil) + fault)
}

var decodeError = pattern(`(?:^|error\(s\): )'(.+?)' (.*)$`)

// decodeFault words a value that has the wrong form; the value is dropped.
func decodeFault(s *Sources, _ error, text string) error {
	m := decodeError().FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	path := strings.NewReplacer("[", ".", "]", "").Replace(m[1])
	fault := strings.TrimPrefix(m[2], "time: ")
	if i := strings.IndexAny(fault, "\"`'"); i > 0 {
		fault = strings.TrimRight(fault[:i], " :")
	}
	return fmt.Errorf("%s%s: %s", s.at(path, nil), path, fault)
}

var badPort = pattern(`^invalid (containerPort|hostPort|IP address|proto|start port|port range|empty port).*?(?:: (\S+))?$`)

// portFault finds the short form of a port that cannot be read.
func portFault(s *Sources, _ error, text string) error {
	m := badPort().FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	position := s.scalar(func(_ string, n *yaml.Node, path []string) bool {
		return len(path) > 2 && path[0] == "services" && path[2] == "ports" && strings.Contains(n.Value, m[2])
	})
	return errors.New(prefix(position) + "services: a port is not of the form [HOST:]CONTAINER[/PROTOCOL]")
}

// missingFile is a file that an include, an extends or a label_file names.
func (p *Project) missingFile(s *Sources, err error, text string) error {
	if fault := envFileFault(err); fault != nil {
		return fault
	}
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return nil
	}
	position := s.scalar(func(file string, n *yaml.Node, _ []string) bool {
		return n.Value != "" && Absolute(filepath.Dir(file), n.Value) == pe.Path
	})
	return errors.New(prefix(position) + fileError(pe.Path, pe).Error())
}

var (
	serviceError = pattern(`service "([^"]+)"(?: in \S+?:)? (.*?)(?:: invalid compose project)?$`)
	undefined    = pattern(`undefined (volume|network|secret|config|service|model) "?([^" ]+?)"?$`)
)

// serviceFault is a fault that compose-go tells of a whole service.
func serviceFault(s *Sources, _ error, text string) error {
	m := serviceError().FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	path, hint := "services."+m[1], ""
	if u := undefined().FindStringSubmatch(m[2]); u != nil {
		hint = "; declare it under " + u[1] + "s"
		path += "." + map[string]string{"service": "depends_on"}[u[1]]
		if u[1] != "service" {
			path += u[1] + "s"
		}
	}
	if strings.HasPrefix(text, "cannot extend") {
		path += ".extends"
	}
	text = strings.TrimSuffix(text, ": invalid compose project")
	return errors.New(s.at(path, nil) + text + hint)
}

var cycleOf = pattern(`^(?:include cycle detected: *|Circular reference: *|dependency cycle detected: *)(.*)$`)

// cycleFault words includes, extends and dependencies that lead back to their start.
func cycleFault(s *Sources, _ error, text string) error {
	m := cycleOf().FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	switch text[0] {
	case 'i':
		way := strings.Join(strings.Fields(strings.ReplaceAll(m[1], " include ", " ")), " -> ")
		return fmt.Errorf("%sinclude cycle: %s; remove one of the includes", s.at("include", nil), way)
	case 'C':
		way := strings.NewReplacer(" in ", " of ", " extends ", " -> ").Replace(m[1])
		name, _, _ := strings.Cut(m[1], " ")
		return fmt.Errorf("%sextends cycle: %s; remove one of the extends", s.at("services."+name+".extends", nil), way)
	default:
		name, _, _ := strings.Cut(m[1], " ")
		return fmt.Errorf("%sdependency cycle: %s; remove one of the depends_on", s.at("services."+name+".depends_on", nil), m[1])
	}
}
