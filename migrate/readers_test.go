package migrate_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"

	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/migrate"
)

// TestReadersKept migrates generated projects with siblings, mounts, includes, builds, profiles, programs and flags.
// Afterwards each reader of an env file gets what it got before: a service its variables, in place or from the store
// that its compose file names, and a container, image or program that reads the file finds it there.
func TestReadersKept(t *testing.T) {
	logrus.SetOutput(io.Discard) // of variables that are not set
	t.Cleanup(func() { logrus.SetOutput(os.Stderr) })
	moved, mounts, programs, images := 0, 0, 0, 0
	for seed := range uint64(300) {
		g := &readersProject{t: t, r: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir()}
		g.make()
		before := g.load(nil)
		if before[g.run.name] == nil {
			continue
		}
		copies := g.copied(before)
		o := migrate.Options{Lint: lint.Options{Dir: g.dir, Project: g.run.project(g.dir)}, Keys: keysOf}
		p, err := migrate.New(t.Context(), o, g.run.files)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		old := g.envFiles()
		written(t, &migrate.Plan{Changes: p.Changes})
		for _, st := range p.Stores {
			moved += len(st.Values)
		}
		g.checkServices(seed, before, g.load(p))
		mounts += g.checkMounts(seed, before, old)
		programs += g.checkPrograms(seed, old)
		images += g.checkCopies(seed, copies, old)
		g.checkUnnamed(seed, before)
	}
	if moved < 100 || mounts < 100 || programs < 40 || images < 40 {
		t.Errorf("just %d values moved, %d mounts, %d programs and %d copies in images were seen", moved, mounts, programs, images)
	}
}

// readersProject is a generated project and the ways in which it is taken.
type readersProject struct {
	t        *testing.T
	r        *rand.Rand
	dir      string
	ways     []readersWay
	run      readersWay // that migrate is given
	programs map[string][]string
}

// readersWay is how a project is taken.
type readersWay struct {
	name, base string
	files, env []string // env in place of base/.env
}

func (w *readersWay) project(dir string) *lint.Project {
	p := &lint.Project{Dir: filepath.Join(dir, w.base)}
	for _, f := range w.files {
		p.Files = append(p.Files, filepath.Join(dir, f))
	}
	for _, f := range w.env {
		p.EnvFiles = append(p.EnvFiles, filepath.Join(dir, f))
	}
	return p
}

func (g *readersProject) write(name, text string) {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g *readersProject) chance(percent int) bool { return g.r.IntN(100) < percent }

func (g *readersProject) one(list ...string) string { return list[g.r.IntN(len(list))] }

var readersNames = []string{"A_TOKEN", "B_PASSWORD", "C_SECRET", "POSTGRES_PASSWORD", "D_PLAIN"}

func (g *readersProject) make() {
	g.write(".git/HEAD", "ref: refs/heads/main\n")
	for _, file := range []string{".env", "app.env", "prod.env", "deploy/.env", "inc/.env"} {
		text := ""
		for i, name := range readersNames {
			if g.chance(60) {
				text += fmt.Sprintf("%s=Kq8v%d%s\n", name, i, strings.NewReplacer("/", "", ".", "").Replace(file))
			}
		}
		if filepath.Base(file) == ".env" {
			text += "Z_TOKEN=Kq8v9\n" // which nothing names
		}
		g.write(file, text)
	}
	g.write("one.Dockerfile", "FROM busybox\nCOPY [\"app.env\", \"/\"]\n")
	g.write("all.Dockerfile", "FROM busybox\nWORKDIR /src\nADD --chown=1 . .\n")
	g.write("ignored.Dockerfile", "FROM busybox\nCOPY . /src\n")
	g.write("ignored.Dockerfile.dockerignore", "**/*.env\n**/.env\n")
	files := []string{"compose.yaml", "compose.override.yaml", "compose.prod.yaml", "deploy/compose.yaml"}
	for i, file := range files {
		if i == 0 || g.chance(50) {
			g.write(file, g.compose(file, filepath.Dir(file) == "." && g.chance(40)))
			g.ways = append(g.ways, readersWay{name: file, files: []string{file}, base: filepath.Dir(file)})
		}
	}
	for _, file := range []string{"inc.yaml", "inc/compose.yaml"} {
		text := "services:\n  inc:\n    image: busybox\n    environment: {I: '${" + g.one(readersNames...) + "}'}\n"
		if g.chance(50) {
			text += "    env_file: " + g.one(".env", strings.Repeat("../", strings.Count(file, "/"))+"app.env") + "\n"
		}
		g.write(file, text)
	}
	first := g.ways[0]
	for _, w := range g.ways[1:] {
		if w.base == "." {
			g.ways = append(g.ways, readersWay{name: first.name + " " + w.name, files: []string{first.name, w.name}, base: "."})
		}
	}
	if g.chance(40) {
		g.ways = append(g.ways, readersWay{name: "--env-file", files: first.files, base: ".", env: []string{"prod.env"}})
	}
	if g.chance(40) {
		g.ways = append(g.ways, readersWay{name: "--project-directory", files: first.files, base: "deploy"})
	}
	g.run = g.ways[g.r.IntN(len(g.ways))]
	g.programs = map[string][]string{}
	for _, name := range []string{"Makefile", "run.sh", "tools/run.py"} {
		if g.chance(25) {
			env := g.one(".env", "app.env", "prod.env")
			takes := []string{g.one(readersNames...)}
			g.programs[name] = append([]string{env}, takes...)
			g.write(name, "load "+env+"\nuse $"+takes[0]+"\n")
		}
	}
	if g.chance(15) { // a template, which no parser of YAML reads
		takes := g.one(readersNames...)
		g.programs["compose.tmpl.yaml"] = []string{".env", takes}
		g.write("compose.tmpl.yaml", "services:\n  {{ range .List }}\n  a:\n    image: busybox\n    environment: {X: '${"+takes+"}'}\n")
	}
}

