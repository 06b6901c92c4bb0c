package lint

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/secret"
)

// Readers are those that read an env file besides the compose files that migrate edits: containers that mount
// it, images that it is copied into, other compose files, programs of the host. An entry that one of them reads has to stay.
type Readers struct {
	space   *Workspace
	files   *files
	known   map[string]bool       // paths of the compose files that are edited
	run     func() []*composeFile // these
	all     func() others         // in the trees
	folders map[string]others     // in one directory
	mounts  []mount               // of run and all, once they are asked for
	copies  func() []copied       // likewise
	mounted map[string]*mount     // by path of an env file, what holds it
	scripts map[string]bool       // directories whose programs are known
	hosts   []hostReader
}

// others are compose files that nobody named, nor a file that was named.
type others struct {
	files  []*composeFile
	broken []*unedited // of which the text alone is known
}

// mount is a file or folder of this machine that a service reads in its container, or a volume that may be one: which
// folder that is, another file of the same project can say.
type mount struct {
	source  string // on disk
	volume  string // its name
	dir     string // of the project
	tree    string // the same, symlinks resolved
	written string // in the compose file
	service string
	shown   string
	line    int
}

// hostReader is a file beside an env file that reads it.
type hostReader struct {
	env, shown, text string
}

// RunFile is a compose file that migrate edits.
type RunFile struct {
	Path, Dir string   // on disk; paths of the file start at Dir
	EnvFiles  []string // that its variables come from
}

// NewReaders returns the readers of a workspace of which run is edited. What is not asked for is not looked for. A file
// that cannot be read reads nothing.
func NewReaders(ctx context.Context, w *Workspace, run []RunFile) *Readers {
	r := &Readers{space: w, files: newFiles(w.Dir), known: map[string]bool{}, folders: map[string]others{}, mounted: map[string]*mount{}}
	for _, f := range run {
		r.known[f.Path] = true
	}
	r.all = sync.OnceValue(func() others { return r.find(ctx) })
	r.run = sync.OnceValue(func() []*composeFile { return r.edited(run) })
	r.copies = sync.OnceValue(func() []copied {
		var list []copied
		for _, c := range slices.Concat(r.run(), r.all().files) {
			list = append(list, c.copies()...)
		}
		return list
	})
	return r
}

func (r *Readers) edited(run []RunFile) []*composeFile {
	var list []*composeFile
	for _, file := range run {
		found := r.files.composeFiles
		if c := r.space.parsed[file.Path]; c != nil {
			found = func(string, secret.Policy) []*composeFile { own := *c; return []*composeFile{&own} }
		}
		for _, c := range found(file.Path, r.space.Policy) {
			c.dir, c.vars, c.files = file.Dir, file.EnvFiles, r.files
			list = append(list, c)
		}
	}
	return list
}

// maxVisited bounds the files that are looked at for other compose files.
const maxVisited = 20_000

// find reads the compose files of the trees, but for those that are known and for what lies below the directories
// that were read whole. When the context ends, so does the run.
func (r *Readers) find(ctx context.Context) others {
	var found others
	for _, root := range r.space.Trees {
		if info, err := os.Stat(root); err != nil || !info.IsDir() || r.isKnown(root) ||
			slices.ContainsFunc(r.space.Trees, func(t string) bool { return t != root && !(Trees{t}).Outside(root) }) {
			continue
		}
		refs, err := r.files.walkSome(ctx, root, maxVisited)
		if err != nil {
			return found
		}
		for _, ref := range refs {
			if ref.kind == kindCompose && !r.isKnown(ref.path) {
				r.add(&found, ref.path)
			}
		}
	}
	return found
}

// isKnown reports whether a file is edited, or lies where everything was read.
func (r *Readers) isKnown(path string) bool { return r.known[path] || r.isWalked(path) }

func (r *Readers) isWalked(path string) bool {
	return len(r.space.Walked) > 0 && !Trees(r.space.Walked).Outside(path)
}

func (r *Readers) add(to *others, path string) {
	list := r.files.composeFiles(path, r.space.Policy)
	to.files = append(to.files, list...)
	if data, err := r.files.read(path); err == nil && list == nil && !secret.IsSOPS(data) {
		dir := filepath.Dir(path)
		to.broken = append(to.broken, &unedited{Unedited: Unedited{Dir: dir, Data: data}, shown: r.files.shown(path), dotenv: []string{filepath.Join(dir, ".env")}})
	}
}

