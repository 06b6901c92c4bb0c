// Package entrypoint reads the shell script that an image starts with, and
// finds the variables that it takes from files, with the commands for which it
// does. It is careful: what it is not sure of, it leaves out. It owns neither
// images nor catalogue, and runs nothing.
package entrypoint

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// MaxScript is the largest script that is read, in bytes.
const MaxScript = 64 << 10

// Reads is what a script takes from files, and for which commands.
type Reads struct {
	Form      string   // of the catalogue: suffix:_FILE or prefix:FILE__
	Variables []string // sorted; "*" is any
	Commands  []string // globs of the first word of the command; none: any
	Script    string   // the path of what was read
}

// Image is how an image starts, and how its files are read.
type Image struct {
	Entrypoint []string
	Path       string // of its environment
	WorkingDir string
	// Read returns a regular file of the image, nil when there is none or it is
	// larger than [MaxScript].
	Read func(path string) ([]byte, error)
}

// envFileScript is how images on linuxserver.io's base take FILE__NAME.
const envFileScript = "/etc/s6-overlay/s6-rc.d/init-envfile/run"

// Find reads the entrypoint of an image; nil when nothing is sure. An error is that of Read.
func Find(i Image) (*Reads, error) {
	word := program(i.Entrypoint)
	if word == "/init" {
		data, err := i.Read(envFileScript)
		if err != nil || !isScript(data) || !bytes.Contains(data, []byte("FILE__")) {
			return nil, err
		}
		return &Reads{Form: "prefix:FILE__", Variables: []string{"*"}, Commands: []string{"-*"}, Script: envFileScript}, nil
	}
	for _, file := range i.places(word) {
		data, err := i.Read(file)
		if err != nil {
			return nil, err
		}
		if data == nil {
			continue
		}
		r, err := read(data, i.Read)
		if r != nil {
			r.Script = file
		}
		return r, err
	}
	return nil, nil
}

// program is the one word of an entrypoint that is a script, without an init
// process or a shell before it; "" when there is more to the entrypoint.
func program(entrypoint []string) string {
	for len(entrypoint) > 1 {
		switch name := path.Base(entrypoint[0]); {
		case slices.Contains([]string{"tini", "dumb-init", "docker-init", "catatonit"}, name),
			slices.Contains([]string{"sh", "bash", "ash", "dash"}, name) && !strings.HasPrefix(entrypoint[1], "-"):
			entrypoint = entrypoint[1:]
		case entrypoint[0] == "--":
			entrypoint = entrypoint[1:]
		default:
			return ""
		}
	}
	if len(entrypoint) == 0 {
		return ""
	}
	return entrypoint[0]
}

// places are the files that word may stand for.
func (i Image) places(word string) []string {
	switch {
	case word == "":
		return nil
	case path.IsAbs(word):
		return []string{word}
	case strings.Contains(word, "/"):
		return []string{path.Join("/", i.WorkingDir, word)}
	}
	search := i.Path
	if search == "" {
		search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	var list []string
	for dir := range strings.SplitSeq(search, ":") {
		if path.IsAbs(dir) {
			list = append(list, path.Join(dir, word))
		}
	}
	return list
}

func isScript(data []byte) bool {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return len(data) <= MaxScript && bytes.HasPrefix(line, []byte("#!")) && bytes.Contains(line, []byte("sh"))
}

// read looks into the text of a script. What it sources by a plain path counts as a part of it.
func read(data []byte, file func(string) ([]byte, error)) (*Reads, error) {
	if !isScript(data) {
		return nil, nil
	}
	root, err := parse(data)
	if err != nil {
		return nil, nil //nolint:nilerr // nothing is sure of what does not parse
	}
	s := &script{functions: map[string]*syntax.FuncDecl{}, arrays: map[string][]string{}, aliases: map[string]bool{}, found: map[string]*condition{},
		files: map[string]bool{}, ending: map[string]bool{}}
	stmts, err := s.sourced(root.Stmts, file)
	if err != nil {
		return nil, err
	}
	s.declarations(stmts)
	s.block(stmts, always(), nil)
	return s.result(), nil
}

func parse(data []byte) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(data), "")
}

// maxSourced bounds the files that a script reads others from.
const maxSourced = 32

// sourced puts the statements of files that top-level statements source in their place.
func (s *script) sourced(stmts []*syntax.Stmt, file func(string) ([]byte, error)) ([]*syntax.Stmt, error) {
	var list []*syntax.Stmt
	for _, st := range stmts {
		name := ""
		if call, ok := st.Cmd.(*syntax.CallExpr); ok && len(call.Args) == 2 && (literal(call.Args[0]) == "." || literal(call.Args[0]) == "source") {
			name = literal(call.Args[1])
		}
		if s.files[name] {
			continue
		}
		if name == "" || !path.IsAbs(name) || len(s.files) == maxSourced {
			list = append(list, st)
			continue
		}
		s.files[name] = true
		data, err := file(name)
		if err != nil {
			return nil, err
		}
		if data == nil || len(data) > MaxScript {
			list = append(list, st) // the next scripts may depend on it: see block
			continue
		}
		root, err := parse(data)
		if err != nil {
			list = append(list, st)
			continue
		}
		more, err := s.sourced(root.Stmts, file)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// result is what was found, when one list of commands holds for all of it; of
// variables that differ, those with the first one's commands.
func (s *script) result() *Reads {
	if len(s.found) == 0 || s.steps > maxSteps {
		return nil
	}
	r := &Reads{Form: "suffix:_FILE"}
	var first *condition
	for _, name := range s.order {
		c := s.found[name]
		if first == nil {
			first = c
			r.Commands = slices.Clone(c.words)
		}
		if c.any == first.any && slices.Equal(c.words, first.words) {
			r.Variables = append(r.Variables, name)
		}
	}
	slices.Sort(r.Variables)
	return r
}