func (g *readersProject) compose(file string, include bool) string {
	up := ""
	if strings.Contains(file, "/") {
		up = "../"
	}
	var b strings.Builder
	if include {
		fmt.Fprintf(&b, "include: [%s]\n", g.one("inc.yaml", "inc/compose.yaml", "{path: inc/compose.yaml, env_file: prod.env}"))
	}
	b.WriteString("services:\n")
	for _, service := range []string{"a", "b"}[:1+g.r.IntN(2)] {
		fmt.Fprintf(&b, "  %s:\n    image: %s\n", service, g.one("busybox", "postgres:16"))
		if g.chance(40) {
			fmt.Fprintf(&b, "    env_file: %s%s\n", up, g.one("app.env", "prod.env"))
		}
		b.WriteString("    environment:\n      HERE: x\n")
		for _, name := range readersNames {
			switch g.r.IntN(7) {
			case 0, 1:
				fmt.Fprintf(&b, "      %s: ${%s}\n", name, name)
			case 2:
				fmt.Fprintf(&b, "      %s: 'Zx7w%d%s'\n", name, g.r.IntN(3), service)
			case 3:
				fmt.Fprintf(&b, "      URL_%s: 'postgres://u:${%s}@h'\n", name, name)
			case 4:
				if g.chance(30) {
					fmt.Fprintf(&b, "      %s:\n", name)
				}
			}
		}
		switch g.r.IntN(14) {
		case 0:
			fmt.Fprintf(&b, "    volumes: ['%s']\n", g.one("./"+up+".env:/app/.env", "./"+up+"app.env:/x", "./"+up+":/src", "./"+up+"..:/above"))
		case 1:
			fmt.Fprintf(&b, "    volumes: [{type: bind, source: ./%sprod.env, target: /x}]\n", up)
		case 2:
			b.WriteString("    volumes: ['folder:/x']\n")
		case 3:
			b.WriteString("    profiles: [p]\n")
		case 4, 5:
			fmt.Fprintf(&b, "    build: {context: './%s', dockerfile: %s.Dockerfile}\n", up, g.one("one", "all", "ignored"))
		}
	}
	fmt.Fprintf(&b, "volumes: {folder: {driver_opts: {type: none, o: bind, device: './%s'}}}\n", up+g.one("", "deploy"))
	if g.chance(10) {
		fmt.Fprintf(&b, "configs: {c: {file: './%sprod.env'}}\n", up)
	}
	if g.chance(10) {
		fmt.Fprintf(&b, "secrets: {s: {file: './%s%s'}}\n", up, g.one(".env", "app.env"))
	}
	return b.String()
}

