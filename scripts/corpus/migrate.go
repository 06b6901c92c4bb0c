package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// git runs git in the copy that migrate edits.
func (r *repository) git(ctx context.Context, args ...string) error {
	out := r.start(ctx, r.edited, nil, nil, "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "core.autocrlf=false"}, args...)...)
	if out.code != 0 {
		return fmt.Errorf("git %s: %s", args[0], out.last())
	}
	return nil
}

func (r *repository) commit(ctx context.Context) error {
	if err := r.git(ctx, "add", "-A", "-f"); err != nil {
		return err
	}
	return r.git(ctx, "commit", "-q", "--allow-empty", "-m", "before")
}

// reset has the copy as it was.
func (r *repository) reset(ctx context.Context) error {
	if err := r.git(ctx, "reset", "-q", "--hard"); err != nil {
		return err
	}
	return r.git(ctx, "clean", "-fdxq")
}

// changed lists the files that differ from the last commit.
func (r *repository) changed(ctx context.Context) []string {
	out := r.start(ctx, r.edited, nil, nil, "git", "-c", "status.renames=false", "status", "--porcelain", "-z", "--ignored", "--untracked-files=all")
	var list []string
	for entry := range strings.SplitSeq(out.out, "\x00") {
		if len(entry) > 3 {
			list = append(list, entry[3:])
		}
	}
	return list
}

// checkMigrate migrates a project in each way that it is taken, each time anew, and looks what came of all ways.
func (p *project) checkMigrate(ctx context.Context) error {
	done := map[string]bool{}
	for _, w := range p.ways {
		if w.profile || ctx.Err() != nil {
			continue
		}
		args := append(slices.Clone(w.flags), "migrate", "--age", p.recipient, "--write")
		r := p.secure(ctx, 0, filepath.Join(p.edited, w.from), args...)
		if r.code != 0 && r.code != 3 {
			p.say(p.shown(), w.flags, "migrate", fmt.Sprintf("exit code %d: %s", r.code, r.last()))
		}
		if r.cpu > 4*maxCPU {
			p.say(p.shown(), w.flags, "migrate", fmt.Sprintf("takes %s of processor time", r.cpu))
		}
		if changed := p.changed(ctx); len(changed) > 0 {
			if outcome := p.outcome(changed); !done[outcome] {
				done[outcome] = true
				p.checkEdited(ctx, w, changed)
			}
			if err := p.reset(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// outcome tells migrations apart by what they wrote.
func (p *project) outcome(changed []string) string {
	sum := sha256.New()
	for _, file := range changed {
		data, _ := os.ReadFile(filepath.Join(p.edited, file)) // one that is gone is empty
		if strings.HasPrefix(filepath.Base(file), "secrets.enc.") {
			data = nil // encrypted anew each time
		}
		fmt.Fprintf(sum, "%q %q\n", file, data)
	}
	return string(sum.Sum(nil))
}

func (p *project) checkEdited(ctx context.Context, w *way, changed []string) {
	for _, file := range changed {
		if !mayEdit(filepath.Base(file)) && !p.givesFile(file) {
			p.say(p.shown(), w.flags, "migrate", "changes "+file)
		}
	}
	for _, other := range p.projects {
		if other != p && !other.reads(changed) {
			continue
		}
		for _, o := range other.ways {
			if !o.profile {
				other.checkValues(ctx, w, o)
			}
		}
		other.checkMounts(w, changed)
	}
	p.checkEntries(ctx, w, changed)
}

var edited = regexp.MustCompile(`(?i)\.ya?ml$|^\.(git|docker)ignore$|\.dockerignore$|dockerfile|containerfile`)

func mayEdit(base string) bool {
	return edited.MatchString(base) || envName.MatchString(base) || strings.Contains(base, "env") || strings.HasPrefix(base, "secrets.enc.")
}

// givesFile reports whether a compose file of the project names an env file for a service.
func (p *project) givesFile(file string) bool {
	return slices.ContainsFunc(p.files, func(name string) bool {
		data, _ := os.ReadFile(filepath.Join(p.dir, p.path, name)) // it was written here
		return envFileKey.Match(data) && strings.Contains(string(data), filepath.Base(file))
	})
}

var envFileKey = regexp.MustCompile(`(?m)^\s*env_file:`)

// reads reports whether a project may read one of the files: they are in its folder, or it looks outside of it.
func (p *project) reads(changed []string) bool {
	for _, file := range changed {
		if rel, err := filepath.Rel(p.path, file); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return slices.ContainsFunc(p.files, func(file string) bool {
		data, err := os.ReadFile(filepath.Join(p.dir, p.path, file))
		return err == nil && strings.Contains(string(data), "../")
	})
}

var storeName = regexp.MustCompile(`[\w./-]*secrets\.enc\.\w+`)

// stores returns the values of the stores that the compose files of a way name.
func (p *project) stores(ctx context.Context, w *way) map[string]string {
	values := map[string]string{}
	for _, file := range w.files {
		data, _ := os.ReadFile(filepath.Join(p.edited, file)) // none names nothing
		for _, name := range storeName.FindAllString(string(data), -1) {
			for _, dir := range []string{w.base, filepath.Dir(file)} {
				if path := filepath.Join(p.edited, dir, name); isFile(path) {
					maps.Copy(values, p.decrypted(ctx, path))
					break
				}
			}
		}
	}
	return values
}

func (p *project) decrypted(ctx context.Context, path string) map[string]string {
	r := p.start(ctx, filepath.Dir(path), nil, nil, p.sops, "decrypt", "--output-type", "json", path)
	var tree map[string]any
	_ = json.Unmarshal([]byte(r.out), &tree) // what is not there is a difference
	values := map[string]string{}
	for name, value := range tree {
		values[name] = fmt.Sprint(value)
	}
	return values
}

// checkValues looks whether each service has its values after a migration by done, when the project is taken by w.
func (p *project) checkValues(ctx context.Context, done, w *way) {
	stored := p.stores(ctx, w)
	dir := filepath.Join(p.edited, w.from)
	env := p.variables(w, stored)
	say := func(text string) {
		p.say(p.shown(), w.flags, "after migrate", "with "+strings.Join(done.flags, " ")+": "+text)
	}
	r := p.plugin(ctx, 0, dir, env, nil, append(slices.Clone(w.flags), "config", "--format", "json")...)
	after := parseModel(strings.ReplaceAll(r.out, p.edited+"/", p.dir+"/"))
	if r.code != 0 || after == nil {
		say(r.last())
		return
	}
	if len(stored) > 0 {
		if r := p.secure(ctx, 0, dir, append(slices.Clone(w.flags), "plan")...); r.code > 1 && kindOf("", r) != "refused" {
			say("plan: " + r.last())
		}
	}
	for name := range section(w.before[0], "services") {
		old, now := section(w.before[0], "services", name), section(after, "services", name)
		for key, value := range section(old, "environment") {
			switch {
			case hasValue(after, section(old, "environment"), section(now, "environment"), stored, key, value):
			case w.envFile() != done.envFile():
				p.otherEnvFile(done, w)
			default:
				say(name + " lost the value of " + key)
			}
		}
		for key, value := range old {
			switch {
			case slices.Contains([]string{"environment", "secrets", "configs", "build"}, key), sameBelow(value, now[key], p.dir, p.edited):
			case w.envFile() != done.envFile():
				p.otherEnvFile(done, w)
			default:
				say(name + "." + key + brief(value, now[key]))
			}
		}
	}
}

// otherEnvFile says that a project was taken with another env file than it was migrated with: the store, which the
// compose file names, defines what that one leaves out.
func (p *project) otherEnvFile(done, w *way) {
	p.say(p.shown(), w.flags, "another env file", "with "+strings.Join(done.flags, " ")+": the store defines variables that this env file does not")
}

// variables returns what a store defines: env files win.
func (p *project) variables(w *way, stored map[string]string) []string {
	file := filepath.Join(p.edited, w.base, ".env")
	if own := w.envFile(); own != "" {
		file = filepath.Join(p.edited, w.from, own)
	}
	data, _ := os.ReadFile(file) // none defines nothing
	defined := assignments(data)
	var env []string
	for name, value := range stored {
		if _, ok := defined[name]; !ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// envFile returns what --env-file names, or "".
func (w *way) envFile() string {
	if w.flags[0] == "--env-file" {
		return w.flags[1]
	}
	return ""
}

// sameBelow compares what two copies hold, of which one may be the folder itself.
func sameBelow(a, b any, dir, edited string) bool {
	data, _ := json.Marshal(b)
	var moved any
	_ = json.Unmarshal([]byte(strings.ReplaceAll(string(data), edited, dir)), &moved)
	return same(a, moved, false)
}

// hasValue reports whether a variable has its value: as it had, or through a file that a secret becomes.
func hasValue(after model, old, now map[string]any, stored map[string]string, key string, value any) bool {
	if got, ok := now[key]; ok && (got == value || value == nil && fmt.Sprint(got) == "") {
		return true
	}
	want := fmt.Sprint(value)
	for name, got := range now {
		_, was := old[name]
		text := fmt.Sprint(got)
		if name != key && (was || !strings.Contains(name, strings.Trim(key, "_"))) || !strings.Contains(text, "/run/secrets/") {
			continue
		}
		from, _ := section(after, "secrets", filepath.Base(text))["environment"].(string)
		if got, ok := stored[from]; ok && got == want {
			return true
		}
	}
	return false
}

// checkMounts looks for env files that changed and that a container reads.
func (p *project) checkMounts(done *way, changed []string) {
	said := map[string]bool{}
	for _, w := range p.ways {
		for path, reader := range mounted(w.before[0]) {
			for _, file := range changed {
				full := filepath.Join(p.dir, file)
				if rel, err := filepath.Rel(path, full); err != nil || !filepath.IsLocal(rel) || !isFile(full) || !strings.Contains(filepath.Base(file), "env") || said[file+reader] {
					continue
				}
				said[file+reader] = true
				p.say(p.shown(), w.flags, "after migrate", fmt.Sprintf("with %s: %s reads %s, which changed", strings.Join(done.flags, " "), reader, file))
			}
		}
	}
}

// mounted returns the paths of this machine that containers read, and who does.
func mounted(m model) map[string]string {
	paths := map[string]string{}
	for name := range section(m, "services") {
		volumes, _ := section(m, "services", name)["volumes"].([]any)
		for _, v := range volumes {
			if v, ok := v.(map[string]any); ok && v["type"] == "bind" && v["source"] != "/" { // a monitor of the whole machine
				paths[fmt.Sprint(v["source"])] = "service " + name
			}
		}
	}
	for _, top := range []string{"secrets", "configs"} {
		for name := range section(m, top) {
			if file, ok := section(m, top, name)["file"].(string); ok {
				paths[file] = top + "." + name
			}
		}
	}
	return paths
}

var program = regexp.MustCompile(`(?i)\.(sh|bash|zsh|fish|mk|ps1|service|py|js|mjs|cjs|ts|php|rb|go)$|^(gnu)?makefile$|^\.?justfile$|^procfile$|^rakefile$|^\.envrc$|^taskfile\.ya?ml$|^package\.json$`)

// checkEntries looks whether entries that left an env file are in a store, and whether a program reads them.
func (p *project) checkEntries(ctx context.Context, done *way, changed []string) {
	stored := map[string]bool{}
	for _, file := range changed {
		if strings.HasPrefix(filepath.Base(file), "secrets.enc.") {
			for _, value := range p.decrypted(ctx, filepath.Join(p.edited, file)) {
				stored[value] = true
			}
		}
	}
	for _, file := range changed {
		before, err := os.ReadFile(filepath.Join(p.dir, file))
		if err != nil || !strings.Contains(filepath.Base(file), "env") || edited.MatchString(filepath.Base(file)) {
			continue
		}
		after, _ := os.ReadFile(filepath.Join(p.edited, file)) // one that is gone has no entry
		left := assignments(after)
		for name, value := range assignments(before) {
			if _, ok := left[name]; ok {
				continue
			}
			if !stored[value] {
				p.say(p.shown(), done.flags, "after migrate", name+" of "+file+" is in no store")
			}
			if reader := p.programFor(file, name); reader != "" {
				p.say(p.shown(), done.flags, "after migrate", reader+" reads "+name+" of "+file)
			}
		}
	}
}

// programFor returns a program at most one folder below an env file that names the file and an entry of it.
func (p *project) programFor(file, name string) string {
	dir := filepath.Dir(filepath.Join(p.dir, file))
	entry := regexp.MustCompile(`\b` + name + `\b`)
	env := regexp.MustCompile(`(^|[^\w.])` + regexp.QuoteMeta(filepath.Base(file)) + `($|[^\w.-])|dotenv`)
	for _, pattern := range []string{"*", "*/*"} {
		list, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is valid
		for _, path := range list {
			if data, err := os.ReadFile(path); err == nil && program.MatchString(filepath.Base(path)) && entry.Match(data) && env.Match(data) {
				rel, _ := filepath.Rel(p.dir, path) // it is below
				return rel
			}
		}
	}
	return ""
}
