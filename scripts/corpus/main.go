// Corpus runs compose-secure over folders of real Compose projects and prints where it differs from docker compose.
// It uses no network and starts no container.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const usage = `Usage: go run ./scripts/corpus [flags] FOLDER...

Each FOLDER is the checkout of a repository. It is copied without its history, and each folder in it with compose files is a
project. Variables that nobody defines get made-up values, and env files that are missing are made. A project is
taken as people do: each compose file alone, the first one with its override and with each other file, each profile,
each other env file with --env-file, and from the folder above with --project-directory. For each of these:

  config       as YAML and as JSON is read by docker compose again and equals docker compose's own model but for
               the moves; a value of a secret is in it only with a warning
  handed over  the model that docker compose is given is read by it and equals its own in the same way
  plan, lint   end with 0 or 1 and take at most 5 s of processor time
  migrate      --write with the same flags, in a git copy: each variable of each service has its value for each way
               to take the project, edited or not; entries that left an env file are in a store, and no mount, secret,
               config or program reads them there; no file changed that migrate has no business with

A line for each difference: folder, flags, kind, what. The last lines count them. Exit code 1 says that there are some.

Flags:
`

// duration of one program after which it is a difference that it has not ended.
const patience = 2 * time.Minute

type corpus struct {
	tool, sops, keygen string
	plugins            []string
	most               int
	work               string // scratch directory
	env                []string
	recipient          string

	mu          sync.Mutex
	out         io.Writer
	kinds       map[string]int
	said        map[string]bool // a difference is printed for the first way that shows it
	seen, taken int             // projects, and ways to take them
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "corpus: "+err.Error())
	}
	os.Exit(code)
}

func run(ctx context.Context, args []string) (int, error) {
	c := &corpus{out: os.Stdout, kinds: map[string]int{}, said: map[string]bool{}}
	flags := flag.NewFlagSet("corpus", flag.ContinueOnError)
	flags.StringVar(&c.tool, "bin", "bin/compose-secure", "the `program`")
	flags.StringVar(&c.sops, "sops", "bin/sops", "SOPS")
	flags.StringVar(&c.keygen, "age-keygen", "bin/age-keygen", "the key generator of age")
	flags.IntVar(&c.most, "n", 1<<30, "the most `projects` of a folder")
	jobs := flags.Int("jobs", 2, "how many folders at a time")
	flags.Func("plugin", "a compose plugin to compare with, `PATH`; may be repeated (default: docker-compose of the PATH or of the plugin folders)", func(path string) error {
		c.plugins = append(c.plugins, path)
		return nil
	})
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0, nil
	} else if err != nil || flags.NArg() == 0 {
		return 2, errors.Join(err, errors.New("name a folder; see --help"))
	}
	if err := c.prepare(ctx); err != nil {
		return 2, err
	}
	defer os.RemoveAll(c.work)
	c.folders(ctx, flags.Args(), *jobs)
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(c.kinds)) {
		total += c.kinds[kind]
		fmt.Fprintf(c.out, "%6d  %s\n", c.kinds[kind], kind)
	}
	fmt.Fprintf(c.out, "%d differences in %d projects of %d folders, taken in %d ways\n", total, c.seen, flags.NArg(), c.taken)
	if total > 0 {
		return 1, ctx.Err()
	}
	return 0, ctx.Err()
}

// prepare makes the scratch directory, a key, and a Docker configuration for each plugin.
func (c *corpus) prepare(ctx context.Context) error {
	if len(c.plugins) == 0 {
		c.plugins = defaultPlugin()
	}
	for _, path := range append([]*string{&c.tool, &c.sops, &c.keygen}, pointers(c.plugins)...) {
		abs, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		if *path = abs; !isFile(abs) {
			return fmt.Errorf("%q is no program; build it with make build bin/sops bin/age-keygen", abs)
		}
	}
	if len(c.plugins) == 0 {
		return errors.New("no compose plugin found; name one with --plugin")
	}
	work, err := os.MkdirTemp("", "corpus")
	if err != nil {
		return err
	}
	c.work = work
	for i, plugin := range c.plugins {
		dir := filepath.Join(c.config(i), "cli-plugins")
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.Symlink(plugin, filepath.Join(dir, "docker-compose"))); err != nil {
			return err
		}
	}
	if err := c.recorder(); err != nil {
		return err
	}
	key := filepath.Join(work, "key")
	c.env = []string{"HOME=" + work, "SOPS_AGE_KEY_FILE=" + key}
	for _, name := range []string{"PATH", "LANG", "DOCKER_HOST", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			c.env = append(c.env, name+"="+v)
		}
	}
	r := c.start(ctx, work, nil, nil, c.keygen, "-o", key)
	_, rest, ok := strings.Cut(r.err, "age1")
	if !ok {
		return fmt.Errorf("%q makes no key", c.keygen)
	}
	c.recipient = "age1" + strings.Fields(rest)[0]
	return nil
}

// recorder makes a Docker configuration whose plugin prints the model that ps is handed.
func (c *corpus) recorder() error {
	dir := filepath.Join(c.config(len(c.plugins)), "cli-plugins")
	script := fmt.Sprintf(`#!/bin/sh