// load loads each way; with the values of a plan where a compose file names their store.
func (g *readersProject) load(p *migrate.Plan) map[string]*types.Project {
	loaded := map[string]*types.Project{}
	for _, w := range g.ways {
		base := filepath.Join(g.dir, w.base)
		var files []string
		values := map[string]string{}
		for _, f := range w.files {
			path := filepath.Join(g.dir, f)
			files = append(files, path)
			maps.Copy(values, g.stored(p, path, base))
		}
		env := slices.Clone(w.env)
		if env == nil {
			env = []string{filepath.Join(w.base, ".env")}
		}
		for i := range env {
			env[i] = filepath.Join(g.dir, env[i])
			own, err := dotenv.Read(env[i])
			if err != nil {
				g.t.Fatal(err)
			}
			maps.DeleteFunc(values, func(name, _ string) bool { _, ok := own[name]; return ok })
		}
		var set []string
		for name, value := range values {
			set = append(set, name+"="+value)
		}
		o, err := cli.NewProjectOptions(files, cli.WithName("x"), cli.WithWorkingDirectory(base), cli.WithEnv(set), cli.WithEnvFiles(env...), cli.WithDotEnv, cli.WithDefaultProfiles("*"))
		if err != nil {
			g.t.Fatal(err)
		}
		if project, err := o.LoadProject(g.t.Context()); err == nil {
			loaded[w.name] = project
		}
	}
	return loaded
}

var sopsKey = regexp.MustCompile(`sops: \[([^\]]*)\]`)

// stored returns the values of the stores that a compose file names.
func (g *readersProject) stored(p *migrate.Plan, path, base string) map[string]string {
	values := map[string]string{}
	if p == nil {
		return values
	}
	data, err := os.ReadFile(path)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, m := range sopsKey.FindAllSubmatch(data, -1) {
		for _, st := range p.Stores {
			if st.Path != filepath.Join(base, string(m[1])) {
				continue
			}
			for _, v := range st.Values {
				values[v.Name] = string(v.Value.Reveal())
			}
		}
	}
	return values
}

func (g *readersProject) checkServices(seed uint64, before, after map[string]*types.Project) {
	for _, w := range g.ways {
		old, now := before[w.name], after[w.name]
		if old == nil || g.contradicts(&w) {
			continue
		}
		if now == nil {
			g.t.Errorf("seed %d, migrated with %q: %s does not load any more", seed, g.run.name, w.name)
			continue
		}
		for name := range old.Services {
			for key, value := range old.Services[name].Environment {
				got, ok := now.Services[name].Environment[key]
				file := now.Services[name].Environment[key+"_FILE"]
				switch {
				case ok && (got == value || got != nil && value != nil && *got == *value) && file == nil:
				case !ok && value != nil && file != nil && now.Environment[now.Secrets[filepath.Base(*file)].Environment] == *value:
				default:
					g.t.Errorf("seed %d, migrated with %q: %s: service %s lost the value of %s: %s", seed, g.run.name, w.name, name, key, shownValues(value, got, file))
				}
			}
		}
	}
}

