package entrypoint

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// test is the condition that a command sets which is tested; nil when that is
// not known.
func (s *script) test(st *syntax.Stmt) *condition {
	if st == nil || len(st.Redirs) > 0 {
		return nil
	}
	if st.Negated {
		if harmless(text(st)) {
			return always()
		}
		return nil
	}
	switch cmd := st.Cmd.(type) {
	case *syntax.BinaryCmd:
		x, y := s.test(cmd.X), s.test(cmd.Y)
		if cmd.Op == syntax.AndStmt {
			return x.and(y)
		}
		if cmd.Op == syntax.OrStmt && x != nil && y != nil && !x.any && !y.any {
			return union(x, y)
		}
		// a || b && ! help: the shell takes them from left to right
		return nil
	case *syntax.CallExpr:
		return s.bracket(cmd)
	case *syntax.TestClause:
		return s.expr(cmd.X)
	}
	return nil
}

func union(x, y *condition) *condition {
	words := slices.Concat(x.words, y.words)
	slices.Sort(words)
	return &condition{words: slices.Compact(words)}
}

// harmless reports whether a negated command, or a test of files, says nothing
// about what a server needs: that no help is asked for, that the script is not
// sourced, that nothing is initialised yet.
func harmless(t string) bool { return harmlessTest.MatchString(t) }

var harmlessTest = regexp.MustCompile(`^! \w*(want_?help|is_sourced)\w*( "\$@")?$`)

// bracket reads [ A = B ] and the tests that are harmless.
func (s *script) bracket(call *syntax.CallExpr) *condition {
	if len(call.Args) < 2 || literal(call.Args[0]) != "[" {
		return nil
	}
	args := call.Args[1 : len(call.Args)-1]
	var c *condition
	for start := 0; start <= len(args); {
		end := start
		for end < len(args) && literal(args[end]) != "-a" {
			end++
		}
		one := s.single(args[start:end])
		if c == nil {
			c = one
		} else {
			c = c.and(one)
		}
		if c == nil {
			return nil
		}
		start = end + 1
	}
	return c
}

func (s *script) single(args []*syntax.Word) *condition {
	switch {
	case len(args) == 3 && (text(args[1]) == "=" || text(args[1]) == "=="):
		if s.isCommand(args[0]) {
			if w := literal(args[2]); w != "" {
				return &condition{words: []string{w}}
			}
			return nil
		}
		if isUserID(text(args[0])) {
			return always()
		}
	case len(args) == 2 && text(args[0]) == "-z" && strings.Contains(strings.ToLower(text(args[1])), "help"),
		len(args) == 3 && text(args[0]) == "!" && isFileTest(text(args[1])):
		return always()
	}
	return nil
}

func isUserID(t string) bool { return t == `"$(id -u)"` || t == `$(id -u)` }

func isFileTest(op string) bool { return slices.Contains([]string{"-d", "-e", "-f", "-s"}, op) }

// expr is test for [[ ]].
func (s *script) expr(x syntax.TestExpr) *condition {
	switch x := x.(type) {
	case *syntax.ParenTest:
		return s.expr(x.X)
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.AndTest:
			return s.expr(x.X).and(s.expr(x.Y))
		case syntax.OrTest:
			a, b := s.expr(x.X), s.expr(x.Y)
			if a != nil && b != nil && !a.any && !b.any {
				return union(a, b)
			}
		case syntax.TsMatch, syntax.TsMatchShort:
			left, ok := x.X.(*syntax.Word)
			right, ok2 := x.Y.(*syntax.Word)
			if ok && ok2 && s.isCommand(left) {
				if w := pattern(right); w != "" && w != "*" {
					return &condition{words: []string{w}}
				}
			}
		}
	}
	return nil
}

// after is the condition under which the script goes on behind a statement:
// nothing is known behind one that may end it, or change its arguments.
func (s *script) after(st *syntax.Stmt, calls []string) *condition {
	if c, ok := s.guard(st); ok {
		return c
	}
	if s.ends(st, calls, 0) {
		return nil
	}
	return always()
}

// guard reads: if [ "$1" != WORD ]; then exec "$@"; fi.
func (s *script) guard(st *syntax.Stmt) (*condition, bool) {
	cmd, ok := st.Cmd.(*syntax.IfClause)
	if !ok || cmd.Else != nil || len(cmd.Cond) != 1 || len(cmd.Then) != 1 || text(cmd.Then[0]) != `exec "$@"` {
		return nil, false
	}
	call, ok := cmd.Cond[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) != 5 || literal(call.Args[0]) != "[" || text(call.Args[2]) != "!=" || !s.isCommand(call.Args[1]) {
		return nil, false
	}
	w := literal(call.Args[3])
	if w == "" {
		return nil, false
	}
	return &condition{words: []string{w}}, true
}

