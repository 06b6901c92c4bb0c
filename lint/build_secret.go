package lint

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/secret"
)

// BuildArg is a secret under build.args of a compose file.
type BuildArg struct {
	Literal
	Services   []string   // whose builds see it, in the order of the file
	Name       string     // of the argument
	Raw        string     // the whole value before interpolation
	From       string     // NAME where Raw is ${NAME} or, by its name alone, NAME; else ""
	Build      *yaml.Node // the mapping of the build section
	Args       *yaml.Node // the mapping or list of arguments
	Key, Node  *yaml.Node // the scalars of name and value; the same one in a list
	Dockerfile string     // on disk
	ID         string     // of the build secret that can take its place
	Why        Reason     // why that is not possible; "" if it is
	odd        bool       // as in pair
}

// Edit replaces the bytes Start..End of a file. Of several at one place, that
// of the lowest Order comes first.
type Edit struct {
	Start, End int
	Text       string
	Order      int
}

// SecretID is the id of the build secret that takes the place of an argument.
func SecretID(arg string) string { return strings.ToLower(arg) }

// SecretArg plans how a Dockerfile reads an argument as the build secret id:
// ARG goes, and every RUN that names it mounts the secret. BuildKit 0.8, in
// Docker 20.10, can do all of it; env= of a mount would need Dockerfile 1.10.
// See https://docs.docker.com/build/building/secrets/. It gives the reason if
// it is not possible.
func SecretArg(data []byte, name, id string) (edits []Edit, why Reason) {
	d, err := parseDockerfile(newSource("", data), string(data), nil, secret.Policy{})
	if err != nil {
		return nil, Because(NoBuildKit)
	}
	return d.secretArg(name, id)
}

// buildArgs is BuildArgs; the rules share it.
func (c *composeFile) buildArgs() []BuildArg {
	if c.args != nil {
		return *c.args
	}
	list := []BuildArg{}
	index := map[*yaml.Node]int{}
	for _, s := range c.services {
		b := c.buildOf(s)
		if b == nil {
			continue
		}
		for _, pr := range yamldoc.Pairs(b.args) {
			if i, ok := index[pr.Key]; ok {
				list[i].Services = append(list[i].Services, s.name)
				continue
			}
			a := BuildArg{
				Services: []string{s.name}, Name: pr.Name, Raw: pr.Value, Build: yamldoc.Follow(s.fields["build"]), Args: b.args, Key: pr.Key, Node: pr.Node,
				Dockerfile: b.dockerfile, ID: SecretID(pr.Name), odd: pr.Odd,
			}
			found := inspect(c.policy, pr.Name, pr.Value)
			switch {
			case len(found) > 0:
				a.Literal = Literal{found[0].start, found[0].end, found[0].name, found[0].fallback}
			case reaches(c.policy, &pr):
				a.From = wholeVariable(&pr)
			default:
				continue
			}
			index[pr.Key] = len(list)
			list = append(list, a)
		}
	}
	for i := range list {
		list[i].Why = c.whyArg(&list[i])
	}
	c.args = &list
	return list
}

// wholeVariable gives NAME of ${NAME} and ${NAME:?message}.
func wholeVariable(pr *yamldoc.Pair) string {
	if pr.None {
		return pr.Name
	}
	e := expand(pr.Value, false)
	if len(e.open) == 1 && e.text == secret.Hole {
		return e.open[0]
	}
	return ""
}

