package lint

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/secret"
)

// Options says what to look for.
type Options struct {
	Dir      string    // what paths are relative to
	Project  *Project  // what is one project; nil leaves each file to itself
	Stdin    io.Reader // read for the path "-"
	Config   Config
	Severity Severity // weaker findings are left out
	Rules    []string // only these, of any severity; nil: all
	Exclude  []string // rules, or globs of files
	Baseline Baseline // findings that are known
	Plan     Planner  // asked, once, what migrate does with what is found; nil: Fix is what a rule says by itself
}

// StdinName is the name under which standard input is reported.
const StdinName = "<stdin>"

// Run lints paths: files, directories, which are walked, or "-". It follows
// what the files name. The error is about a path that was asked for; what goes
// wrong with files that others name is passed over or is a Problem.
func Run(ctx context.Context, o Options, paths []string) (*Report, error) {
	l, space, err := read(ctx, o, paths)
	if err != nil {
		return nil, err
	}
	if err := l.settle(ctx, space); err != nil {
		return nil, err
	}
	return l.report(), nil
}

// read has the rules look at every file.
func read(ctx context.Context, o Options, paths []string) (*linter, *Workspace, error) {
	policy := secret.Policy{Secret: o.Config.Secret, Plain: o.Config.Plain}
	if err := policy.Validate(); err != nil {
		return nil, nil, err
	}
	selected, err := o.selection()
	if err != nil {
		return nil, nil, err
	}
	l := &linter{
		options: o, policy: policy, rules: selected, files: newFiles(o.Dir), seen: map[string]bool{},
		composes: map[string]*composeFile{}, beside: map[string][]*composeFile{},
	}
	if err := l.start(ctx, paths); err != nil {
		return nil, nil, err
	}
	space := l.workspace(paths)
	l.files.trees = space.Trees
	for batch := l.next(); len(batch) > 0; batch = l.next() {
		results := make([]result, len(batch))
		l.each(ctx, len(batch), func(i int) { results[i] = l.file(batch[i]) })
		if err := context.Cause(ctx); err != nil {
			return nil, nil, err
		}
		for i := range results {
			l.take(&results[i])
		}
	}
	for _, c := range l.read {
		if c.whole {
			space.parsed[c.file] = c
		}
	}
	return l, space, nil
}

type linter struct {
	options  Options
	policy   secret.Policy
	rules    []Rule
	files    *files
	seen     map[string]bool
	queue    []fileRef
	pending  []fileRef // read when no compose file can name them any more
	walked   []string  // directories that were asked for, as they were named
	named    bool      // a file was asked for
	here     int       // files in these directories
	stdin    []byte
	count    int
	findings []Finding
	problems []string
	notes    []Note
	hidden   map[string]map[int][]string // texts that no snippet shows
	ignored  int
	composes map[string]*composeFile   // that were read, by path
	beside   map[string][]*composeFile // the same, by directory
	includes []fileRef
	read     []*composeFile // every one, also each of several in a file
}

// result is what one file gave.
type result struct {
	findings []Finding
	refs     []fileRef
	problems []string
	notes    []Note
	ignored  int
	skipped  bool
	composes []*composeFile
	path     string
	hidden   map[int][]string
}

func (l *linter) start(ctx context.Context, paths []string) error {
	for _, p := range paths {
		if p == "-" {
			data, err := safefile.ReadAll(l.options.Stdin, safefile.MaxSize)
			if err != nil {
				return fmt.Errorf("read standard input: %w", err)
			}
			l.stdin, l.named = data, true
			l.add(fileRef{path: "-"})
			continue
		}
		full := p
		if !filepath.IsAbs(p) {
			full = filepath.Join(l.options.Dir, p)
		}
		info, err := os.Stat(full)
		if err != nil {
			return fmt.Errorf("%s: %w", p, cause(err))
		}
		if !info.IsDir() {
			l.named = true
			l.later(fileRef{path: full, kind: kindOf(full)})
			continue
		}
		refs, err := l.files.walk(ctx, full)
		if err != nil {
			return fmt.Errorf("%s: %w", p, cause(err))
		}
		l.walked, l.here = append(l.walked, p), l.here+len(refs)
		for _, r := range refs {
			l.later(r)
		}
	}
	return nil
}

// later queues a file that was asked for. Compose files go first: they tell
// which service an env file or a Dockerfile belongs to.
func (l *linter) later(r fileRef) {
	if r.kind == kindCompose {
		l.add(r)
		return
	}
	l.pending = append(l.pending, r)
}

