// Package migrate plans how plaintext secrets leave the source of a project:
// which bytes of compose files, env files and ignore files change, and which
// values go to a store. It owns the edits, their check and the writing of the
// files. What a secret is, it asks lint and the catalogue of secret; it encrypts
// nothing and runs no program.
package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/secret"
)

// The names that new stores get, beside the compose file.
const (
	SOPSName   = "secrets.enc.yaml"
	DotenvName = "secrets.enc.env" // used where it exists
	FilesName  = "secrets"
)

// Options says what to plan.
type Options struct {
	Lint  lint.Options // Dir and Config are used
	Files bool         // store values in files instead of a SOPS file
	// Keys lists the names that a SOPS file has; it is not called for a file
	// that does not exist.
	Keys func(path string) ([]string, error)
}

// Value is a value that leaves the source.
type Value struct {
	Name   string // of the variable in the store, or of the file below FilesName
	Value  secret.Value
	Places []string // file:line where it stood
}

// Store is where the values of one or more compose files go.
type Store struct {
	Path   string // of the SOPS file, or of the directory of files
	Exists bool
	Values []Value
	Tree   string // the work tree that it lies in; without git, the folder of the project
}

// Change is a file before and after. Old is nil for a new file.
type Change struct {
	Path, Shown string
	Old, New    []byte
	Mode        os.FileMode // of a new file
	Private     bool        // its directory is for the owner alone
	edits       []document.Edit
}

// Remaining is a plaintext secret that has to be moved by hand.
type Remaining struct {
	File          string
	Line, Column  int
	Rule, Message string
	Todo          string
}

// Plan is what a migration would do. Nothing of it is done.
type Plan struct {
	Stores     []*Store
	Changes    []Change
	Remaining  []Remaining
	Uneditable []Uneditable
	Unread     []Unread
	Refs       []TextRef
	hidden     []string                    // texts that must not be printed
	onLine     map[string]map[int][]string // the same, of one line of a file alone
	partly     map[string]string           // texts of which a part may be
}

// New plans the migration of compose files and of what they lead to: files
// that they include or extend, env files and Dockerfiles. Every edited compose file was parsed again: its tree is the intended
// one, and every service gets the variables that it got before. A file that
// cannot be edited is in Out; it is an error if all are.
func New(ctx context.Context, o Options, paths []string) (*Plan, error) {
	scan, err := lint.Read(ctx, o.Lint, paths)
	if err != nil {
		return nil, err
	}
	return planOf(ctx, o, scan)
}

func planOf(ctx context.Context, o Options, scan *lint.Scan) (*Plan, error) {
	p, err := plan(ctx, o, scan.Workspace)
	if err != nil {
		return nil, err
	}
	if err := p.allOut(); err != nil {
		return nil, err
	}
	plan, err := p.finish(scan.Secrets)
	if err != nil {
		return nil, err
	}
	plan.onLine = scan.Hidden
	return plan, nil
}

// Outcomes plans a workspace as New does, for a store of which nothing is known.
func Outcomes(ctx context.Context, w *lint.Workspace) (lint.Outcomes, error) {
	return plan(ctx, Options{}, w)
}

var _ lint.Planner = Outcomes

// plan decides about every secret of a workspace.
func plan(ctx context.Context, o Options, w *lint.Workspace) (*planner, error) {
	p := newPlanner(o, w)
	p.all = p.parts(w.Files)
	run := make([]lint.RunFile, len(p.all))
	for i, n := range p.all {
		run[i] = lint.RunFile{Path: n.path, Dir: n.dir, EnvFiles: n.envPaths()}
	}
	p.readers = lint.NewReaders(ctx, w, run)
	for known := -1; p.notes() > known; { // there is one for each file, argument and entry at most
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		known = p.notes()
		p.pass()
	}
	return p, nil
}

type planner struct {
	o Options
	*lint.Workspace
	all         []*part
	readers     *lint.Readers                     // of env files, that are not edited
	stay        map[string]map[string]lint.Reason // env file -> variable -> why it has to stay
	partly      map[string]string                 // as in Plan
	keptArgs    map[dockerArg]lint.Reason         // why an argument has to stay one
	onFile      map[string]map[string]string      // values of env files, by path
	takenNames  map[string]map[string]bool        // of this pass, by directory of the named file
	declares    map[string]bool                   // compose files that take what another one moves
	secretFor   map[string]map[string]bool        // variables of env files that a file takes as secrets
	withSecrets map[string]bool                   // by directory of the named file, whether its project has any
	state
}

// state is what an attempt changes.
type state struct {
	now         map[string][]byte              // files as they would be
	edits       map[string][]document.Edit     // of the original bytes
	order       []string                       // of the files in now
	stores      map[string]*names              // by path
	moved       map[movedKey]map[string]*value // by variable
	outcomes    map[lint.Place]lint.Outcome    // of each secret of a compose file or env file
	argOutcomes map[dockerArg]lint.Outcome     // of each argument of a Dockerfile
	hidden      []string
	ignore      []ignoreEntry
	mounts      map[dockerArg]bool // arguments that are mounted now
	grants      []grant
}

