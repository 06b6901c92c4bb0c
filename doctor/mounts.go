package doctor

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/engine"
)

// workingDirLabel is docker compose's own: the project's directory.
const workingDirLabel = "com.docker.compose.project.working_dir"

// mounting is a project whose containers mount files of the store.
type mounting struct {
	project    string
	containers []engine.Container
	missing    []string // files that are not there any more, sorted
}

// checkMounts looks at whether the files of the store that containers of any project mount are there.
func (d *doctor) checkMounts(context.Context) {
	projects := d.projects
	complete := true
	for _, m := range projects {
		if len(m.missing) > 0 {
			complete = false
			d.add("store", m.incomplete(d.Env.Dir), "")
		}
	}
	if complete && len(projects) > 0 {
		d.add("store", nil, "every secret that a container mounts is in RAM")
	}
}

// mountings are the projects with containers that mount files below dir, sorted.
func mountings(dir string, containers []engine.Container) []*mounting {
	var list []*mounting
	for _, c := range containers {
		for _, mount := range c.Mounts {
			rest, ok := strings.CutPrefix(mount.Source, dir+"/")
			project, file, nested := strings.Cut(rest, "/")
			if !ok || !nested {
				continue
			}
			i := slices.IndexFunc(list, func(m *mounting) bool { return m.project == project })
			if i < 0 {
				i = len(list)
				list = append(list, &mounting{project: project})
			}
			list[i].note(c, mount.Source, file)
		}
	}
	slices.SortFunc(list, func(a, b *mounting) int { return strings.Compare(a.project, b.project) })
	return list
}

// note adds what one mount of a container tells. The engine makes a directory in the place of a
// file that is missing.
func (m *mounting) note(c engine.Container, path, file string) {
	if !slices.ContainsFunc(m.containers, func(have engine.Container) bool { return have.ID == c.ID }) {
		m.containers = append(m.containers, c)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() || slices.Contains(m.missing, file) {
		return
	}
	m.missing = append(m.missing, file)
	slices.Sort(m.missing)
}

func (m *mounting) incomplete(here string) error {
	state, are, run := "has containers", "are", "run"
	if slices.ContainsFunc(m.containers, func(c engine.Container) bool { return c.State == "running" }) {
		state = "runs"
	}
	if len(m.missing) == 1 {
		are = "is"
	}
	dir := m.containers[0].Labels[workingDirLabel]
	if dir != "" && dir != here {
		run = "run in " + dir
	}
	return fmt.Errorf("%s %s, but %d of its secrets %s not in RAM, so its next start will fail: %s; %s: compose-secure -p %s up -d",
		m.project, state, len(m.missing), are, strings.Join(m.missing, ", "), run, m.project)
}