// next gives the files that can be read side by side.
func (l *linter) next() []fileRef {
	if len(l.queue) == 0 {
		for _, r := range l.pending {
			l.add(r)
		}
		l.pending = nil
	}
	for _, ref := range l.includes { // files that were asked for as well
		if c := l.composes[ref.path]; c != nil && c.parent == nil {
			c.parent = ref.compose
		}
	}
	batch := l.queue
	l.queue = nil
	return batch
}

// cause drops the operation and the path that an error of package os repeats.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (l *linter) add(r fileRef) {
	if !l.seen[r.path] {
		l.seen[r.path] = true
		l.queue = append(l.queue, r)
	}
}

// each runs f for 0..n-1 on all processors.
func (l *linter) each(ctx context.Context, n int, f func(int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	next := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
}

func (l *linter) take(r *result) {
	if !r.skipped {
		l.count++
	}
	l.findings = append(l.findings, r.findings...)
	l.problems = append(l.problems, r.problems...)
	l.notes = append(l.notes, r.notes...)
	if len(r.hidden) > 0 {
		if l.hidden == nil {
			l.hidden = map[string]map[int][]string{}
		}
		l.hidden[r.path] = r.hidden
	}
	l.ignored += r.ignored
	l.read = append(l.read, r.composes...)
	for _, ref := range r.refs {
		if ref.kind == kindEnv && ref.compose != nil {
			if l.composes[ref.compose.file] != ref.compose {
				l.composes[ref.compose.file] = ref.compose
				l.beside[ref.compose.dir] = append(l.beside[ref.compose.dir], ref.compose)
			}
		}
		if ref.kind == kindCompose && ref.compose != nil {
			l.includes = append(l.includes, ref)
		}
		l.add(ref)
	}
}

// file reads one file and runs the rules for its kind.
func (l *linter) file(ref fileRef) result {
	shown := l.files.shown(ref.path)
	data := l.stdin
	dir := filepath.Dir(ref.path)
	if ref.from == nil {
		dir = l.options.Project.DirOf(ref.path)
	}
	if ref.path == "-" {
		shown, dir = StdinName, l.options.Dir
	} else {
		if l.excluded(shown) {
			return result{skipped: true}
		}
		var err error
		if data, err = l.files.read(ref.path); err != nil {
			return l.unreadable(ref, shown, err)
		}
	}
	p := &pass{linter: l, src: newSource(shown, data), path: ref.path, service: ref.user}
	switch ref.kind {
	case kindEnv:
		p.env(ref, data)
	case kindDockerfile:
		p.dockerfile(ref, string(data), nil)
	default:
		p.compose(ref, data, dir)
	}
	p.finish()
	return p.result
}

func (l *linter) unreadable(ref fileRef, shown string, err error) result {
	if ref.node != nil || ref.build != nil || errors.Is(err, os.ErrNotExist) {
		return result{skipped: true} // another file names it; it need not exist
	}
	return result{skipped: true, problems: []string{fmt.Sprintf("%s: %v", shown, cause(err))}}
}

// env reads an env file. One that SOPS has encrypted holds nothing to find.
func (p *pass) env(ref fileRef, data []byte) {
	if secret.IsSOPS(data) {
		return
	}
	r := p.linter.files.repo(filepath.Dir(ref.path))
	tracked := r.has(ref.path)
	f := p.linter.envFile(ref, p.src)
	f.tracked = tracked
	f.exposed = r != nil && !tracked && !r.ignored(ref.path, false)
	for i := range p.linter.rules {
		if p.rule = &p.linter.rules[i]; p.rule.env != nil {
			p.rule.env(p, f)
		}
	}
}

func (p *pass) dockerfile(ref fileRef, data string, inline *yaml.Node) {
	d, err := parseDockerfile(p.src, data, inline, p.linter.policy)
	if err != nil {
		p.result.problems = append(p.result.problems, p.src.path+": not a Dockerfile that BuildKit can read")
		return
	}
	d.user = ref.user
	for i := range p.linter.rules {
		if p.rule = &p.linter.rules[i]; p.rule.docker != nil {
			p.rule.docker(p, d)
		}
	}
}

func (p *pass) compose(ref fileRef, data []byte, dir string) {
	if secret.IsSOPS(data) {
		return
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for count := 0; ; count++ {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			if list := p.result.composes; len(list) == 1 {
				list[0].whole = count == 1 && oddBreak(data) < 0
			}
			return
		}
		if err != nil {
			p.result.problems = append(p.result.problems, compose.ExplainYAML(p.src.path, err).Error())
			p.lines()
			return
		}
		if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
			continue
		}
		if err := compose.CheckAliases(&doc); err != nil {
			p.result.problems = append(p.result.problems, fmt.Sprintf("%s:%d: %v", p.src.path, doc.Content[0].Line, err))
			p.lines()
			return
		}
		p.document(ref, doc.Content[0], dir)
	}
}

