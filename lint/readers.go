package lint

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/secret"
)

// Readers are those that read an env file besides the compose files that migrate edits: containers that mount
// it, other compose files, programs of the host. An entry that one of them reads has to stay.
type Readers struct {
	files   *files
	mounts  []mount
	run     []*composeFile  // that migrate edits
	others  []*composeFile  // compose files that nobody named, nor a file that was named
	broken  []*unedited     // the same, of which the text alone is known
	scripts map[string]bool // directories whose programs are known
	hosts   []hostReader
}

// mount is a file or folder of this machine that a service reads in its container.
type mount struct {
	source  string // on disk
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

// NewReaders returns the readers as migrate needs them. run are the compose files, on disk, that it edits, and
// trees where others are looked for; paths are shown relative to dir. A file that cannot be read reads nothing.
func NewReaders(ctx context.Context, dir string, trees Trees, policy secret.Policy, run []RunFile) (*Readers, error) {
	r := &Readers{files: newFiles(dir)}
	for _, f := range run {
		for _, c := range r.files.composeFiles(f.Path, policy) {
			c.dir, c.vars = f.Dir, f.EnvFiles
			r.run = append(r.run, c)
			r.mounts = append(r.mounts, c.mounts()...)
		}
	}
	err := r.find(ctx, trees, nil, policy, func(path string) bool {
		return slices.ContainsFunc(run, func(f RunFile) bool { return f.Path == path })
	})
	return r, err
}

// readersOf returns the readers as lint needs them: the files of the run were read already.
func (l *linter) readersOf(ctx context.Context) *Readers {
	r := &Readers{files: l.files}
	for _, c := range l.read {
		r.run = append(r.run, c)
		r.mounts = append(r.mounts, c.mounts()...)
	}
	if err := r.find(ctx, l.files.trees, l.walkedDirs(), l.policy, func(path string) bool { return l.seen[path] }); err != nil {
		return r // the context has ended, and so does the run
	}
	return r
}

func (l *linter) walkedDirs() []string {
	var list []string
	for _, p := range l.walked {
		if !filepath.IsAbs(p) {
			p = filepath.Join(l.options.Dir, p)
		}
		list = append(list, resolved(p))
	}
	return list
}

// maxVisited bounds the files that are looked at for other compose files.
const maxVisited = 20_000

// find reads the compose files of trees, but for those that are known and for what lies below the directories
// in walked, which were read whole.
func (r *Readers) find(ctx context.Context, trees Trees, walked []string, policy secret.Policy, known func(string) bool) error {
	inWalked := func(path string) bool { return len(walked) > 0 && !Trees(walked).Outside(path) }
	for _, root := range trees {
		if info, err := os.Stat(root); err != nil || !info.IsDir() || inWalked(root) ||
			slices.ContainsFunc(trees, func(t string) bool { return t != root && !(Trees{t}).Outside(root) }) {
			continue
		}
		refs, err := r.files.walkSome(ctx, root, maxVisited)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if ref.kind != kindCompose || known(ref.path) || inWalked(ref.path) {
				continue
			}
			found := r.files.composeFiles(ref.path, policy)
			for _, c := range found {
				r.mounts = append(r.mounts, c.mounts()...)
			}
			r.others = append(r.others, found...)
			if data, err := r.files.read(ref.path); err == nil && found == nil && !isEncrypted(data) {
				dir := filepath.Dir(ref.path)
				r.broken = append(r.broken, &unedited{Unedited: Unedited{Dir: dir, Data: data}, path: ref.path, shown: r.files.shown(ref.path), dotenv: []string{filepath.Join(dir, ".env")}})
			}
		}
	}
	return nil
}