// beside reads the other compose files in one directory.
func (r *Readers) beside(dir string) others {
	if found, ok := r.folders[dir]; ok {
		return found
	}
	var found others
	var entries []os.DirEntry
	if !r.isWalked(dir) {
		entries, _ = os.ReadDir(dir) // without them: nor can anybody else read what is in it
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.Type().IsRegular() && kindOf(path) == kindCompose && r.files.isCompose(path, strings.ToLower(e.Name())) &&
			!r.known[path] && !r.files.repo(dir).ignored(path, false) {
			r.add(&found, path)
		}
	}
	r.folders[dir] = found
	return found
}

// composeFiles reads the documents of a compose file; nil when it is not valid YAML.
func (f *files) composeFiles(path string, policy secret.Policy) []*composeFile {
	data, err := f.read(path)
	if err != nil || secret.IsSOPS(data) {
		return nil
	}
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) != nil {
		return nil
	}
	var list []*composeFile
	src := newSource(f.shown(path), data)
	for _, root := range Documents(data) {
		c := newComposeFile(src, filepath.Dir(path), root, policy)
		c.files, c.file = f, path
		list = append(list, c)
	}
	return list
}

// Why returns who else reads the entry name of an env file, as the reason why it stays, or "".
func (r *Readers) Why(path, name string) Reason {
	others, run := r.all(), r.run()
	if m := r.mountOf(path); m != nil {
		return Because(Mounted, m.service, secret.Printable(m.written), m.shown, strconv.Itoa(m.line))
	}
	for _, c := range r.copies() {
		if c.holds(path) {
			return Because(InImage, c.service, c.shown, strconv.Itoa(c.line))
		}
	}
	for _, c := range run {
		if path == filepath.Join(c.dir, ".env") && !slices.Contains(c.vars, path) && c.takes(name) {
			return Because(TakenWithoutFlag, c.src.path)
		}
		if c.includesWith(path) && !slices.Contains(c.vars, path) {
			return Because(TakenByIncluded, c.src.path)
		}
	}
	for _, c := range others.files {
		if c.readsEntry(path, name) {
			return Because(TakenByOther, c.src.path)
		}
	}
	for _, u := range others.broken {
		if u.Needs(path, name, u.dotenv) {
			return Because(TakenByBroken, u.shown)
		}
	}
	for _, h := range r.hostReaders(path) {
		if hasWord(h.text, name) {
			return Because(ReadByProgram, h.shown)
		}
	}
	return Reason{}
}

// Sets returns the compose file that migrate does not edit and that sets a variable of a service, or "". It lies beside
// the one at path, so that both may be given to docker compose.
func (r *Readers) Sets(path, service, variable string) string {
	others := r.beside(filepath.Dir(path))
	for _, c := range others.files {
		for _, s := range c.services {
			if s.name != service {
				continue
			}
			if slices.ContainsFunc(s.env, func(p yamldoc.Pair) bool { return p.Name == variable }) {
				return c.src.path
			}
			for _, n := range c.envFiles(s) {
				if _, ok := c.files.vars([]string{c.path(yamldoc.Text(n))})[variable]; ok {
					return c.src.path
				}
			}
		}
	}
	for _, u := range others.broken {
		if u.Mentions(service) && (u.Mentions(variable) || u.Mentions("env_file")) {
			return u.shown
		}
	}
	return ""
}

// LeadsTo returns the compose file that migrate does not edit and that includes or extends the one at path, or "". It
// names no store, and would lose what moves.
func (r *Readers) LeadsTo(path string) string {
	for _, c := range r.all().files {
		if slices.Contains(c.bases(), path) {
			return c.src.path
		}
	}
	return ""
}

// Means reports whether a compose file that migrate does not edit, and that lies beside the one at path, may take a
// variable: merged with that one, it would get what its store defines.
func (r *Readers) Means(path, name string) bool {
	others := r.beside(filepath.Dir(path))
	return slices.ContainsFunc(others.files, func(c *composeFile) bool { return c.takesOrLeads(name) }) ||
		slices.ContainsFunc(others.broken, func(u *unedited) bool { return u.Mentions(name) })
}

// mountOf returns the first mount that holds a file: it is what is mounted, or lies below. nil without one.
func (r *Readers) mountOf(path string) *mount {
	if m, ok := r.mounted[path]; ok {
		return m
	}
	if r.mounts == nil {
		r.mounts = r.everyMount()
	}
	r.mounted[path] = nil
	real := resolved(path)
	if i := slices.IndexFunc(r.mounts, func(m mount) bool { return m.source == path || isBelow(m.tree, real) }); i >= 0 {
		r.mounted[path] = &r.mounts[i]
	}
	return r.mounted[path]
}

