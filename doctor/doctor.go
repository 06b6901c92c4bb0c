// Package doctor checks the machine and a project for what would go wrong: a table of checks, each with the facts that it
// needs. It changes nothing, prints nothing, and gets values only when it is asked to.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/compose-secure/compose-secure/boot"
	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/tmpfs"
)

// Finding is one line of the report.
type Finding struct {
	Name    string `json:"check"`
	OK      bool   `json:"ok"`
	Message string `json:"message"`
}

// check is one row of the table of doctor. What it asks of the store and the engine is in
// the doctor's facts; a check whose facts are missing is not run.
type check struct {
	subject string
	needs   facts
	run     func(*doctor, context.Context)
}

// facts are what a check needs to have been found.
type facts int

const (
	nothing facts = iota
	aStore
	anEngine
	aLocalEngine // that can mount the store
)

// checks returns the table, in the order of the report.
func checks() []check {
	return []check{
		{"compose", nothing, (*doctor).checkCompose},
		{"machine", aStore, (*doctor).checkStore},
		{"machine", anEngine, (*doctor).checkEngine},
		{"machine", aLocalEngine, (*doctor).checkMounts},
		{"machine", aLocalEngine, (*doctor).checkBoot},
		{"machine", nothing, (*doctor).checkTrust},
		{"machine", aLocalEngine, (*doctor).checkUsers},
		{"machine", anEngine, (*doctor).checkAutolock},
		{"machine", aLocalEngine, (*doctor).checkLeftovers},
		{"keys", nothing, (*doctor).checkKeys},
		{"project", nothing, (*doctor).checkProject},
	}
}

// Options say what is checked.
type Options struct {
	Env     *deliver.Env
	Project compose.Options // which project
	Machine boot.Machine
	Only    []string // of Subjects; none is all
	Values  bool     // get the values of the project
}

// doctor collects the findings of one subject, with what its checks share.
type doctor struct {
	Options
	findings []Finding

	store    *tmpfs.Store // nil when it cannot be opened
	eng      *engine.Engine
	info     engine.Info
	local    error // why the engine cannot mount the store
	projects []*mounting
}

func (d *doctor) add(name string, err error, format string, args ...any) {
	if err == nil {
		d.findings = append(d.findings, Finding{name, true, fmt.Sprintf(format, args...)})
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		d.findings = append(d.findings, Finding{name, false, line})
	}
}

// Run checks all subjects at once and returns the findings in the order of the table.
func Run(ctx context.Context, o Options) []Finding {
	names := slices.DeleteFunc(Subjects(), func(name string) bool { return len(o.Only) > 0 && !slices.Contains(o.Only, name) })
	results := make([]doctor, len(names))
	var group errgroup.Group
	for i, name := range names {
		results[i].Options = o
		group.Go(func() error {
			results[i].examine(ctx, name)
			return nil
		})
	}
	_ = group.Wait() // what goes wrong is a finding
	var findings []Finding
	for _, r := range results {
		findings = append(findings, r.findings...)
	}
	return findings
}

// Subjects are those of the checks.
func Subjects() []string {
	var all []string
	for _, c := range checks() {
		if !slices.Contains(all, c.subject) {
			all = append(all, c.subject)
		}
	}
	return all
}

// examine runs the checks of one subject whose facts are there.
func (d *doctor) examine(ctx context.Context, subject string) {
	if subject == "machine" {
		defer d.lookAtMachine(ctx)()
	}
	for _, c := range checks() {
		if c.subject == subject && d.has(c.needs) {
			c.run(d, ctx)
		}
	}
}

func (d *doctor) has(f facts) bool {
	switch f {
	case aStore:
		return d.store != nil
	case anEngine:
		return d.eng != nil
	case aLocalEngine:
		return d.store != nil && d.eng != nil && d.local == nil
	}
	return true
}

// lookAtMachine opens the store and the engine, and adds a finding for what cannot be
// opened. It returns what closes them.
func (d *doctor) lookAtMachine(ctx context.Context) (closeAll func()) {
	closers := []io.Closer{}
	closeAll = func() {
		for _, c := range closers {
			_ = c.Close() // a directory handle, a connection
		}
	}
	store, err := tmpfs.Open(d.Env.StoreOptions())
	if err != nil {
		d.add("store", err, "")
	} else {
		d.store, closers = store, append(closers, store)
	}
	eng, err := d.Env.Connect(ctx)
	if err != nil {
		d.add("engine", err, "")
		return closeAll
	}
	closers = append(closers, eng)
	if d.info, err = eng.Info(ctx); err != nil {
		d.add("engine", err, "")
		return closeAll
	}
	d.eng = eng
	if d.store == nil {
		return closeAll
	}
	if d.local = eng.Local(ctx, d.store.Dir()); d.local != nil {
		return closeAll
	}
	containers, err := eng.Containers(ctx, "")
	if err != nil {
		d.add("store", err, "")
		return closeAll
	}
	d.projects = mountings(d.store.Dir(), containers)
	return closeAll
}