func (c *composeFile) whyArg(a *BuildArg) Reason {
	switch {
	case a.odd:
		return Because(WholeEntryIsName)
	case c.files.outside(a.Dockerfile):
		return Because(ArgOutsideProject)
	case strings.Trim(a.Name, nameBytes) != "":
		return Because(NoArgName)
	case a.From == "" && (a.Fallback || expand(a.Raw, false).open != nil):
		return Because(ArgOfVariables)
	case a.From == "" && strings.HasSuffix(a.Raw, "\n"):
		return Because(ArgEndsWithNewline)
	case !slices.Contains(yamldoc.Follow(a.Args).Content, a.Key) || a.Args.Kind == yaml.AliasNode || yamldoc.Follow(yamldoc.Get(a.Build, "args")) != a.Args || !ownKey(a.Build, "args"):
		return Because(MergedBuild)
	case yamldoc.Get(a.Build, "dockerfile_inline") != nil:
		return Because(InlineDockerfile)
	case a.Dockerfile == "" || yamldoc.Get(a.Build, "secrets") != nil && !ownKey(a.Build, "secrets"):
		return Because(NoDockerfile)
	}
	for _, s := range c.services { // a build without the secret would stop
		if b := c.buildOf(s); b != nil && b.dockerfile == a.Dockerfile && yamldoc.Follow(s.fields["build"]) != a.Build &&
			!slices.ContainsFunc(yamldoc.Pairs(b.args), func(pr yamldoc.Pair) bool { return pr.Name == a.Name }) {
			return Because(BuiltWithout, s.name)
		}
	}
	data, err := c.files.read(a.Dockerfile)
	if err != nil {
		return Because(UnreadableDockerfile)
	}
	_, why := SecretArg(data, a.Name, a.ID)
	return why
}

const nameBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

// ownKey reports whether a key stands in the mapping itself, not in one that
// is merged into it.
func ownKey(n *yaml.Node, key string) bool {
	own := yamldoc.Own(n, key)
	return own != nil && own.Kind != yaml.AliasNode
}

// secretArg is SecretArg.
func (d *dockerfile) secretArg(name, id string) (edits []Edit, why Reason) {
	declared, seen, posix, runs := false, false, true, 0
	inherited := map[string]bool{} // stages in which it is declared
	stage := ""
	for i := range d.steps {
		s := &d.steps[i]
		body := d.data[s.start:s.end]
		kind := strings.ToUpper(s.name)
		switch s.name {
		case "from":
			if usesVariable(body, name) {
				return nil, Because(InstructionTakes, "FROM", name)
			}
			inherited[stage] = declared
			declared = len(s.words) > 0 && inherited[strings.ToLower(s.words[0])]
			stage, posix = "", true
			if len(s.words) > 2 {
				stage = strings.ToLower(s.words[2])
			}
		case "arg":
			e, found, why := d.argEdit(s, name)
			if why.Given() {
				return nil, why
			}
			if found {
				edits, seen, declared = append(edits, e), true, hasFrom(d.steps[:i])
			}
		case "shell":
			posix = len(s.words) > 0 && slices.Contains([]string{"sh", "bash", "ash", "dash"}, path.Base(s.words[0]))
		case "run":
			if !declared || !hasWord(body, name) {
				continue
			}
			e, why := d.mount(s, name, id, posix)
			if why.Given() {
				return nil, why
			}
			edits, runs = append(edits, e...), runs+1
		case "cmd", "entrypoint", "healthcheck": // run in the container, where no ARG is
		case "env":
			if slices.ContainsFunc(d.variables(s), func(p yamldoc.Pair) bool { return p.Name == name }) || declared && usesVariable(body, name) {
				return nil, Because(EnvKeeps, name)
			}
		default:
			if declared && usesVariable(body, name) {
				return nil, Because(InstructionTakes, kind, name)
			}
		}
	}
	switch {
	case !seen:
		return nil, Because(NoArg, name)
	case runs == 0:
		return nil, Because(NoRun, name)
	case !d.means(edits, name, id):
		return nil, Because(UnwritableDockerfile)
	}
	return edits, Reason{}
}

// means reads the edited Dockerfile again: it has to be the one that was meant.
func (d *dockerfile) means(edits []Edit, name, id string) bool {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Order, b.Order)) })
	var out strings.Builder
	at := 0
	for _, e := range edits {
		out.WriteString(d.data[at:e.Start] + e.Text)
		at = e.End
	}
	out.WriteString(d.data[at:])
	after, err := parseDockerfile(newSource("", nil), out.String(), nil, d.policy)
	if err != nil {
		return false
	}
	var want []step
	for _, s := range d.steps {
		inside := func(e Edit) bool { return e.Start >= s.start && e.Start < s.end }
		switch i := slices.IndexFunc(edits, inside); {
		case i >= 0 && s.name == "arg":
			continue
		case i >= 0:
			s.flags = append([]string{strings.TrimSpace(mountFlag(id))}, s.flags...)
			s.words = []string{readSecret(name, id) + strings.Join(s.words, " ")}
		}
		want = append(want, s)
	}
	return slices.EqualFunc(want, after.steps, func(a, b step) bool {
		return a.name == b.name && slices.Equal(a.words, b.words) && slices.Equal(a.flags, b.flags) && slices.Equal(a.heredocs, b.heredocs) && a.exec == b.exec
	})
}

