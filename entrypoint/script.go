package entrypoint

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// script is one script that is looked through.
type script struct {
	functions map[string]*syntax.FuncDecl // nil for a name that is declared twice
	readers   map[string]bool             // functions that set $1 from ${1}_FILE
	arrays    map[string][]string         // arrays of plain words
	aliases   map[string]bool             // variables that hold $1 as it was given
	found     map[string]*condition
	order     []string        // of the names in found
	files     map[string]bool // that were sourced
	ending    map[string]bool // functions that may end the script
	steps     int             // statements looked at
}

// condition is for which commands a statement runs.
type condition struct {
	any   bool
	words []string // globs, sorted; the first word of the command is one of them
}

func always() *condition { return &condition{any: true} }

// and is the condition under which both hold; nil when that is not known.
func (c *condition) and(other *condition) *condition {
	switch {
	case c == nil || other == nil:
		return nil
	case c.any:
		return other
	case other.any, slices.Equal(c.words, other.words):
		return c
	}
	return nil
}

// maxSteps bounds the work; nothing is sure of a script that needs more.
const maxSteps = 20_000

// maxDepth bounds how far functions are followed.
const maxDepth = 6

// declarations notes functions, arrays and copies of $1.
func (s *script) declarations(stmts []*syntax.Stmt) {
	for _, st := range stmts {
		syntax.Walk(st, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.FuncDecl:
				_, twice := s.functions[n.Name.Value]
				if s.functions[n.Name.Value] = n; twice {
					s.functions[n.Name.Value] = nil
				}
			case *syntax.Assign:
				s.assign(n)
			}
			return true
		})
	}
	s.readers = map[string]bool{}
	for name, f := range s.functions {
		s.readers[name] = f != nil && setsFromFile(text(f.Body), "1")
	}
}

func (s *script) assign(a *syntax.Assign) {
	if a.Name == nil || a.Append {
		return
	}
	if a.Array == nil {
		if a.Value != nil && isFirst(a.Value) {
			s.aliases[a.Name.Value] = true
		}
		return
	}
	var words []string
	for _, e := range a.Array.Elems {
		w := literal(e.Value)
		if w == "" || e.Index != nil {
			return
		}
		words = append(words, w)
	}
	s.arrays[a.Name.Value] = words
}

// block looks through statements that run under c, of the script itself or of
// the functions in calls. It ends where what comes next is not known to run, or
// the arguments are not those of the container any more.
func (s *script) block(stmts []*syntax.Stmt, c *condition, calls []string) {
	for _, st := range stmts {
		if s.steps++; c == nil || s.steps > maxSteps {
			return
		}
		if st.Background || st.Negated || st.Coprocess {
			continue
		}
		s.command(st.Cmd, c, calls)
		c = c.and(s.after(st, calls))
	}
}

func (s *script) command(cmd syntax.Command, c *condition, calls []string) {
	switch cmd := cmd.(type) {
	case *syntax.CallExpr:
		s.call(cmd, c, calls)
	case *syntax.Block:
		s.block(cmd.Stmts, c, calls)
	case *syntax.IfClause:
		s.direct(cmd, c)
		if len(cmd.Cond) == 1 {
			s.block(cmd.Then, c.and(s.test(cmd.Cond[0])), calls)
		}
	case *syntax.BinaryCmd:
		if cmd.Op == syntax.AndStmt {
			s.block([]*syntax.Stmt{cmd.Y}, c.and(s.test(cmd.X)), calls)
		}
	case *syntax.CaseClause:
		s.cases(cmd, c, calls)
	case *syntax.ForClause:
		s.loop(cmd, c)
	}
}

// call follows a function, or notes the variable that a reader is called with.
func (s *script) call(call *syntax.CallExpr, c *condition, calls []string) {
	if len(call.Args) == 0 {
		return
	}
	name := literal(call.Args[0])
	f := s.functions[name]
	if f == nil || slices.Contains(calls, name) || len(calls) == maxDepth {
		return
	}
	if s.readers[name] {
		if len(call.Args) > 1 {
			s.note(literal(call.Args[1]), c)
		}
		return
	}
	body, ok := f.Body.Cmd.(*syntax.Block)
	if !ok {
		return
	}
	if len(call.Args) == 2 && text(call.Args[1]) == `"$@"` {
		s.block(body.Stmts, c, append(slices.Clone(calls), name))
	} else if len(call.Args) == 1 && !strings.Contains(text(f.Body), "$1") && !strings.Contains(text(f.Body), "${1") {
		s.block(body.Stmts, c, append(slices.Clone(calls), name))
	}
}

var variableName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