// everyMount lists what services mount of this machine. A volume stands for the folder that a file of its project gives it.
func (r *Readers) everyMount() []mount {
	var mounts, devices []mount
	for _, c := range slices.Concat(r.run(), r.all().files) {
		m, d := c.mounts()
		mounts, devices = append(mounts, m...), append(devices, d...)
	}
	list := []mount{}
	for _, m := range mounts {
		if m.source != "" {
			list = append(list, m)
			continue
		}
		for _, d := range devices {
			if d.volume == m.volume && d.dir == m.dir {
				d.service = m.service
				list = append(list, d)
			}
		}
	}
	for i := range list {
		list[i].tree = resolved(list[i].source)
	}
	return list
}

// mounts lists what services read of the directory's files: bind mounts, and the files of secrets and configs. Volumes
// stand with their names; devices are those that the file says to be folders.
func (c *composeFile) mounts() (mounts, devices []mount) {
	vars := c.files.vars(c.vars)
	vars["PWD"] = c.dir
	at := func(service string, n *yaml.Node, raw string) mount {
		return mount{dir: c.dir, written: raw, service: service, shown: c.src.path, line: n.Line}
	}
	for _, e := range yamldoc.Entries(yamldoc.Get(c.root, "volumes")) {
		o := yamldoc.Get(e.Value, "driver_opts")
		if n := yamldoc.Get(o, "device"); yamldoc.Text(n) != "" && strings.Contains(yamldoc.Text(yamldoc.Get(o, "o")), "bind") {
			d := at("", n, yamldoc.Text(n))
			if d.volume, d.source = e.Key.Value, c.mountSource(yamldoc.Text(n), vars); d.source != "" {
				devices = append(devices, d)
			}
		}
	}
	for _, s := range c.services {
		for _, v := range yamldoc.Items(s.fields["volumes"]) {
			source, n := yamldoc.Text(yamldoc.Get(v, "source")), v
			if v.Kind == yaml.ScalarNode {
				source = bindSource(v.Value)
			} else if kind := yamldoc.Text(yamldoc.Get(v, "type")); kind != "" && kind != "bind" && kind != "volume" {
				continue
			}
			m := at(s.name, n, source)
			switch known := evaluate(source, vars); {
			case known == "":
				continue
			case isPath(known):
				m.source = c.mountSource(source, vars)
			default:
				m.volume = known
			}
			if m.source != "" || m.volume != "" {
				mounts = append(mounts, m)
			}
		}
	}
	for _, section := range []string{"secrets", "configs"} {
		for _, e := range yamldoc.Entries(yamldoc.Get(c.root, section)) {
			n := yamldoc.Get(e.Value, "file")
			if yamldoc.Text(n) == "" {
				continue
			}
			m := at(firstWith(c, section, e.Key.Value), n, yamldoc.Text(n))
			if m.source = c.mountSource(yamldoc.Text(n), vars); m.source != "" {
				mounts = append(mounts, m)
			}
		}
	}
	return mounts, devices
}

// mountSource returns the path on disk of what is mounted; "" if it cannot be known, or is the whole machine, which
// monitors look at.
func (c *composeFile) mountSource(raw string, vars map[string]string) string {
	path := evaluate(raw, vars)
	if path == "" || strings.Contains(path, secret.Hole) {
		return ""
	}
	if rest, home := strings.CutPrefix(path, "~/"); home {
		if dir, err := os.UserHomeDir(); err == nil {
			path = filepath.Join(dir, rest)
		}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.dir, path)
	}
	if path = filepath.Clean(path); path == "/" {
		return ""
	}
	return path
}

// firstWith returns the first service that is given a secret or config, or the name of that.
func firstWith(c *composeFile, section, name string) string {
	for _, s := range c.services {
		for _, n := range yamldoc.Items(s.fields[section]) {
			if yamldoc.Text(n) == name || yamldoc.Text(yamldoc.Get(n, "source")) == name {
				return s.name
			}
		}
	}
	return name
}

// bindSource returns what stands before the colon of a short volume; one within ${...} is none.
func bindSource(v string) string {
	depth := 0
	for i := range len(v) {
		switch v[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ':':
			if depth == 0 && (i != 1 || len(v) < 3 || v[2] != '\\') {
				return v[:i]
			}
		}
	}
	return ""
}

// isPath tells a path from the name of a volume, as Compose does.
func isPath(source string) bool { return strings.IndexByte("./~", source[0]) >= 0 }