// movedKey is an env file, and the store that its variables move to.
type movedKey struct{ env, store string }

func newPlanner(o Options, w *lint.Workspace) *planner {
	return &planner{
		o: o, Workspace: w,
		withSecrets: map[string]bool{}, declares: map[string]bool{}, secretFor: map[string]map[string]bool{},
		stay: map[string]map[string]lint.Reason{}, partly: map[string]string{}, onFile: map[string]map[string]string{}, keptArgs: map[dockerArg]lint.Reason{}, state: newState(),
	}
}

func newState() state {
	return state{
		now: map[string][]byte{}, edits: map[string][]document.Edit{}, stores: map[string]*names{},
		moved: map[movedKey]map[string]*value{}, outcomes: map[lint.Place]lint.Outcome{}, argOutcomes: map[dockerArg]lint.Outcome{}, mounts: map[dockerArg]bool{},
	}
}

// original reads a file as it is on disk; nil if there is none.
func original(path string) ([]byte, error) {
	data, err := safefile.Read(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// shown gives a path as it is printed.
func (p *planner) shown(path string) string {
	if rel, err := filepath.Rel(p.Dir, path); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(path)
}

// stage keeps the edits of a file.
func (p *planner) stage(path string, data []byte, edits []document.Edit) error {
	if len(edits) == 0 {
		return nil
	}
	out, err := document.Splice(data, edits)
	if err != nil {
		return err
	}
	if _, ok := p.now[path]; !ok {
		p.order = append(p.order, path)
	}
	p.now[path], p.edits[path] = out, edits
	return nil
}

// errMeaning is about an edit that would change more than was meant.
var errMeaning = errors.New("the edited file would not mean the same")

func (p *planner) finish(found []lint.Finding) (*Plan, error) {
	plan := &Plan{}
	for _, n := range p.stores {
		if s := n.store(p); len(s.Values) > 0 {
			s.Tree = p.Trees.Around(s.Path)
			plan.Stores = append(plan.Stores, s)
		}
	}
	slices.SortFunc(plan.Stores, func(a, b *Store) int { return strings.Compare(a.Path, b.Path) })
	if err := p.ignoreFiles(); err != nil {
		return nil, err
	}
	for _, path := range p.order {
		old, err := original(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.shown(path), err)
		}
		plan.Changes = append(plan.Changes, Change{Path: path, Shown: p.shown(path), Old: old, New: p.now[path], Mode: 0o644, edits: p.edits[path]})
	}
	for _, n := range p.all {
		if n.out != nil {
			plan.Uneditable = append(plan.Uneditable, *n.out)
		}
	}
	plan.Unread, plan.Refs = p.unread(), p.textRefs()
	for i := range found {
		f := &found[i]
		outcome, known := p.Of(f.Place())
		if outcome.Moves {
			continue
		}
		if f.HoldsValue() {
			p.hide(p.textOf(f))
		}
		if p.Trees.Outside(p.onDisk(f.File)) && !slices.ContainsFunc(plan.Uneditable, func(o Uneditable) bool { return o.File == f.File }) {
			plan.Uneditable = append(plan.Uneditable, outsideOf(f.File))
		}
		if out := slices.IndexFunc(plan.Uneditable, func(o Uneditable) bool { return o.File == f.File }); out >= 0 {
			plan.Uneditable[out].Secrets++
			continue
		}
		todo := outcome.Reason.String()
		if !known || f.Fix.By == lint.ByHand {
			todo = f.Stays()
		}
		plan.Remaining = append(plan.Remaining, Remaining{f.File, f.Line, f.Column, f.Rule, f.Message, todo})
	}
	plan.hidden, plan.partly = p.hidden, p.partly
	return plan, nil
}

// textOf gives the text of a finding, to keep it out of diffs.
func (p *planner) textOf(f *lint.Finding) string {
	data, err := original(p.onDisk(f.File))
	if err != nil || data == nil {
		return ""
	}
	t := document.New(data)
	from, to := t.Offset(document.Pos{Line: f.Line, Column: f.Column}), t.Offset(document.Pos{Line: f.EndLine, Column: f.EndColumn})
	return string(data[from:max(from, to)])
}

// onDisk is the reverse of shown.
func (p *planner) onDisk(shown string) string {
	if filepath.IsAbs(shown) {
		return shown
	}
	return filepath.Join(p.Dir, shown)
}

// hide keeps texts out of every diff, line by line.
func (p *planner) hide(texts ...string) {
	for _, t := range texts {
		for line := range strings.SplitSeq(t, "\n") {
			if line = strings.TrimSpace(line); line != "" {
				p.hidden = append(p.hidden, line)
			}
		}
	}
}

// StoodIn reports whether an old version of a file holds the value, as text.
func (v *Value) StoodIn(data []byte) bool {
	text := v.Value.Reveal()
	return len(text) > 0 && (bytes.Contains(data, text) || bytes.Contains(data, bytes.ReplaceAll(text, []byte("$"), []byte("$$"))))
}
