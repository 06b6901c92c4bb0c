// Package deliver brings the secrets of a project to its containers: it loads the project, plans, gets the values, stores
// them in RAM and hands a model without values to docker compose; it makes the model of a stack, and puts files back after
// a reboot. It owns the lock of a project's files and their clean-up. It knows no flag and prints nothing: what a person
// should know goes to a [Reporter].
package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/boot"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/tmpfs"
	"github.com/compose-secure/compose-secure/transform"
)

// Env is all that a delivery may touch of the process, with what holds for every project.
type Env struct {
	Environ      []string // NAME=VALUE
	Dir          string   // the working directory, absolute
	Unknown      transform.Unknown
	ComposeFlags []string // of docker compose itself; the model says the rest
	Report       Reporter
	Size         func(int64) // told how large the files of a project are, in bytes; may be nil

	Stdin          io.Reader
	Stdout, Stderr io.Writer        // of docker compose, which writes for itself
	Signals        <-chan os.Signal // to the docker compose that runs
	Helpers        io.Writer        // what credential helpers say
}

// Reporter takes what a person should know. Nothing of it is a value.
type Reporter interface {
	Warn(text string)
	Debugf(format string, args ...any)
}

// Engine is what a delivery asks of the Docker engine.
type Engine interface {
	Info(ctx context.Context) (engine.Info, error)
	IDMap(ctx context.Context) (engine.IDMap, error)
	Containers(ctx context.Context, project string) ([]engine.Container, error)
	PID(ctx context.Context, id string) (int, error)
	Image(ctx context.Context, ref string) (config engine.ImageConfig, found bool, err error)
	Probe(ctx context.Context, imageID string, limit int, look func(read func(path string) ([]byte, error)) error) (string, error)
}

var _ Engine = (*engine.Engine)(nil)

// Store holds the files of one project in RAM; see [tmpfs.Project].
type Store interface {
	Name() string
	Dir() string
	Path(file string) string
	Lock() (unlock func(), err error)
	ShareUse() (release func(), err error)
	TryExclusiveUse() (release func(), free bool, err error)
	List() ([]string, error)
	Get(file string) (secret.Value, bool, error)
	Put(file string, v secret.Value, uid, gid int, mode fs.FileMode) (changed bool, err error)
	Owner(file string) (uid, gid int, err error)
	Remove(files ...string) error
	RemoveAll() error
	RemoveModels() error
	ReadState() ([]byte, bool, error)
	WriteState(b []byte) error
	WriteModel(b []byte, attached bool) (path string, err error)
	// UseEngine names the process of a rootless engine, 0 for none: owners are set in its user namespace.
	UseEngine(pid int)
	// LingerWarning says what ends the files before the containers, or "".
	LingerWarning() string
}

// Runner runs docker compose and returns its exit code; see [dockercli.Compose].
type Runner interface {
	Exec(r dockercli.Run) (int, error)
}

var _ Runner = (*dockercli.Compose)(nil)

// Records remember how to put the files of a project back; see [boot.Dir].
type Records interface {
	Write(r boot.Record) error
	Remove(project string) error
}

var _ Records = boot.Dir("")

// Getenv returns the last value of name, or "".
func (e *Env) Getenv(name string) string {
	v, _ := e.Lookup(name)
	return v
}

// Lookup returns the last value of name, and whether there is one.
func (e *Env) Lookup(name string) (string, bool) {
	for _, kv := range slices.Backward(e.Environ) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// Connect connects to the engine.
func (e *Env) Connect(ctx context.Context) (*engine.Engine, error) {
	return engine.Connect(ctx, engine.Options{Getenv: e.Getenv})
}

// OpenStore opens the RAM store and says once what weakens it.
func (e *Env) OpenStore() (*tmpfs.Store, error) {
	store, err := tmpfs.Open(e.StoreOptions())
	if err != nil {
		return nil, err
	}
	e.warn(store.Warnings())
	return store, nil
}

// StoreOptions are those that the RAM store is opened with.
func (e *Env) StoreOptions() tmpfs.Options { return tmpfs.Options{Getenv: e.Getenv} }

// Records is where this user's records are kept.
func (e *Env) Records() boot.Dir { return boot.Dir(filepath.Join(e.dataDir(), "projects")) }

// SystemDir is where root's records and helpers are.
const SystemDir = "/var/lib/compose-secure"

// dataDir is where records stand, and the static helpers that containers without a shell mount. It is no
// RAM disk: that one is mounted noexec, and both must be there after a reboot and hold no secret.
func (e *Env) dataDir() string {
	if os.Geteuid() == 0 {
		return SystemDir
	}
	dir := e.Getenv("XDG_DATA_HOME")
	if home := dockercli.HomeDir(e.Getenv); !filepath.IsAbs(dir) && home != "" {
		dir = filepath.Join(home, ".local", "share")
	}
	if !filepath.IsAbs(dir) {
		return SystemDir // which says that it may not be written
	}
	return filepath.Join(dir, "compose-secure")
}

func (e *Env) warn(list []string) {
	for _, text := range list {
		e.Report.Warn(text)
	}
}

// Await returns what work returns, or the cause of the context's end when that comes first. The work
// must be such that it can be left behind: it only reads, or waits for somebody else.
func Await[T any](ctx context.Context, work func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := work()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// ErrNoDir is that the working directory is gone.
var ErrNoDir = errors.New("the working directory is not there any more; change to another")

// ExitError is that docker compose ended with a code other than 0, and has said why.
type ExitError int

func (e ExitError) Error() string { return fmt.Sprintf("docker compose ended with code %d", int(e)) }

// CleanupError is that files of a project may have been left in RAM.
type CleanupError struct {
	Project string
	Err     error
}

func (e *CleanupError) Error() string { return "cleaning up: " + e.Err.Error() }

func (e *CleanupError) Unwrap() error { return e.Err }

// UsageError is a mistake of the call.
type UsageError struct{ Text string }

func (e *UsageError) Error() string { return e.Text }

// FirstLine is the first line of an error.
func FirstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