func (p *pass) document(ref fileRef, root *yaml.Node, dir string) {
	c := newComposeFile(p.src, dir, root, p.linter.policy)
	c.files = p.linter.files
	c.parent, c.file = ref.compose, p.path
	if ref.from == nil {
		c.vars = p.linter.options.Project.EnvFilesOf(p.path, dir)
	}
	if err := c.policy.Validate(); err != nil {
		p.result.problems = append(p.result.problems, p.src.path+": "+err.Error())
		c.policy = p.linter.policy
	}
	p.hideSecrets(root)
	for i := range p.linter.rules {
		if p.rule = &p.linter.rules[i]; p.rule.compose != nil {
			p.rule.compose(p, c)
		}
	}
	for _, s := range c.services {
		if b := c.buildOf(s); b != nil && b.inline != nil && b.inline.Kind == yaml.ScalarNode {
			p.dockerfile(fileRef{user: s, build: b}, b.inline.Value, b.inline)
		}
	}
	p.result.refs = append(p.result.refs, c.refs()...)
	p.result.composes = append(p.result.composes, c)
	p.unread(c)
}

// hideSecrets hides what stands under the secrets of a compose file but the keys that Compose has there: a value that
// somebody wrote where its source belongs.
func (p *pass) hideSecrets(root *yaml.Node) {
	known := map[string]bool{
		"file": true, "environment": true, "external": true, "name": true, "labels": true, "driver": true,
		"driver_opts": true, "template_driver": true, "x-source": true,
	}
	hide := func(n *yaml.Node) { p.hideScalar(n, 0, len(n.Value)) }
	for _, e := range yamldoc.Entries(yamldoc.Get(root, "secrets")) {
		if n := yamldoc.Follow(e.Value); n == nil || n.Kind != yaml.MappingNode {
			scalars(n, hide)
			continue
		}
		for _, field := range yamldoc.Entries(e.Value) {
			if !known[field.Key.Value] {
				scalars(field.Value, hide)
			}
		}
	}
}

func (l *linter) excluded(shown string) bool {
	for _, g := range append(slices.Clone(l.options.Exclude), l.options.Config.Exclude...) {
		if isRuleID(g) {
			continue
		}
		p := parseIgnore([]byte(strings.TrimPrefix(g, "./")), "/")
		if matchIgnore(p, filepath.Join("/", shown), false) {
			return true
		}
	}
	return false
}

// report sorts, applies the baseline and counts.
func (l *linter) report() *Report {
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.start, b.start), cmp.Compare(a.Rule, b.Rule))
	})
	slices.Sort(l.problems)
	slices.SortFunc(l.notes, compareNotes)
	r := &Report{Findings: []Finding{}, Problems: l.problems, Notes: l.notes, NothingChecked: l.nothingChecked(), Hidden: l.hidden}
	r.Summary = Summary{Files: l.count, Ignored: l.ignored}
	known := l.options.Baseline.counter()
	for _, f := range l.findings {
		if known.take(&f) {
			r.Summary.Baseline++
			continue
		}
		switch f.Severity {
		case Error:
			r.Summary.Errors++
		case Warning:
			r.Summary.Warnings++
		default:
			r.Summary.Infos++
		}
		r.Findings = append(r.Findings, f)
	}
	r.Summary.Findings = len(r.Findings)
	return r
}

// nothingChecked says why nothing was read, or "". A file that was named and is excluded
// was left out on purpose.
func (l *linter) nothingChecked() string {
	if l.count > 0 || len(l.problems) > 0 || l.named {
		return ""
	}
	dirs := make([]string, len(l.walked))
	for i, d := range l.walked {
		dirs[i] = fmt.Sprintf("%q", d)
	}
	where := strings.Join(dirs, " and ")
	if l.here > 0 {
		return "every file in " + where + " is excluded"
	}
	return "no compose file, env file or Dockerfile in " + where + "; name a path"
}