func (s *script) note(variable string, c *condition) {
	if c == nil || !variableName.MatchString(variable) || strings.HasSuffix(variable, "_FILE") {
		return
	}
	if s.found[variable] == nil {
		s.found[variable] = c
		s.order = append(s.order, variable)
	}
}

// cases looks into case "$1" in ... esac.
func (s *script) cases(cmd *syntax.CaseClause, c *condition, calls []string) {
	if !s.isCommand(cmd.Word) {
		return
	}
	for _, item := range cmd.Items {
		of := &condition{}
		for _, p := range item.Patterns {
			w := pattern(p)
			if w == "" || w == "*" {
				of = nil
				break
			}
			of.words = append(of.words, w)
		}
		if of == nil {
			return
		}
		slices.Sort(of.words)
		s.block(item.Stmts, c.and(of), calls)
	}
}

// loop notes the words of for NAME in WORDS, when the body sets each from its file.
func (s *script) loop(cmd *syntax.ForClause, c *condition) {
	words, ok := cmd.Loop.(*syntax.WordIter)
	if !ok || cmd.Select {
		return
	}
	body := &strings.Builder{}
	for _, st := range cmd.Do {
		body.WriteString(text(st) + "\n")
	}
	reads := setsFromFile(body.String(), regexp.QuoteMeta(words.Name.Value))
	if !reads && len(cmd.Do) == 1 {
		if call, ok := cmd.Do[0].Cmd.(*syntax.CallExpr); ok && len(call.Args) == 2 && s.readers[literal(call.Args[0])] {
			t := text(call.Args[1])
			reads = t == `"$`+words.Name.Value+`"` || t == `"${`+words.Name.Value+`}"` || t == `$`+words.Name.Value
		}
	}
	if !reads {
		return
	}
	for _, w := range words.Items {
		if name, ok := strings.CutPrefix(text(w), `"${`); ok {
			if name, ok = strings.CutSuffix(name, `[@]}"`); ok {
				for _, v := range s.arrays[name] {
					s.note(v, c)
				}
				continue
			}
		}
		s.note(literal(w), c)
	}
}

// direct notes X of: if [ -n "$X_FILE" ]; then export X="$(cat "$X_FILE")"; fi.
func (s *script) direct(cmd *syntax.IfClause, c *condition) {
	if cmd.Else != nil || len(cmd.Cond) != 1 {
		return
	}
	m := directTest.FindStringSubmatch(text(cmd.Cond[0]))
	if m == nil {
		return
	}
	file := m[1]
	x, ok := strings.CutSuffix(file, "_FILE")
	if !ok {
		return
	}
	body := ""
	for _, st := range cmd.Then {
		body += text(st) + "\n"
	}
	value := `"?\$\((?:cat |< ?)"?\$\{?` + file + `\}?"?\)"?`
	exported := regexp.MustCompile(`(?m)^export "?` + x + `"?="?` + value)
	assigned := regexp.MustCompile(`(?m)^` + x + `=` + value)
	if exported.MatchString(body) || assigned.MatchString(body) && regexp.MustCompile(`(?m)^export `+x+`$`).MatchString(body) {
		s.note(x, c)
	}
}

var directTest = regexp.MustCompile(`^(?:\[|\[\[|test) (?:-n |-v |-f |-r |-s |-e )?"?\$?\{?([A-Z][A-Z0-9_]*_FILE)(?::-|-|\+x|\+set)?\}?"?(?: \]| \]\])?$`)

// setsFromFile reports whether shell code exports the variable that param names
// from the file that the variable of that name with _FILE names, as
// docker-library's file_env does and bitnami's loop.
func setsFromFile(body, param string) bool {
	names := []string{param}
	for _, m := range regexp.MustCompile(`(\w+)="?\$\{?`+param+`\}?"?(?:\s|;|$)`).FindAllStringSubmatch(body, -1) {
		names = append(names, regexp.QuoteMeta(m[1]))
	}
	v := `(?:` + strings.Join(names, "|") + `)`
	m := regexp.MustCompile(`(\w+)="?\$(?:\{` + v + `\}|` + v + `"?)_FILE"?`).FindStringSubmatch(body)
	if m == nil {
		return false
	}
	file := m[1]
	contents := []string{`\$\{!` + file + `(?::?-)?\}`}
	for _, m := range regexp.MustCompile(`(\w+)="?\$(?:\{!`+file+`\b|\(env \| grep [^\n]*\$\{?`+file+`\b)`).FindAllStringSubmatch(body, -1) {
		contents = append(contents, `\$\{?`+m[1]+`\}?`)
	}
	reads := regexp.MustCompile(`\$\((?:cat |< ?)"?(?:` + strings.Join(contents, "|") + `)"?\)`).MatchString(body)
	return reads && regexp.MustCompile(`export "?\$\{?`+v+`\}?"?=`).MatchString(body)
}
