package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	maxFile = 200 << 10 // bytes of a file that is copied
	maxAll  = 16 << 20  // bytes of a repository
	maxEnv  = 3         // env files of a project that are tried
)

var (
	composeName = regexp.MustCompile(`^(docker-)?compose([._-][\w.-]+)?\.ya?ml$|^[\w-]+\.(docker-)?compose\.ya?ml$`)
	envName     = regexp.MustCompile(`(?i)^\.?env([._-][\w.-]+)?$|^[\w.-]+\.env$`)
	secretName  = regexp.MustCompile(`(?i)(passw|passphrase|secret|token|private|api_?key|jwt|salt|credential)`)
	plainName   = regexp.MustCompile(`(?i)(endpoint|source|ur[il]|path|file|dir|name|type|id|exp\w*|reset|ttl|lifetime|lifespan|enabled?|protection_\w+|max\w*|min\w*|length|algorithm|issuer|audience|host|port|user|public_key)(_?\w{0,4})?$`)
	reference   = regexp.MustCompile(`(\$?)\$(?:\{([A-Za-z_]\w*)(?:\}|:?\?)|([A-Za-z_]\w*))`)
	missing     = regexp.MustCompile(`env file (\S+) not found`)
	assignment  = regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*[=:][ \t]*(\S.*)?$`)
)

// repository is a checkout and its copies.
type repository struct {
	*corpus
	source   string
	dir      string // the copy, as people have it
	edited   string // a git copy that migrate edits
	projects []*project
}

// project is a folder with compose files.
type project struct {
	*repository
	path  string // below the repository
	files []string
	ways  []*way
	sent  []string // made-up values of secrets
}

// way is how a project is taken: flags, and the folder that they start in.
type way struct {
	from    string // below the repository
	flags   []string
	files   []string // below the repository
	base    string   // where paths start, below the repository
	profile bool     // a profile of another way, which migrate does not know
	before  []model  // of docker compose, by plugin
	raw     []string
}

func (p *project) shown() string {
	return filepath.ToSlash(filepath.Join(filepath.Base(p.source), p.path))
}

func (r *repository) check(ctx context.Context) error {
	if err := r.copy(); err != nil {
		return err
	}
	for _, p := range r.projects {
		p.makeUp()
	}
	for _, p := range r.projects {
		p.findWays(ctx)
	}
	r.edited = filepath.Join(filepath.Dir(r.dir), "git", filepath.Base(r.dir))
	if err := os.CopyFS(r.edited, os.DirFS(r.dir)); err != nil {
		return err
	}
	if err := r.git(ctx, "init", "-q"); err != nil {
		return err
	}
	if err := r.commit(ctx); err != nil {
		return err
	}
	for _, p := range r.projects {
		if len(p.ways) == 0 {
			continue
		}
		r.mu.Lock()
		r.seen++
		r.taken += len(p.ways)
		r.mu.Unlock()
		for _, w := range p.ways {
			p.checkWay(ctx, w)
		}
		if err := p.checkMigrate(ctx); err != nil {
			return err
		}
	}
	return nil
}

// copy copies a checkout without its history, large files and links, and notes its projects.
func (r *repository) copy() error {
	total := int64(0)
	return filepath.WalkDir(r.source, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(r.source, path)
		if err != nil {
			return err
		}
		to := filepath.Join(r.dir, rel)
		if e.IsDir() {
			if slices.Contains([]string{".git", "node_modules", "vendor"}, e.Name()) && rel != "." {
				return filepath.SkipDir
			}
			return os.MkdirAll(to, 0o755)
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile || total+info.Size() > maxAll {
			return err
		}
		total += info.Size()
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if dir := filepath.Dir(rel); composeName.MatchString(e.Name()) {
			i := slices.IndexFunc(r.projects, func(p *project) bool { return p.path == dir })
			if i < 0 && len(r.projects) < r.most {
				i, r.projects = len(r.projects), append(r.projects, &project{repository: r, path: dir})
			}
			if i >= 0 {
				r.projects[i].files = append(r.projects[i].files, e.Name())
			}
		}
		return os.WriteFile(to, data, info.Mode().Perm()|0o600)
	})
}

// makeUp gives each variable a value that nobody defines.
func (p *project) makeUp() {
	dir := filepath.Join(p.dir, p.path)
	dotenv := filepath.Join(dir, ".env")
	for _, sample := range []string{".env.example", ".env.sample", "env.example", ".env.dist", ".env.template"} {
		if data, err := os.ReadFile(filepath.Join(dir, sample)); err == nil && !isFile(dotenv) {
			_ = os.WriteFile(dotenv, data, 0o644) // a project without it is one as well
		}
	}
	data, _ := os.ReadFile(dotenv) // none defines nothing
	known := map[string]bool{}
	for name, value := range assignments(data) {
		known[name] = value != ""
	}
	var names []string
	for _, file := range p.files {
		text, _ := os.ReadFile(filepath.Join(dir, file)) // it was written here
		for _, m := range reference.FindAllSubmatch(text, -1) {
			if name := string(append(m[2], m[3]...)); len(m[1]) == 0 && !known[name] && name != "PWD" && name != "HOME" {
				known[name] = true
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		data = append(data, '\n')
	}
	for i, name := range names {
		value := madeUp(name, i)
		if isSecret(name) {
			p.sent = append(p.sent, value)
		}
		data = fmt.Appendf(data, "%s=%s\n", name, value)
	}
	_ = os.WriteFile(dotenv, data, 0o644)
}

func isSecret(name string) bool { return secretName.MatchString(name) && !plainName.MatchString(name) }

// madeUp returns a value that fits the name of a variable.
func madeUp(name string, i int) string {
	upper := strings.ToUpper(name)
	if isSecret(name) {
		return fmt.Sprintf("Zq8v%XKw%d", name[:min(len(name), 3)], 1000+i)
	}
	for _, fit := range [][2]string{
		{"PORT", fmt.Sprint(4000 + i)}, {"UID", "1000"}, {"GID", "1000"}, {"URL", fmt.Sprintf("https://h%d.example.org", i)}, {"DIR", fmt.Sprint("/srv/d", i)},
		{"PATH", fmt.Sprint("/srv/d", i)}, {"ROOT", fmt.Sprint("/srv/d", i)}, {"MEM", "512m"}, {"REPLICAS", "1"}, {"VERSION", "1.0"}, {"TAG", "1.0"},
		{"HOST", fmt.Sprintf("h%d.example.org", i)}, {"DOMAIN", fmt.Sprintf("h%d.example.org", i)},
	} {
		if strings.Contains(upper, fit[0]) {
			return fit[1]
		}
	}
	return fmt.Sprint("val", i)
}

// assignments returns the entries of an env file as they are written, without quotes. Of several, the last counts.
func assignments(data []byte) map[string]string {
	values := map[string]string{}
	for _, m := range assignment.FindAllSubmatch(data, -1) {
		values[string(m[1])] = unquoted(string(m[2]))
	}
	return values
}

func unquoted(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 1 && (text[0] == '"' || text[0] == '\'') {
		if i := strings.IndexByte(text[1:], text[0]); i >= 0 {
			return text[1 : 1+i]
		}
	}
	before, _, _ := strings.Cut(text, " #")
	return strings.TrimSpace(before)
}

// findWays notes the ways to take a project that docker compose loads.
func (p *project) findWays(ctx context.Context) {
	alone := func(file string) *way {
		return &way{from: p.path, base: p.path, flags: []string{"-f", file}, files: []string{filepath.Join(p.path, file)}}
	}
	for _, file := range p.files {
		p.try(ctx, alone(file), true)
	}
	base := ""
	for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"} {
		if slices.Contains(p.files, name) && base == "" {
			base = name
		}
	}
	if base == "" {
		p.withProfiles(ctx)
		return
	}
	for _, file := range p.files {
		if file != base {
			w := alone(base)
			w.flags, w.files = append(w.flags, "-f", file), append(w.files, filepath.Join(p.path, file))
			p.try(ctx, w, false)
		}
	}
	for _, file := range p.envFiles() {
		w := alone(base)
		w.flags = append([]string{"--env-file", file}, w.flags...)
		p.try(ctx, w, false)
	}
	if p.path != "." {
		w := alone(base)
		w.from = filepath.Dir(p.path)
		w.flags = []string{"--project-directory", filepath.Base(p.path), "-f", filepath.Join(filepath.Base(p.path), base)}
		p.try(ctx, w, false)
	}
	p.withProfiles(ctx)
}

// envFiles lists other env files than .env beside the compose files.
func (p *project) envFiles() []string {
	list, _ := os.ReadDir(filepath.Join(p.dir, p.path)) // it was made here
	var files []string
	for _, e := range list {
		if e.Type().IsRegular() && envName.MatchString(e.Name()) && e.Name() != ".env" && len(files) < maxEnv {
			files = append(files, e.Name())
		}
	}
	return files
}

func (p *project) withProfiles(ctx context.Context) {
	for _, w := range slices.Clone(p.ways) {
		if w.flags[0] != "-f" || len(w.flags) > 2 {
			continue
		}
		r := p.plugin(ctx, 0, filepath.Join(p.dir, w.from), nil, nil, append(slices.Clone(w.flags), "config", "--profiles")...)
		if r.code != 0 {
			continue
		}
		for _, name := range strings.Fields(r.out) {
			more := *w
			more.profile, more.flags = true, append([]string{"--profile", name}, w.flags...)
			p.try(ctx, &more, false)
		}
	}
}

// try notes a way if each plugin loads it. An env file that is missing is made, if it may be.
func (p *project) try(ctx context.Context, w *way, fill bool) {
	w.before, w.raw = nil, nil
	for i := range p.plugins {
		r := p.models(ctx, w, i)
		for fill && r.code != 0 {
			m := missing.FindStringSubmatch(r.err)
			if m == nil || !strings.HasPrefix(m[1], p.dir+"/") || isFile(m[1]) {
				break
			}
			if os.MkdirAll(filepath.Dir(m[1]), 0o755) != nil || os.WriteFile(m[1], []byte("MADE_UP=1\n"), 0o644) != nil {
				break
			}
			r = p.models(ctx, w, i)
		}
		m := parseModel(r.out)
		if r.code != 0 || m == nil {
			return
		}
		w.before, w.raw = append(w.before, m), append(w.raw, r.out)
	}
	p.ways = append(p.ways, w)
}

func (p *project) models(ctx context.Context, w *way, plugin int) *result {
	return p.plugin(ctx, plugin, filepath.Join(p.dir, w.from), nil, nil, append(slices.Clone(w.flags), "config", "--format", "json")...)
}
