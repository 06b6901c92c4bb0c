package deliver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/boot"
	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/tmpfs"
)

// rig is an engine, a store, a docker compose and records that remember, in order, what they are asked to do.
type rig struct {
	steps []string
	fail  map[string]error  // by step
	hook  map[string]func() // run at a step
	said  []string          // warnings

	files      map[string]string
	state      []byte
	containers []engine.Container
	locked     bool
	code       int // of docker compose
	local      bool
	record     *boot.Record
}

func newRig() *rig {
	return &rig{fail: map[string]error{}, hook: map[string]func(){}, files: map[string]string{}, local: true}
}

func (r *rig) step(name string) error {
	r.steps = append(r.steps, name)
	if hook := r.hook[name]; hook != nil {
		hook()
	}
	return r.fail[name]
}

func (r *rig) Warn(text string)      { r.said = append(r.said, text) }
func (r *rig) Debugf(string, ...any) {}

type fakeEngine struct{ *rig }

func (e fakeEngine) Info(ctx context.Context) (engine.Info, error) {
	return engine.Info{ID: "one"}, context.Cause(ctx)
}

func (e fakeEngine) IDMap(context.Context) (engine.IDMap, error) { return engine.IDMap{}, nil }

func (e fakeEngine) Containers(ctx context.Context, _ string) ([]engine.Container, error) {
	return e.containers, errors.Join(e.fail["containers"], context.Cause(ctx))
}

func (e fakeEngine) PID(context.Context, string) (int, error) { return 0, nil }

func (e fakeEngine) Image(context.Context, string) (engine.ImageConfig, bool, error) {
	return engine.ImageConfig{ID: "sha256:1", Entrypoint: []string{"/start"}, Architecture: "amd64"}, e.local, e.fail["image"]
}

func (e fakeEngine) Probe(context.Context, string, int, func(func(string) ([]byte, error)) error) (string, error) {
	return "/bin/sh", nil
}

type fakeStore struct{ *rig }

func (s fakeStore) Name() string            { return "shop" }
func (s fakeStore) Dir() string             { return "/ram/shop" }
func (s fakeStore) Path(file string) string { return "/ram/shop/" + file }
func (s fakeStore) UseEngine(int)           {}
func (s fakeStore) LingerWarning() string   { return "" }

func (s fakeStore) Lock() (func(), error) {
	if err := s.step("lock"); err != nil {
		return nil, err
	}
	if s.locked {
		return nil, errors.New("locked twice")
	}
	s.locked = true
	return func() { s.locked = false; s.steps = append(s.steps, "unlock") }, nil
}

func (s fakeStore) ShareUse() (func(), error) {
	return func() { s.steps = append(s.steps, "unshare") }, s.step("share")
}

func (s fakeStore) TryExclusiveUse() (func(), bool, error) {
	if !s.locked {
		return nil, false, errors.New("used without the lock")
	}
	return func() {}, true, nil
}

func (s fakeStore) List() ([]string, error) { return slices.Sorted(maps.Keys(s.files)), nil }

func (s fakeStore) Get(file string) (secret.Value, bool, error) {
	text, ok := s.files[file]
	return secret.NewValue([]byte(text)), ok, nil
}

func (s fakeStore) Put(file string, v secret.Value, _, _ int, _ fs.FileMode) (bool, error) {
	if !s.locked {
		return false, errors.New("put without the lock")
	}
	s.files[file] = string(v.Reveal())
	return true, s.step("put " + file)
}

func (s fakeStore) Owner(string) (int, int, error) { return -1, -1, nil }

func (s fakeStore) Remove(files ...string) error {
	for _, f := range files {
		delete(s.files, f)
	}
	return s.step("remove " + strings.Join(files, " "))
}

func (s fakeStore) RemoveAll() error {
	if err := s.step("remove all"); err != nil {
		return err
	}
	clear(s.files)
	return nil
}

func (s fakeStore) RemoveModels() error              { return nil }
func (s fakeStore) ReadState() ([]byte, bool, error) { return s.state, s.state != nil, nil }

func (s fakeStore) WriteState(b []byte) error {
	s.state = b
	return s.step("state")
}

func (s fakeStore) WriteModel([]byte, bool) (string, error) {
	return "/ram/shop/model", s.step("model")
}

type fakeRunner struct{ *rig }

func (r fakeRunner) Exec(run dockercli.Run) (int, error) {
	command := run.Args[slices.Index(run.Args, "--project-directory")+2]
	return r.code, r.step("compose " + command)
}

type fakeRecords struct{ *rig }