// composeFiles reads the documents of a compose file; nil when it is not valid YAML.
func (f *files) composeFiles(path string, policy secret.Policy) []*composeFile {
	data, err := f.read(path)
	if err != nil || isEncrypted(data) {
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
func (r *Readers) Why(path, name string) string {
	for _, m := range r.mounts {
		if m.holds(path) {
			return fmt.Sprintf("service %s mounts %s (%s:%d), where its programs read the file", m.service, secret.Printable(m.written), m.shown, m.line)
		}
	}
	for _, c := range r.run {
		if path == filepath.Join(c.dir, ".env") && !slices.Contains(c.vars, path) && c.takes(name) {
			return c.src.path + " takes it too where no --env-file is given"
		}
	}
	for _, c := range r.others {
		if c.readsEntry(path, name) {
			return c.src.path + " takes it too; name that file on the command line as well"
		}
	}
	for _, u := range r.broken {
		if u.Needs(path, name, u.dotenv) {
			return u.shown + " takes it too, and cannot be read as a compose file"
		}
	}
	for _, h := range r.hostReaders(path) {
		if hasWord(h.text, name) {
			return h.shown + " reads the file and takes it"
		}
	}
	return ""
}

// Sets returns the compose file that migrate does not edit and that sets a variable of a service, or "". It lies beside
// the one at path, so that both may be given to docker compose.
func (r *Readers) Sets(path, service, variable string) string {
	dir := filepath.Dir(path)
	for _, c := range r.others {
		if filepath.Dir(c.file) != dir {
			continue
		}
		for _, s := range c.services {
			if s.name != service {
				continue
			}
			if slices.ContainsFunc(s.env, func(p pair) bool { return p.name == variable }) {
				return c.src.path
			}
			for _, n := range c.envFiles(s) {
				if _, ok := c.files.vars([]string{c.path(text(n))})[variable]; ok {
					return c.src.path
				}
			}
		}
	}
	for _, u := range r.broken {
		if u.Dir == dir && u.Mentions(service) && (u.Mentions(variable) || u.Mentions("env_file")) {
			return u.shown
		}
	}
	return ""
}

// Means reports whether a compose file that migrate does not edit, and that lies beside the one at path, may take a
// variable: merged with that one, it would get what its store defines.
func (r *Readers) Means(path, name string) bool {
	dir := filepath.Dir(path)
	return slices.ContainsFunc(r.others, func(c *composeFile) bool { return filepath.Dir(c.file) == dir && c.takes(name) }) ||
		slices.ContainsFunc(r.broken, func(u *unedited) bool { return u.Dir == dir && u.Mentions(name) })
}

// holds reports whether the file at path is what is mounted, or lies below.
func (m mount) holds(path string) bool {
	return m.source == path || !(Trees{resolved(m.source)}).Outside(path)
}

// mounts lists what services read of the directory's files: bind mounts, also those of a named volume, and the files
// of secrets and configs.
func (c *composeFile) mounts() []mount {
	vars := c.files.vars(c.vars)
	vars["PWD"] = c.dir
	var list []mount
	add := func(service string, n *yaml.Node, raw string, named bool) {
		text := evaluate(raw, vars)
		if text == "" || strings.Contains(text, secret.Hole) || named && !isPath(text) {
			return
		}
		if rest, home := strings.CutPrefix(text, "~/"); home {
			if dir, err := os.UserHomeDir(); err == nil {
				text = filepath.Join(dir, rest)
			}
		}
		if !filepath.IsAbs(text) {
			text = filepath.Join(c.dir, text)
		}
		if text = filepath.Clean(text); text == "/" {
			return // a monitor of the whole machine
		}
		list = append(list, mount{source: text, written: raw, service: service, shown: c.src.path, line: n.Line})
	}
	named := map[string]*yaml.Node{} // volumes that are folders
	for _, e := range entries(get(c.root, "volumes")) {
		if o := get(e.value, "driver_opts"); text(get(o, "device")) != "" && strings.Contains(text(get(o, "o")), "bind") {
			named[e.key.Value] = get(o, "device")
		}
	}
	for _, s := range c.services {
		for _, v := range items(s.fields["volumes"]) {
			source, at := text(get(v, "source")), v
			if v.Kind == yaml.ScalarNode {
				source = bindSource(v.Value)
			} else if kind := text(get(v, "type")); kind != "" && kind != "bind" && kind != "volume" {
				continue
			}
			if n := named[source]; n != nil {
				add(s.name, n, text(n), false)
			} else {
				add(s.name, at, source, true)
			}
		}
	}
	for _, section := range []string{"secrets", "configs"} {
		for _, e := range entries(get(c.root, section)) {
			if n := get(e.value, "file"); text(n) != "" {
				add(firstWith(c, section, e.key.Value), n, text(n), false)
			}
		}
	}
	return list
}

// firstWith returns the first service that is given a secret or config, or the name of that.
func firstWith(c *composeFile, section, name string) string {
	for _, s := range c.services {
		for _, n := range items(s.fields[section]) {
			if text(n) == name || text(get(n, "source")) == name {
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

// Unnamed is why an entry of .env stays that no compose file takes.
const Unnamed = "no compose file takes it; something else may read it"

// readsEntry reports whether a compose file of its own takes an entry of an env file: by interpolation when it is its
// .env, in a service that the file is given to, or with a file that it includes or extends.
func (c *composeFile) readsEntry(path, name string) bool {
	for _, s := range c.services {
		for _, n := range c.envFiles(s) {
			if c.path(text(n)) == path {
				return true
			}
		}
	}
	for _, i := range items(get(c.root, "include")) {
		for _, p := range items(get(i, "env_file")) {
			if c.path(text(p)) == path {
				return true
			}
		}
	}
	if !slices.Contains(c.vars, path) {
		return false
	}
	if c.takes(name) {
		return true
	}
	for _, base := range c.bases() {
		for _, o := range c.files.composeFiles(base, secret.Policy{}) {
			if o.takes(name) {
				return true
			}
		}
	}
	return false
}

func (c *composeFile) takes(name string) bool {
	takers := map[string][]string{}
	noteTakers(c.root, takers)
	return takers[name] != nil
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