for a; do
  [ "$p" = -f ] && model=$a
  [ "$a" = ps ] && ps=1
  p=$a
done
[ -n "$ps" ] && exec cat "$model"
exec '%s' "$@"
`, strings.ReplaceAll(c.plugins[0], "'", `'\''`))
	return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "docker-compose"), []byte(script), 0o700))
}

func defaultPlugin() []string {
	if path, err := exec.LookPath("docker-compose"); err == nil {
		return []string{path}
	}
	home, _ := os.UserHomeDir() // one of several places
	for _, dir := range []string{filepath.Join(home, ".docker"), "/usr/local/lib/docker", "/usr/local/libexec/docker", "/usr/lib/docker", "/usr/libexec/docker"} {
		if path := filepath.Join(dir, "cli-plugins", "docker-compose"); isFile(path) {
			return []string{path}
		}
	}
	return nil
}

func pointers(list []string) []*string {
	p := make([]*string, len(list))
	for i := range list {
		p[i] = &list[i]
	}
	return p
}

// config returns the Docker configuration directory in which a plugin is the only one.
func (c *corpus) config(plugin int) string {
	return filepath.Join(c.work, fmt.Sprint("docker", plugin))
}

func (c *corpus) folders(ctx context.Context, folders []string, jobs int) {
	var group sync.WaitGroup
	slots := make(chan struct{}, max(jobs, 1))
	for i, folder := range folders {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			r := &repository{corpus: c, source: folder, dir: filepath.Join(c.work, fmt.Sprint("r", i), filepath.Base(folder))}
			if err := r.check(ctx); err != nil && ctx.Err() == nil {
				c.say(filepath.Base(folder), nil, "this program", err.Error())
			}
			_ = os.RemoveAll(filepath.Dir(r.dir)) // a scratch directory
		})
	}
	group.Wait()
}

// say prints a difference.
func (c *corpus) say(folder string, flags []string, kind, text string) {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = text[:300] + "..."
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := folder + "\t" + kind + "\t" + text
	if c.said[key] {
		return
	}
	c.said[key] = true
	c.kinds[kind]++
	fmt.Fprintf(c.out, "%s\t%s\t%s\t%s\n", folder, strings.Join(flags, " "), kind, text)
}

// result is what a program has said.
type result struct {
	code     int // -1 when it did not end
	out, err string
	cpu      time.Duration // of processor time
}

// last returns the last line of what went wrong.
func (r *result) last() string {
	text := strings.TrimSpace(r.err)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// start runs a program in dir, with variables besides those that all get.
func (c *corpus) start(ctx context.Context, dir string, env []string, stdin []byte, name string, args ...string) *result {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, bytes.NewReader(stdin), &out, &errs, time.Second
	cmd.Env = slices.Concat(c.env, []string{"PWD=" + dir}, env)
	err := cmd.Run()
	r := &result{out: out.String(), err: errs.String(), code: -1}
	if cmd.ProcessState != nil {
		r.code, r.cpu = cmd.ProcessState.ExitCode(), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	} else {
		r.err = err.Error()
	}
	return r
}

// plugin runs a compose plugin without the docker command, which would set variables of its own.
func (c *corpus) plugin(ctx context.Context, i int, dir string, env []string, stdin []byte, args ...string) *result {
	return c.start(ctx, dir, append([]string{"DOCKER_CONFIG=" + c.config(i)}, env...), stdin, c.plugins[i], args...)
}

// secure runs compose-secure with a plugin.
func (c *corpus) secure(ctx context.Context, plugin int, dir string, args ...string) *result {
	return c.start(ctx, dir, []string{"DOCKER_CONFIG=" + c.config(plugin)}, nil, c.tool, args...)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