func (r fakeRecords) Write(record boot.Record) error {
	r.record = &record
	return r.step("record")
}

func (r fakeRecords) Remove(string) error { return r.step("no record") }

const secretValue = "hunter22"

// session opens a delivery of a project with two secrets, one of them of a service that is wrapped.
func (r *rig) session(t *testing.T, command string, args ...string) *Session {
	t.Helper()
	dir := t.TempDir()
	const file = "services:\n  db: {image: postgres:16, environment: {POSTGRES_PASSWORD: '${DB_PASSWORD}'}}\n" +
		"  app: {image: example.com/app, environment: {API_TOKEN: '${API_TOKEN}'}}\n"
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	env := &Env{Dir: dir, Report: r, Environ: []string{"XDG_CACHE_HOME=" + dir, "DB_PASSWORD=" + secretValue, "API_TOKEN=" + secretValue + "-2"}}
	p, err := env.Load(t.Context(), ForValues, compose.Options{ProjectDirectory: dir, ProjectName: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(p, dockercli.Parse(command, args), Parts{fakeEngine{r}, fakeStore{r}, fakeRunner{r}, fakeRecords{r}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (r *rig) wantSteps(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.steps); diff != "" {
		t.Errorf("steps, -want +got\n%s", diff)
	}
	if r.locked {
		t.Error("the lock is still held")
	}
}

// wantNothing wants no file left, and docker compose not to have run.
func (r *rig) wantNothing(t *testing.T) {
	t.Helper()
	if len(r.files) > 0 {
		t.Errorf("files are left: %v", slices.Sorted(maps.Keys(r.files)))
	}
	if slices.ContainsFunc(r.steps, func(step string) bool { return strings.HasPrefix(step, "compose up") }) {
		t.Error("docker compose ran")
	}
	if r.locked {
		t.Error("the lock is still held")
	}
}

// holder is a container that mounts a file of the store.
func holder(service, file string) engine.Container {
	return engine.Container{ID: service, Name: "shop-" + service + "-1", Service: service, State: "running", Mounts: []engine.Mount{{Source: "/ram/shop/" + file, Destination: "/run/secrets/" + file}}}
}

// A delivery stores before docker compose runs, holds the lock until all is written down, and removes what no container
// mounts.
func TestDeliver(t *testing.T) {
	r := newRig()
	r.hook["compose up"] = func() { r.containers = []engine.Container{holder("db", "db_password")} }
	s := r.session(t, "up", "-d")
	if err := s.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantSteps(t, "lock", "state", "put api_token", "put db_password", "model", "share", "compose up", "unshare", "remove api_token", "record", "unlock")
	if r.record == nil || strings.Join(r.record.SecretFiles, " ") != "db_password" {
		t.Errorf("recorded is %+v", r.record)
	}
	if len(r.said) > 0 {
		t.Errorf("said %q", r.said)
	}
}

// A delivery of named services stores no value of others.
func TestDeliverServices(t *testing.T) {
	r := newRig()
	if err := r.session(t, "up", "-d", "db").Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantSteps(t, "lock", "state", "put db_password", "model", "share", "compose up", "unshare", "remove all", "no record", "unlock")
}

// An attached docker compose leaves the lock to others, and what they work on by then is theirs to clean.
func TestDeliverAttached(t *testing.T) {
	r := newRig()
	r.hook["compose up"] = func() {
		if r.locked {
			t.Error("the lock is held while docker compose shows logs")
		}
		r.fail["lock"] = &tmpfs.LockedError{}
	}
	if err := r.session(t, "up").Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantSteps(t, "lock", "state", "put api_token", "put db_password", "model", "share", "unlock", "compose up", "unshare", "lock")
	if len(r.files) != 2 || len(r.said) > 0 {
		t.Errorf("the files of another process are not left alone: %d are there, said is %q", len(r.files), r.said)
	}
}

// docker compose's own code is returned, and cleaned up after.
func TestDeliverCode(t *testing.T) {
	r := newRig()
	r.code = 17
	err := r.session(t, "up", "-d").Deliver(t.Context())
	if exit := ExitError(0); !errors.As(err, &exit) || exit != 17 {
		t.Errorf("error %v", err)
	}
	if len(r.files) > 0 || r.locked {
		t.Error("something is left")
	}
}

// Whatever fails before docker compose runs leaves neither file nor lock, nor says that docker compose ran.
func TestDeliverFails(t *testing.T) {
	for _, step := range []string{"state", "put db_password", "model", "image", "containers"} {
		t.Run(step, func(t *testing.T) {
			r := newRig()
			broken := errors.New("broken")
			r.fail[step] = broken
			s := r.session(t, "up", "-d")
			if step == "containers" { // which clean-up asks as well
				if err := s.Deliver(t.Context()); !errors.Is(err, broken) || !isCleanup(err) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err := s.Deliver(t.Context()); !errors.Is(err, broken) || isCleanup(err) {
				t.Errorf("error %v", err)
			}
			r.wantNothing(t)
		})
	}
}

func isCleanup(err error) bool {
	var cleanup *CleanupError
	return errors.As(err, &cleanup)
}

// A docker compose that cannot be started is an error, and cleaned up after.
func TestDeliverNoRunner(t *testing.T) {
	r := newRig()
	broken := errors.New("no such program")
	r.fail["compose up"] = broken
	if err := r.session(t, "up", "-d").Deliver(t.Context()); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if len(r.files) > 0 || r.locked || r.record != nil {
		t.Error("something is left")
	}
}

// An interrupted delivery leaves nothing, whenever the signal comes.
func TestDeliverInterrupted(t *testing.T) {
	for _, at := range []string{"lock", "state", "put db_password", "model"} {
		t.Run(at, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cause := errors.New("interrupted")
			r := newRig()
			r.hook[at] = func() { cancel(cause) }
			if at != "lock" {
				r.fail[at] = cause // as what waits for the context returns it
			}
			if err := r.session(t, "up", "-d").Deliver(ctx); !errors.Is(err, cause) || isCleanup(err) {
				t.Errorf("error %v", err)
			}
			r.wantNothing(t)
		})
	}
	t.Run("docker compose", func(t *testing.T) { // which gets the signal itself
		ctx, cancel := context.WithCancelCause(t.Context())
		r := newRig()
		r.code = 130
		r.hook["compose up"] = func() { cancel(errors.New("interrupted")) }
		err := r.session(t, "up", "-d").Deliver(ctx)
		if exit := ExitError(0); !errors.As(err, &exit) || exit != 130 {
			t.Errorf("error %v", err)
		}
		if len(r.files) > 0 || r.locked {
			t.Error("something is left")
		}
	})
}

// A clean-up that fails is told: as an error where the delivery failed, else as a warning.
func TestCleanupFails(t *testing.T) {
	broken := errors.New("busy")
	r := newRig()
	r.fail["put api_token"], r.fail["remove all"] = errors.New("full"), broken
	err := r.session(t, "up", "-d").Deliver(t.Context())
	if !isCleanup(err) || !errors.Is(err, broken) || !errors.Is(err, r.fail["put api_token"]) {
		t.Errorf("error %v", err)
	}
	if r.locked {
		t.Error("the lock is still held")
	}

	r = newRig()
	r.fail["remove all"] = broken
	if err := r.session(t, "up", "-d").Deliver(t.Context()); err != nil {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff([]string{"cleaning up: busy"}, r.said); diff != "" {
		t.Error(diff)
	}
}

// Files of containers on another engine are not removed.
func TestCleanupOtherEngine(t *testing.T) {
	r := newRig()
	s := r.session(t, "up", "-d")
	r.state, r.files = []byte(`{"engine":"another"}`), map[string]string{"db_password": secretValue}
	if _, err := s.Close(t.Context()); !isCleanup(err) || !strings.Contains(fmt.Sprint(err), "another engine") {
		t.Errorf("error %v", err)
	}
	if len(r.files) != 1 {
		t.Error("files were removed")
	}
}

// Images that the plan has to know are pulled first, without a value in the model or the store.
func TestDeliverPulls(t *testing.T) {
	r := newRig()
	r.local = false
	r.hook["compose pull"] = func() {
		r.local = true
		if len(r.files) > 0 {
			t.Error("values are stored before the images are here")
		}
	}
	if err := r.session(t, "up", "-d", "app").Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantSteps(t, "lock", "model", "compose pull", "state", "put api_token", "model", "share", "compose up", "unshare", "remove all", "no record", "unlock")
}

// A signal that docker compose pull survives ends the delivery before a value is stored.
func TestDeliverInterruptedPull(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	r := newRig()
	r.local = false
	r.hook["compose pull"] = func() { r.local = true; cancel(cause) }
	if err := r.session(t, "up", "-d", "app").Deliver(ctx); !errors.Is(err, cause) || isCleanup(err) {
		t.Errorf("error %v", err)
	}
	r.wantSteps(t, "lock", "model", "compose pull", "remove all", "no record", "unlock")
}