func shownValues(list ...*string) string {
	var texts []string
	for _, v := range list {
		text := "none"
		if v != nil {
			text = *v
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// contradicts reports whether a way has other flags than the run, of which nothing in the project tells: they name an
// env file as one of the project, or a file of the run whose store lies where the flags of the run say.
func (g *readersProject) contradicts(w *readersWay) bool {
	flags := w.base != filepath.Dir(w.files[0]) || w.env != nil
	shared := slices.ContainsFunc(w.files, func(f string) bool { return slices.Contains(g.run.files, f) })
	return w.name != g.run.name && (flags || shared && (w.base != g.run.base || g.run.env != nil))
}

func (g *readersProject) envFiles() map[string][]byte {
	files := map[string][]byte{}
	for _, name := range []string{".env", "app.env", "prod.env", "deploy/.env", "inc/.env"} {
		data, err := os.ReadFile(filepath.Join(g.dir, name))
		if err != nil {
			g.t.Fatal(err)
		}
		files[name] = data
	}
	return files
}

// checkMounts returns how many env files are mounted.
func (g *readersProject) checkMounts(seed uint64, before map[string]*types.Project, old map[string][]byte) int {
	now, count := g.envFiles(), 0
	for _, w := range g.ways {
		p := before[w.name]
		if p == nil {
			continue
		}
		var paths []string
		for name := range p.Services {
			for _, v := range p.Services[name].Volumes {
				if v.Type == types.VolumeTypeVolume {
					v.Source = filepath.Join(g.dir, w.base, strings.TrimPrefix(p.Volumes[v.Source].DriverOpts["device"], filepath.Join(g.dir, w.base)))
				}
				paths = append(paths, v.Source)
			}
		}
		for _, c := range p.Configs {
			paths = append(paths, c.File)
		}
		for _, s := range p.Secrets {
			paths = append(paths, s.File)
		}
		for _, path := range paths {
			for name, data := range old {
				if rel, err := filepath.Rel(path, filepath.Join(g.dir, name)); err != nil || !filepath.IsLocal(rel) {
					continue
				}
				if count++; !bytes.Equal(data, now[name]) {
					g.t.Errorf("seed %d, migrated with %q: %s changed, which %s mounts as %s", seed, g.run.name, name, w.name, path)
				}
			}
		}
	}
	return count
}

// copied returns the env files that builds put into images, and the service of each.
func (g *readersProject) copied(before map[string]*types.Project) map[string]string {
	files := map[string]string{}
	for _, w := range g.ways {
		if before[w.name] == nil {
			continue
		}
		for name, s := range before[w.name].Services {
			switch {
			case s.Build == nil:
			case s.Build.Dockerfile == "one.Dockerfile":
				files["app.env"] = w.name + ": " + name
			case s.Build.Dockerfile == "all.Dockerfile":
				for file := range g.envFiles() {
					files[file] = w.name + ": " + name
				}
			}
		}
	}
	return files
}

// checkCopies returns how many env files are in images.
func (g *readersProject) checkCopies(seed uint64, copies map[string]string, old map[string][]byte) int {
	now := g.envFiles()
	for file, service := range copies {
		if !bytes.Equal(old[file], now[file]) {
			g.t.Errorf("seed %d, migrated with %q: %s changed, which the image of %s holds", seed, g.run.name, file, service)
		}
	}
	return len(copies)
}

// checkUnnamed looks for the entry that nothing names: it stays, but where a service gets the whole file.
func (g *readersProject) checkUnnamed(seed uint64, before map[string]*types.Project) {
	for _, p := range before {
		for name := range p.Services {
			if _, ok := p.Services[name].Environment["Z_TOKEN"]; ok {
				return
			}
		}
	}
	for name, data := range g.envFiles() {
		if filepath.Base(name) == ".env" && !bytes.Contains(data, []byte("Z_TOKEN=")) {
			g.t.Errorf("seed %d, migrated with %q: %s lost the entry that nothing names", seed, g.run.name, name)
		}
	}
}

// checkPrograms returns how many programs read an entry.
func (g *readersProject) checkPrograms(seed uint64, old map[string][]byte) int {
	now, count := g.envFiles(), 0
	for program, reads := range g.programs {
		entry := regexp.MustCompile(`(?m)^` + reads[1] + `=.*$`)
		was := entry.Find(old[reads[0]])
		if was == nil {
			continue
		}
		if count++; !bytes.Equal(was, entry.Find(now[reads[0]])) {
			g.t.Errorf("seed %d, migrated with %q: %s lost %s of %s", seed, g.run.name, program, reads[1], reads[0])
		}
	}
	return count
}

// TestDefaultEnvFileKept migrates with --env-file a project that gives its .env to a service as well: without the flag
// the compose file takes its variables from there.
func TestDefaultEnvFileKept(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"compose.yaml": "services:\n  a:\n    image: busybox\n    env_file: .env\n    environment: {A: '${A_TOKEN}'}\n",
		".env":         "A_TOKEN=Kq8v1\nB_TOKEN=Kq8v2\n",
		"prod.env":     "A_TOKEN=Kq8v3\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "compose.yaml")
	project := &lint.Project{Files: []string{path}, Dir: dir, EnvFiles: []string{filepath.Join(dir, "prod.env")}}
	p, err := migrate.New(t.Context(), migrate.Options{Lint: lint.Options{Dir: dir, Project: project}}, []string{path})
	if err != nil {
		t.Fatal(err)
	}
	now := map[string]string{}
	for _, c := range p.Changes {
		now[c.Shown] = string(c.New)
	}
	if now[".env"] != "A_TOKEN=Kq8v1\n" || now["prod.env"] != "" {
		t.Errorf("the env files are %q", now)
	}
	report, err := lint.Run(t.Context(), lint.Options{Dir: dir, Project: project, Severity: lint.Error, Plan: migrate.Outcomes}, []string{path})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if byHand := f.File == ".env" && f.Key == "A_TOKEN"; byHand != (f.Fix.By == lint.ByHand) {
			t.Errorf("%s: %s is mended by %s", f.File, f.Key, f.Fix.By)
		}
	}
}