func (d *doctor) checkCompose(ctx context.Context) {
	docker, err := dockercli.FindCompose(ctx, d.Env.Getenv)
	if err != nil {
		d.add("compose", err, "")
		return
	}
	d.add("compose", nil, "docker compose %s at %s", docker.Version, docker.Path)
}

// checkEngine says which engine answers, and whether it can mount the store.
func (d *doctor) checkEngine(context.Context) {
	d.add("engine", nil, "Docker %s, API %s, at %s", d.info.ServerVersion, d.info.APIVersion, d.eng.Host())
	if d.store != nil {
		d.add("engine", d.local, "it runs on this machine and can mount the store")
	}
}

func (d *doctor) checkStore(context.Context) {
	store := d.store
	kind, noswap, err := store.Filesystem()
	swap := "its pages can be swapped out where swap is on"
	if noswap {
		swap = "never swapped"
	}
	d.add("store", err, "values are kept in RAM at %s (%s, %s)", store.Dir(), kind, swap)
	for _, w := range store.Warnings() {
		d.add("store", errors.New(w), "")
	}
	if text := store.LingerWarning(); text != "" {
		d.add("store", errors.New(text), "")
	}
}

// checkKeys looks at the files that hold age identities.
func (d *doctor) checkKeys(context.Context) {
	path := d.Env.Getenv("SOPS_AGE_KEY_FILE")
	if path == "" {
		config := d.Env.Getenv("XDG_CONFIG_HOME")
		if config == "" {
			config = filepath.Join(dockercli.HomeDir(d.Env.Getenv), ".config")
		}
		path = filepath.Join(config, "sops", "age", "keys.txt")
	}
	if info, err := os.Stat(path); err == nil {
		if info.Mode().Perm()&0o077 != 0 {
			d.add("keys", fmt.Errorf("%s: other users can read this age identity; run: chmod 600 %s", path, path), "")
		} else {
			d.add("keys", nil, "%s is closed to other users", path)
		}
	}
	if d.Env.Getenv("SOPS_AGE_KEY") != "" {
		d.add("keys", errors.New("SOPS_AGE_KEY holds a key in the environment, where ps and /proc show it; put it in a file and set SOPS_AGE_KEY_FILE"), "")
	}
}

// checkProject looks at the project in this directory, and opens its sources when it was asked to.
func (d *doctor) checkProject(ctx context.Context) {
	p, err := d.Env.Load(ctx, deliver.Purpose(d.Values), d.Project)
	if errors.Is(err, compose.ErrNoFile) {
		d.add("project", nil, "no compose file here; sources were not checked")
		return
	}
	if err != nil {
		d.add("project", err, "")
		return
	}
	plan, err := p.PublicPlan()
	if err != nil {
		d.add("project", err, "")
		return
	}
	left := p.Notes(plan)
	for _, text := range left {
		d.add("project", errors.New(text), "")
	}
	if len(left) == 0 {
		d.add("project", nil, "%s loads, and its secrets can be moved", p.Name)
	}
	missing := p.MissingFiles(nil, false)
	if !d.Values {
		d.add("sources", missing, "not asked for their values; see --values")
		return
	}
	values, err := p.Resolve(ctx, plan.Secrets, plan.Kept)
	d.add("sources", errors.Join(missing, err), "every source of %s answers", p.Name)
	for _, s := range plan.Secrets {
		if v, ok := values[s.Name]; ok && v.IsEmpty() {
			d.add("sources", fmt.Errorf("secret %s of %s is empty", s.Name, p.Name), "")
		}
	}
}

// checkLeftovers finds files that no container uses.
func (d *doctor) checkLeftovers(ctx context.Context) {
	store, eng := d.store, d.eng
	names, err := store.Projects()
	if err != nil {
		d.add("leftovers", err, "")
		return
	}
	found := 0
	for _, name := range names {
		project, err := store.Project(name)
		if err != nil {
			continue
		}
		unlock, err := project.Lock()
		var locked *tmpfs.LockedError
		if errors.As(err, &locked) {
			continue // its owner is at work
		}
		if err != nil {
			d.add("leftovers", err, "")
			continue
		}
		files, err := project.List()
		unlock()
		if err != nil {
			d.add("leftovers", err, "")
			continue
		}
		containers, err := eng.Containers(ctx, name)
		if err == nil && len(containers) == 0 && len(files) > 0 {
			found++
			d.add("leftovers", fmt.Errorf("%s holds secrets of project %s, which has no container; run: compose-secure -p %s down", project.Dir(), name, name), "")
		}
	}
	records, err := d.Env.Records().List()
	if err != nil {
		d.add("leftovers", err, "")
	}
	for _, r := range records {
		containers, err := eng.Containers(ctx, r.Project)
		if err == nil && len(containers) == 0 {
			found++
			d.add("leftovers", fmt.Errorf("project %s is recorded for boot, but has no container; run: compose-secure -p %s down", r.Project, r.Project), "")
		}
	}
	if found == 0 {
		d.add("leftovers", nil, "no secret in the store is without a container")
	}
}
