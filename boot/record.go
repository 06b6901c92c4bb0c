// Package boot owns what has to outlive a reboot: a record of each active
// project, from which its files can be put back into RAM, and the systemd unit
// that does so before the engine starts.
//
// A record holds paths, names and facts about images: where values come from,
// never a value and nothing computed from one. It does not load projects and
// does not know the RAM store.
package boot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Record is how to load a project again, and what its containers mount.
type Record struct {
	Project     string          `json:"project"`
	WorkingDir  string          `json:"working_dir"` // the directory that up was called in
	Files       []string        `json:"files"`       // -f, absolute
	ProjectDir  string          `json:"project_directory"`
	EnvFiles    []string        `json:"env_files,omitempty"`
	Profiles    []string        `json:"profiles,omitempty"`
	Unknown     string          `json:"unknown_images,omitempty"`
	Reads       []string        `json:"reads,omitempty"`  // files that it was loaded from or took values from
	SecretFiles []string        `json:"secret_files"`     // in the project's part of the RAM store
	Images      json.RawMessage `json:"images,omitempty"` // facts the plan was made with
	// Owners are those of files that are not this user's own, by file: the engine, which
	// knows how it maps ids, does not run when they are put back.
	Owners map[string]Owner `json:"owners,omitempty"`
	// Environment holds what leads to keys and sources: paths, addresses, names.
	Environment map[string]string `json:"environment,omitempty"`
}

// Owner is a user and a group of this machine.
type Owner struct {
	UID int `json:"uid"`
	GID int `json:"gid"`
}

// Dir is a directory of records, 0700, made when first written to.
type Dir string

// Path is the file of a project's record.
func (d Dir) Path(project string) string { return filepath.Join(string(d), project+".json") }

// Write replaces the record of a project, mode 0600.
func (d Dir) Write(r Record) error {
	if r.Project == "" || strings.ContainsAny(r.Project, "/\x00") || strings.HasPrefix(r.Project, ".") {
		return fmt.Errorf("%q is not the name of a project", r.Project)
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the record of project %q: %w", r.Project, err)
	}
	data = append(data, '\n')
	if have, err := os.ReadFile(d.Path(r.Project)); err == nil && slices.Equal(have, data) {
		return nil
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("write the record of project %q: %w", r.Project, err)
	}
	f, err := os.CreateTemp(string(d), ".tmp-")
	if err != nil {
		return fmt.Errorf("write the record of project %q: %w", r.Project, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), d.Path(r.Project))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the record of project %q: %w", r.Project, err), os.Remove(f.Name()))
	}
	return nil
}

// Remove removes the record of a project; one that is not there is no error.
func (d Dir) Remove(project string) error {
	if err := os.Remove(d.Path(project)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the record of project %q: %w", project, err)
	}
	return nil
}

// List reads every record, sorted by project. A directory that does not exist
// holds none. Records that cannot be read are reported beside the others.
func (d Dir) List() ([]Record, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the records of active projects: %w", err)
	}
	var records []Record
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || filepath.Ext(e.Name()) != ".json" {
			continue
		}
		path := filepath.Join(string(d), e.Name())
		data, err := os.ReadFile(path)
		var r Record
		if err == nil {
			err = json.Unmarshal(data, &r)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: not a record of a project; remove it: %w", path, err))
			continue
		}
		records = append(records, r)
	}
	return records, errors.Join(errs...)
}
