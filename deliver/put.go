package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/engine"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/tmpfs"
	"github.com/compose-secure/compose-secure/transform"
)

// versionLabel, with the secret's name behind it, tells which version of the
// secret a service was created with. It is a counter: nothing of the value is in it.
const versionLabel = "io.compose-secure.version."

// state is what the store remembers of a project beside its files.
type state struct {
	Versions map[string]int `json:"versions"`
	Engine   string         `json:"engine,omitempty"` // id of the engine whose containers use the files
}

// file is one file to be stored, with what the store holds now.
type file struct {
	transform.StoredFile
	value    secret.Value
	uid, gid int
	changes  bool // the content becomes another
}

// put stores the values and returns the version of every secret. Everything
// that can be wrong is found before the first file is written, and the new versions are
// written down before the values: an interrupted run recreates a service too many, never one too few.
func (s *Session) put(ctx context.Context, want []*transform.Secret, values map[string]secret.Value, containers []engine.Container) (map[string]int, error) {
	known, err := s.state(containers)
	if err != nil {
		return nil, err
	}
	ids, err := s.engine.IDMap(ctx)
	if err != nil {
		return nil, err
	}
	s.store.UseEngine(ids.PID)
	var files []file
	for _, sec := range want {
		changed := false
		for _, stored := range sec.Files {
			f, err := s.compare(ctx, ids, stored, values[sec.Name], containers)
			if err != nil {
				return nil, fmt.Errorf("secret %s: %w", sec.Name, err)
			}
			changed = changed || f.changes
			files = append(files, f)
		}
		if known.Versions[sec.Name] == 0 || changed {
			known.Versions[sec.Name]++
		}
	}
	info, err := s.engine.Info(ctx)
	if err != nil {
		return nil, err
	}
	known.Engine = info.ID
	data, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	if err := s.store.WriteState(data); err != nil {
		return nil, err
	}
	for _, f := range files {
		if _, err := s.store.Put(f.Name, f.value, f.uid, f.gid, modeOf(f.StoredFile)); err != nil {
			return nil, err
		}
	}
	return known.Versions, nil
}

// compare finds out what storing a file would change, and refuses what must not be changed: the
// value that a container of another service reads.
func (s *Session) compare(ctx context.Context, ids engine.IDMap, stored transform.StoredFile, value secret.Value, containers []engine.Container) (file, error) {
	f := file{StoredFile: stored, value: value}
	if len(value.Reveal()) >= secret.MaxSize {
		return f, &tmpfs.TooLargeError{File: stored.Name}
	}
	var err error
	if f.uid, f.gid, err = hostOwner(ids, stored); err != nil {
		return f, err
	}
	old, had, err := s.store.Get(stored.Name)
	if err != nil || !had { // Put tells what is wrong with it, or repairs it
		f.changes = s.runsWithAnother(ctx, stored, value, containers)
		return f, nil
	}
	if f.changes = !old.Equal(value); !f.changes {
		return f, nil
	}
	for _, c := range containers {
		uses := func(name string) bool { owner, _ := compose.OwnerOf(name); return owner == c.Service }
		if !slices.ContainsFunc(stored.Services, uses) && s.mounts(c, stored.Name) {
			return f, fmt.Errorf("service %s reads another value under the same name; run compose-secure up for it first, or give one of the two variables another name", c.Service)
		}
	}
	return f, nil
}

func (s *Session) mounts(c engine.Container, name string) bool {
	return slices.ContainsFunc(c.Mounts, func(m engine.Mount) bool { return m.Source == s.store.Path(name) })
}

// state is what is known of the project: with the highest versions that the
// store, or a container that outlived it, has.
func (s *Session) state(containers []engine.Container) (state, error) {
	known, err := s.readState()
	if err != nil {
		return known, err
	}
	raise(known.Versions, containers)
	return known, nil
}

func (s *Session) readState() (state, error) {
	var known state
	data, ok, err := s.store.ReadState()
	if err != nil {
		return known, err
	}
	if ok && json.Unmarshal(data, &known) != nil {
		known = state{} // the containers tell
	}
	if known.Versions == nil {
		known.Versions = map[string]int{}
	}
	return known, nil
}

// raise lifts versions to those that containers have.
func raise(versions map[string]int, containers []engine.Container) {
	for _, c := range containers {
		for label, text := range c.Labels {
			name, ok := strings.CutPrefix(label, versionLabel)
			if n, err := strconv.Atoi(text); ok && err == nil && n > versions[name] {
				versions[name] = n
			}
		}
	}
}

// hostOwner is the owner on this machine that a container sees as the one
// asked for. A file that all may read needs none.
func hostOwner(ids engine.IDMap, f transform.StoredFile) (uid, gid int, err error) {
	if f.UID == 0 && f.GID == 0 && f.Mode&0o004 != 0 {
		return -1, -1, nil
	}
	uid, okUID := ids.HostUID(f.UID)
	gid, okGID := ids.HostGID(f.GID)
	if !okUID || !okGID {
		return 0, 0, fmt.Errorf("the engine maps no user %d:%d of a container; choose a uid and gid within its range", f.UID, f.GID)
	}
	return uid, gid, nil
}

func modeOf(f transform.StoredFile) fs.FileMode { return fs.FileMode(f.Mode) }

// runsWithAnother reports whether a running container that mounts the file
// holds another value than v. It matters after the file vanished from the store
// while the container kept it. What cannot be looked at counts as another.
func (s *Session) runsWithAnother(ctx context.Context, f transform.StoredFile, v secret.Value, containers []engine.Container) bool {
	for _, c := range containers {
		if c.State != "running" {
			continue
		}
		for _, m := range c.Mounts {
			if m.Source != s.store.Path(f.Name) {
				continue
			}
			pid, err := s.engine.PID(ctx, c.ID)
			if err != nil {
				return true
			}
			if pid == 0 { // it has just ended
				continue
			}
			held, err := readInRoot(fmt.Sprintf("/proc/%d/root", pid), m.Destination)
			if err != nil || !secret.NewValue(held).Equal(v) {
				return true
			}
		}
	}
	return false
}

// finalModel is the model for docker compose: with the versions as labels, and
// with the values that the user wants in the environment.
func finalModel(plan *transform.Plan, versions map[string]int, values map[string]secret.Value) ([]byte, error) {
	model, err := compose.Encode(labelled(plan, versions))
	if err != nil {
		return nil, err
	}
	return compose.Fill(model, plan.Inputs, func(in *secret.Input) secret.Value {
		if in.Ref != nil {
			return values[in.Ref.ID()]
		}
		return in.Known
	})
}

// labelled is the planned project with a version label for every secret that a
// service uses.
func labelled(plan *transform.Plan, versions map[string]int) *types.Project {
	project := plan.Project.WithServicesDisabled() // a deep copy
	for _, s := range plan.Secrets {
		for _, f := range s.Files {
			for _, name := range f.Services {
				if service, _, ok := compose.HookOf(name); ok {
					name = service // which is made anew with its hooks
				}
				service, ok := compose.Container(project, name)
				if !ok || versions[s.Name] == 0 {
					continue
				}
				service.Labels = maps.Clone(service.Labels)
				if service.Labels == nil {
					service.Labels = types.Labels{}
				}
				service.Labels[versionLabel+s.Name] = strconv.Itoa(versions[s.Name])
				compose.SetContainer(project, service)
			}
		}
	}
	return project
}