// readsEntry reports whether a compose file of its own takes an entry of an env file: by interpolation when it is its
// .env, in a service that the file is given to, or with a file that it includes or extends.
func (c *composeFile) readsEntry(path, name string) bool {
	for _, s := range c.services {
		for _, n := range c.envFiles(s) {
			if c.path(yamldoc.Text(n)) == path {
				return true
			}
		}
	}
	if c.includesWith(path) {
		return true
	}
	if !slices.Contains(c.vars, path) {
		return false
	}
	return c.takesOrLeads(name)
}

// includesWith reports whether a file that c includes gets its variables from an env file.
func (c *composeFile) includesWith(path string) bool {
	return slices.ContainsFunc(yamldoc.Items(yamldoc.Get(c.root, "include")), func(i *yaml.Node) bool {
		return slices.ContainsFunc(yamldoc.Items(yamldoc.Get(i, "env_file")), func(n *yaml.Node) bool { return c.path(yamldoc.Text(n)) == path })
	})
}

// takesOrLeads reports whether c, or a file that it includes or extends, takes a variable.
func (c *composeFile) takesOrLeads(name string) bool {
	return c.takes(name) || slices.ContainsFunc(c.bases(), func(base string) bool {
		return slices.ContainsFunc(c.files.composeFiles(base, secret.Policy{}), func(o *composeFile) bool { return o.takes(name) })
	})
}

func (c *composeFile) takes(name string) bool {
	if c.takers == nil {
		c.takers = map[string]bool{}
		noteTaken(c.root, c.takers)
	}
	return c.takers[name]
}

// bases are the files that a compose file includes or extends.
func (c *composeFile) bases() []string {
	var list []string
	for _, ref := range c.refs() {
		if ref.kind == kindCompose {
			list = append(list, ref.path)
		}
	}
	return list
}

// hostReaders lists the programs in the folder of an env file that read it.
func (r *Readers) hostReaders(env string) []hostReader {
	dir := filepath.Dir(env)
	r.files.mu.Lock()
	defer r.files.mu.Unlock()
	if r.scripts == nil {
		r.scripts = map[string]bool{}
	}
	if !r.scripts[env] {
		r.scripts[env] = true
		for _, path := range r.files.hostPrograms(dir) {
			if data, err := safefile.Read(path); err == nil && loadsFile(string(data), filepath.Base(env)) {
				r.hosts = append(r.hosts, hostReader{env, r.files.shown(path), string(data)})
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(r.hosts), func(h hostReader) bool { return h.env != env })
}

// hostPrograms lists the programs in a folder and in those directly in it, up to a number in each.
func (f *files) hostPrograms(dir string) []string {
	var list []string
	within := func(dir string) (folders []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil // what cannot be listed is read by nobody who is known
		}
		for _, e := range entries[:min(len(entries), maxScripts)] {
			switch path := filepath.Join(dir, e.Name()); {
			case e.IsDir() && !isForeign(e.Name()):
				folders = append(folders, path)
			case e.Type().IsRegular() && isHostProgram(e.Name()):
				list = append(list, path)
			}
		}
		return folders
	}
	for _, sub := range within(dir) {
		within(sub)
	}
	return list
}

// maxScripts bounds the entries of a folder that are looked at for programs.
const maxScripts = 200

// isHostProgram tells the files that are run beside a compose file and often read its env files.
func isHostProgram(name string) bool {
	base := strings.ToLower(name)
	switch filepath.Ext(base) {
	case ".sh", ".bash", ".mk", ".ps1", ".fish", ".zsh", ".service", ".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".php", ".pl":
		return true
	}
	return slices.Contains([]string{"makefile", "gnumakefile", "justfile", ".justfile", "procfile", "rakefile", ".envrc", "taskfile.yml", "taskfile.yaml", "package.json"}, base)
}

// loadsFile reports whether a program names an env file, or uses a library that looks for .env by itself.
func loadsFile(text, base string) bool {
	return namesFile(text, base) || base == ".env" && strings.Contains(text, "dotenv")
}

// namesFile reports whether a text names a file by its base name, as in "include .env" or "--env-file=.env".
func namesFile(text, base string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], base)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(base)
		before, after := from == 0 || !isNameByte(text[from-1]) && text[from-1] != '.', to == len(text) || !isNameByte(text[to]) && text[to] != '.' && text[to] != '-'
		if before && after {
			return true
		}
		at = to
	}
}

// walkSome is walk that ends after a number of files.
func (f *files) walkSome(ctx context.Context, dir string, most int) ([]fileRef, error) {
	list, err := f.walkUntil(ctx, dir, func() bool { most--; return most < 0 })
	if err != nil && ctx.Err() == nil {
		return list, nil //nolint:nilerr // a folder that cannot be read holds no other reader that is known
	}
	return list, err
}