// ends reports whether a statement may end the script well, hand over to
// another program, or change the arguments. That the script starts itself anew
// as another user, that it fails, and that it puts the server before options, is none of these.
func (s *script) ends(st *syntax.Stmt, calls []string, depth int) bool {
	if cmd, ok := st.Cmd.(*syntax.IfClause); ok && isDash(cmd) {
		return false
	}
	found := false
	syntax.Walk(st, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl, *syntax.Subshell, *syntax.CmdSubst:
			return false
		case *syntax.CallExpr:
			found = found || s.callEnds(n, calls, depth)
		}
		return !found
	})
	return found
}

func (s *script) callEnds(call *syntax.CallExpr, calls []string, depth int) bool {
	if len(call.Args) == 0 {
		return false
	}
	name := literal(call.Args[0])
	switch name {
	case "exec":
		if len(call.Args) == 1 {
			return false // redirections
		}
		return !slices.ContainsFunc(call.Args, func(w *syntax.Word) bool {
			t := text(w)
			return t == `"$0"` || t == `"$BASH_SOURCE"` || t == `"${BASH_SOURCE[0]}"`
		})
	case "exit":
		return len(call.Args) < 2 || literal(call.Args[1]) == "0" || literal(call.Args[1]) == ""
	case "return":
		return len(calls) > 0 && depth == 0
	case "shift", "eval":
		return depth == 0
	case "set":
		return depth == 0 && len(call.Args) > 1 && literal(call.Args[1]) == "--"
	case ".", "source":
		return true // what it does is not known
	}
	f, ok := s.functions[name]
	switch {
	case !ok || s.readers[name]:
		return false
	case f == nil || depth == maxDepth:
		return true
	}
	if _, known := s.ending[name]; !known {
		s.ending[name] = false // while it is looked at: one that calls itself
		s.ending[name] = s.ends(f.Body, calls, depth+1)
	}
	return s.ending[name]
}

// isDash reports whether an if asks for an option as the first argument.
func isDash(cmd *syntax.IfClause) bool {
	return cmd.Else == nil && len(cmd.Cond) == 1 && len(cmd.Then) == 1 && strings.HasPrefix(text(cmd.Then[0]), "set -- ") &&
		dashTest.MatchString(text(cmd.Cond[0]))
}

var dashTest = regexp.MustCompile(`^\[\[? "?\$\{1(:0:1\}"? ==? '?"?-'?"?|#-\}"? != "?\$1"?) \]\]?$`)

// isFirst reports whether a word is $1 and nothing else.
func isFirst(w *syntax.Word) bool {
	switch text(w) {
	case `"$1"`, `$1`, `"${1}"`, `${1}`, `"${1:-}"`:
		return true
	}
	return false
}

// isCommand reports whether a word is the first argument, or a copy of it.
func (s *script) isCommand(w *syntax.Word) bool {
	if isFirst(w) {
		return true
	}
	name := strings.Trim(text(w), `"$`)
	return s.aliases[name] && (text(w) == `"$`+name+`"` || text(w) == "$"+name)
}

// literal is the text of a word without expansions, "" of any other.
func literal(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	var b strings.Builder
	for _, p := range w.Parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(p.Value, `*?[\{~`) && p.Value != "[" {
				return ""
			}
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			if p.Dollar {
				return ""
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, q := range p.Parts {
				l, ok := q.(*syntax.Lit)
				if !ok || strings.Contains(l.Value, `\`) {
					return ""
				}
				b.WriteString(l.Value)
			}
		default:
			return ""
		}
	}
	return b.String()
}

// pattern is literal for a word that may end in *.
func pattern(w *syntax.Word) string {
	if len(w.Parts) == 1 {
		if l, ok := w.Parts[0].(*syntax.Lit); ok {
			if stem, ok := strings.CutSuffix(l.Value, "*"); ok && !strings.ContainsAny(stem, `*?[]\{~`) {
				return l.Value
			}
		}
	}
	return literal(w)
}

// text is a node as the printer writes it.
func text(n syntax.Node) string {
	var b strings.Builder
	if syntax.NewPrinter(syntax.Minify(false)).Print(&b, n) != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}