func mountFlag(id string) string {
	return fmt.Sprintf("--mount=type=secret,id=%s,mode=0444,required=true ", id)
}

func readSecret(name, id string) string {
	return fmt.Sprintf(`export %s="$(cat /run/secrets/%s)"; `, name, id)
}

func hasFrom(steps []step) bool {
	return slices.ContainsFunc(steps, func(s step) bool { return s.name == "from" })
}

// argEdit takes an ARG out, with its lines.
func (d *dockerfile) argEdit(s *step, name string) (e Edit, found bool, why Reason) {
	for _, w := range s.words {
		n, value, _ := strings.Cut(w, "=")
		switch {
		case n == name && unquote(value) != "":
			return e, false, Because(ArgHasDefault, name)
		case n == name:
			found = true
		case usesVariable(value, name):
			return e, false, Because(ArgOfArg, n, name)
		}
	}
	if found && len(s.words) > 1 {
		return e, false, Because(SeveralArgs)
	}
	return Edit{Start: s.start, End: s.end}, found, Reason{}
}

// mount has a RUN read the argument from a file. Every user may: a build is
// seen by nobody else, and the user that the base image sets is not known here.
func (d *dockerfile) mount(s *step, name, id string, posix bool) ([]Edit, Reason) {
	body := d.data[s.start:s.end]
	script := strings.Join(append(slices.Clone(s.words), s.heredocs...), "\n")
	switch {
	case s.exec:
		return nil, Because(RunWithoutShell)
	case len(s.heredocs) > 0:
		return nil, Because(RunWithHeredoc, id)
	case !posix:
		return nil, Because(NoPOSIXShell)
	case slices.ContainsFunc(s.flags, func(f string) bool { return usesVariable(f, name) }):
		return nil, Because(FlagTakes, name)
	case strings.TrimSpace(script) == "":
		return nil, Because(EmptyRun)
	case writesVariable(script, name):
		return nil, Because(RunWrites, name)
	case slices.ContainsFunc(s.flags, func(f string) bool { return strings.Contains(f, "type=secret") && strings.Contains(f, id) }):
		return nil, Because(MountedAlready)
	}
	first := skipBlank(body, len("RUN"))
	at := first
	for _, f := range s.flags {
		if !strings.HasPrefix(body[at:], f) {
			return nil, Because(UnwritableFlags)
		}
		at = skipBlank(body, at+len(f))
	}
	return []Edit{{s.start + first, s.start + first, mountFlag(id), 0}, {s.start + at, s.start + at, readSecret(name, id), 1}}, Reason{}
}

// skipBlank passes over blanks, continued lines and the comments between them.
func skipBlank(body string, at int) int {
	fresh := false // at the start of a line, where # starts a comment
	for at < len(body) {
		switch c := body[at]; {
		case c == '\n':
			fresh = true
			at++
		case strings.IndexByte(" \t\v\f\r", c) >= 0:
			at++
		case (c == '\\' || c == '`') && strings.TrimSpace(firstLine(body[at+1:])) == "":
			at++
		case c == '#' && fresh:
			at += len(firstLine(body[at:]))
		default:
			return at
		}
	}
	return at
}

// hasWord reports whether a script has name as a word: a program that it
// starts may read the variable without $.
func hasWord(script, name string) bool {
	for at := 0; ; {
		i := strings.Index(script[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		if (from == 0 || !isNameByte(script[from-1])) && (to == len(script) || !isNameByte(script[to])) {
			return true
		}
		at = to
	}
}
