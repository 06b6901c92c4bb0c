package migrate_test

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/migrate"
)

// TestModelKept loads every golden project as docker compose does, before and
// after. With the values of the store in the environment, as sops exec-env gives
// them, the models differ in nothing but the moves.
func TestModelKept(t *testing.T) {
	logrus.SetOutput(io.Discard) // of variables that are not set
	t.Cleanup(func() { logrus.SetOutput(os.Stderr) })
	compared, moved := 0, 0
	eachProject(t, func(t *testing.T, dir string, paths []string) {
		for _, files := range []bool{false, true} {
			copied := t.TempDir()
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			o := migrate.Options{Lint: lint.Options{Dir: copied}, Keys: keysOf, Files: files}
			p, err := migrate.New(t.Context(), o, paths)
			if err != nil {
				continue // TestLintAfterwards knows which
			}
			before := models(t, copied, paths, nil)
			values := map[string]string{}
			for _, st := range p.Stores {
				for _, v := range st.Values {
					values[v.Name] = string(v.Value.Reveal())
				}
			}
			if files {
				writeValues(t, p)
				values = nil
			}
			written(t, &migrate.Plan{Changes: p.Changes})
			after := models(t, copied, paths, values)
			for name, b := range before {
				a := after[name]
				if a == nil {
					t.Errorf("%s does not load any more", name)
					continue
				}
				compared++
				moved += undo(t, filepath.Join(copied, filepath.Dir(name), migrate.FilesName), b, a, values)
				if diff := cmp.Diff(plain(t, b), plain(t, a)); diff != "" {
					t.Errorf("%s, files %t (-before +after):\n%s", name, files, diff)
				}
			}
		}
	})
	if compared < 60 || moved < 60 {
		t.Errorf("just %d models with %d moves were compared", compared, moved)
	}
}

func writeValues(t *testing.T, p *migrate.Plan) {
	t.Helper()
	for _, st := range p.Stores {
		for _, v := range st.Values {
			if err := os.MkdirAll(st.Path, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(st.Path, v.Name), v.Value.Reveal(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// models loads the compose files that were named, one project per directory;
// what does not load is left out.
func models(t *testing.T, dir string, paths []string, values map[string]string) map[string]*types.Project {
	t.Helper()
	scan, err := lint.Read(t.Context(), lint.Options{Dir: dir}, paths)
	if err != nil {
		t.Fatal(err)
	}
	files := scan.Workspace.Files
	projects := map[string][]string{}
	for _, f := range files {
		name := strings.TrimPrefix(f, dir)
		if strings.Contains(f, "override") && len(paths) > 1 {
			name = strings.TrimPrefix(files[0], dir)
		}
		projects[name] = append(projects[name], f)
	}
	loaded := map[string]*types.Project{}
	for name, files := range projects {
		var env []string
		for k, v := range values {
			env = append(env, k+"="+v)
		}
		o, err := cli.NewProjectOptions(files, cli.WithName("golden"), cli.WithWorkingDirectory(filepath.Dir(files[0])), cli.WithEnv(env),
			cli.WithEnvFiles(), cli.WithDotEnv, cli.WithDefaultProfiles("*"))
		if err != nil {
			continue
		}
		project, err := o.LoadProject(t.Context())
		if err != nil {
			continue
		}
		if all := compose.AsServices(project); all != project {
			if project, err = all.WithServicesEnvironmentResolved(true); err != nil {
				t.Fatal(err)
			}
		}
		loaded[name] = project
	}
	return loaded
}

// undo puts what was moved back into the model: the file of a secret that a
// service did not have becomes the variable that had its value.
func undo(t *testing.T, store string, before, after *types.Project, values map[string]string) (moved int) {
	t.Helper()
	valueOf := func(name string) string {
		s := after.Secrets[name]
		if s.Environment != "" {
			return values[s.Environment]
		}
		data, err := os.ReadFile(s.File)
		if err != nil {
			t.Errorf("secret %s: %v", name, err)
		}
		return string(data)
	}
	for name, s := range after.Services {
		was := before.Services[name]
		granted := map[string]bool{}
		s.Secrets = slices.DeleteFunc(s.Secrets, func(r types.ServiceSecretConfig) bool {
			fresh := !slices.ContainsFunc(was.Secrets, func(o types.ServiceSecretConfig) bool { return o.Source == r.Source })
			granted[r.Source] = granted[r.Source] || fresh
			return fresh
		})
		for variable, value := range s.Environment {
			if value == nil || was.Environment[variable] != nil && *was.Environment[variable] == *value {
				continue
			}
			if path, ok := strings.CutPrefix(*value, "ref+file://"); ok {
				data, err := os.ReadFile(filepath.Join(store, filepath.Base(path)))
				if err == nil {
					text := string(data)
					s.Environment[variable] = &text
					moved++
				}
				continue
			}
			secret, ok := strings.CutPrefix(strings.TrimPrefix(*value, "file://"), "/run/secrets/")
			if !ok || !granted[secret] {
				continue
			}
			text := valueOf(secret)
			for original, old := range was.Environment {
				if old != nil && *old == text && (s.Environment[original] == nil || original == variable) && strings.Contains(variable, original) {
					delete(s.Environment, variable)
					s.Environment[original] = &text
					moved++
					break
				}
			}
		}
		if s.Build != nil && was.Build != nil {
			s.Build.Secrets = slices.DeleteFunc(s.Build.Secrets, func(r types.ServiceSecretConfig) bool {
				if slices.ContainsFunc(was.Build.Secrets, func(o types.ServiceSecretConfig) bool { return o.Source == r.Source }) {
					return false
				}
				id, text := r.Target, valueOf(r.Source)
				if id == "" {
					id = r.Source
				}
				if s.Build.Args == nil {
					s.Build.Args = types.MappingWithEquals{}
				}
				s.Build.Args[strings.ToUpper(id)] = &text
				moved++
				return true
			})
		}
		after.Services[name] = s
	}
	for name := range after.Secrets {
		if _, ok := before.Secrets[name]; !ok {
			delete(after.Secrets, name)
		}
	}
	return moved
}

// plain gives a model without our own keys, and without what is empty.
func plain(t *testing.T, p *types.Project) any {
	t.Helper()
	delete(p.Extensions, "x-compose-secure")
	p.Environment = nil
	for key := range p.Extensions {
		delete(p.Extensions, key) // templates, whose copies count
	}
	data, err := p.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var model map[string]any
	if err := json.Unmarshal(data, &model); err != nil {
		t.Fatal(err)
	}
	for _, s := range model["services"].(map[string]any) {
		service := s.(map[string]any)
		for _, key := range []string{"secrets", "environment"} {
			if v := service[key]; v == nil || len(jsonText(t, v)) == len("{}") {
				delete(service, key)
			}
		}
	}
	if v := model["secrets"]; v != nil && jsonText(t, v) == "{}" {
		delete(model, "secrets")
	}
	return model
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
