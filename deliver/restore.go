package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/boot"
	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/transform"
)

// recorded are the variables that lead to keys and sources: paths, addresses
// and names. One that holds a key itself is never written down.
var recorded = []string{
	"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "SOPS_AGE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_FILE", "GNUPGHOME", "SOPS_GPG_EXEC",
	"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	"GOOGLE_APPLICATION_CREDENTIALS", "VAULT_ADDR", "SOPS_HC_VAULT_ALLOWLIST", "COMPOSE_SECURE_VAULT_MOUNTS", "VAULT_CACERT", "VAULT_NAMESPACE", "AZURE_TENANT_ID", "AZURE_CLIENT_ID",
}

// record writes down how to load the project again, and which files containers mount.
func (p *Project) record(stored Store, records Records, files []string) error {
	if slices.ContainsFunc(p.ConfigFiles, isDescriptor) {
		p.env.Report.Warn("the compose file came from standard input, so boot cannot put its secrets back after a reboot")
		return records.Remove(p.Name)
	}
	if slices.ContainsFunc(p.GivenEnvFiles(), isDescriptor) {
		p.env.Report.Warn("an env file was a pipe, so boot cannot put the project's secrets back after a reboot")
		return records.Remove(p.Name)
	}
	images, err := json.Marshal(p.images)
	if err != nil {
		return err
	}
	environment := map[string]string{}
	for _, name := range recorded {
		value := p.env.Getenv(name)
		if holdsPassword(value) {
			p.env.Report.Warn(name + " holds a password and is not recorded, so boot may not reach the source after a reboot")
			value = ""
		}
		if value != "" {
			environment[name] = value
		}
	}
	owners := map[string]boot.Owner{}
	for _, name := range files {
		uid, gid, err := stored.Owner(name)
		if err != nil {
			return err
		}
		if uid >= 0 || gid >= 0 {
			owners[name] = boot.Owner{UID: uid, GID: gid}
		}
	}
	r := boot.Record{
		Project: p.Name, WorkingDir: p.env.Dir, Files: p.ConfigFiles, ProjectDir: p.WorkingDir, Reads: p.Files(),
		EnvFiles: absolutes(p.env.Dir, p.GivenEnvFiles()), Profiles: slices.DeleteFunc(slices.Clone(p.Profiles), func(profile string) bool { return profile == "" }), Unknown: string(p.env.Unknown),
		SecretFiles: files, Owners: owners, Images: images, Environment: environment,
	}
	if err := Untrusted(r); err != nil {
		p.env.Report.Warn(err.Error() + "; its secrets are not put back after a reboot")
	}
	return records.Write(r)
}

// leadsTo returns what a record names to load its project from: files and directories.
func leadsTo(r boot.Record) []string {
	return slices.Concat(r.Files, r.EnvFiles, []string{r.ProjectDir, r.WorkingDir, filepath.Join(r.ProjectDir, ".env")})
}

// isDescriptor reports whether a path leads to what only this process has open, as <(...) of a shell does.
func isDescriptor(path string) bool {
	return path == "-" || path != os.DevNull && (strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/dev/"))
}

// holdsPassword reports whether a value that leads to a source carries a secret itself.
func holdsPassword(value string) bool {
	_, after, ok := strings.Cut(value, "://")
	authority, _, _ := strings.Cut(after, "/")
	return ok && strings.Contains(authority, "@") || secret.FindCredential(value).Found()
}

func absolutes(dir string, paths []string) []string {
	list := make([]string, len(paths))
	for i, p := range paths {
		list[i] = compose.Absolute(dir, p)
	}
	return list
}

// PermanentError is that a project cannot be restored for a reason that no time will mend.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }

func (e *PermanentError) Unwrap() error { return e.Err }

// Untrusted returns the error of the first file that a record names, to load its project from or to read, and that
// somebody else can replace.
func Untrusted(r boot.Record) error { return trusted(slices.Concat(leadsTo(r), r.Reads)) }

// trusted returns the error of the first file that somebody else can replace: that user would choose
// what is read with the rights of this one.
func trusted(files []string) error {
	for _, file := range files {
		if err := boot.CheckTrust(file, os.Geteuid()); err != nil {
			return &PermanentError{fmt.Errorf("others could have it read any file: %w", err)}
		}
	}
	return nil
}

// Restore puts the files that a record names back into RAM. The working directory is that of the record.
func (e *Env) Restore(ctx context.Context, r boot.Record) error {
	if err := trusted(leadsTo(r)); err != nil {
		return err
	}
	p, err := e.Load(ctx, ForValues, compose.Options{
		Files: r.Files, ProjectName: r.Project, ProjectDirectory: r.ProjectDir, Profiles: r.Profiles, EnvFiles: r.EnvFiles,
	})
	if err != nil {
		return &PermanentError{err}
	}
	if err := trusted(p.Files()); err != nil {
		return err
	}
	store, err := e.OpenStore()
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // a directory handle
	files, err := store.Project(r.Project)
	if err != nil {
		return err
	}
	unlock, err := files.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	o := p.planOptions(files.Dir())
	o.Unknown = transform.Unknown(r.Unknown)
	if err := json.Unmarshal(r.Images, &o.Images); err != nil {
		return &PermanentError{errDamaged}
	}
	plan, err := transform.New(p.Project, o)
	if err != nil {
		return &PermanentError{err}
	}
	if err := writeHelpers(plan.Helpers); err != nil {
		return err
	}
	return p.restoreFiles(ctx, ramStore{files, store}, plan, r)
}

var errDamaged = errors.New("its record is damaged; run compose-secure up")

// restoreFiles stores what the record names and reports what the project no longer has.
func (p *Project) restoreFiles(ctx context.Context, stored Store, plan *transform.Plan, r boot.Record) error {
	var want []*transform.Secret
	missing := slices.Clone(r.SecretFiles)
	for _, sec := range plan.Secrets {
		for _, f := range sec.Files {
			if slices.Contains(r.SecretFiles, f.Name) {
				missing = slices.DeleteFunc(missing, func(name string) bool { return name == f.Name })
				if !slices.Contains(want, sec) {
					want = append(want, sec)
				}
			}
		}
	}
	values, err := p.Resolve(ctx, want, nil)
	if err != nil {
		return err
	}
	for _, sec := range want {
		for _, f := range sec.Files {
			if !slices.Contains(r.SecretFiles, f.Name) {
				continue
			}
			owner, given := r.Owners[f.Name]
			if !given {
				owner = boot.Owner{UID: -1, GID: -1}
			}
			if _, err := stored.Put(f.Name, values[sec.Name], owner.UID, owner.GID, modeOf(f)); err != nil {
				return err
			}
		}
	}
	if len(missing) > 0 {
		p.env.Report.Warn(fmt.Sprintf("cannot restore %s: the value came from the environment of the shell, or the project has changed; keep it in a SOPS file, then run compose-secure up",
			strings.Join(missing, ", ")))
	}
	return nil
}
