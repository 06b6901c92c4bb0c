package compose

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/safefile"
)

// readFile reads a file that a project names: a regular one, since a pipe may never end or begin.
func readFile(path string) ([]byte, error) {
	if path == os.DevNull {
		return []byte{}, nil
	}
	return explainRead(path, false)(safefile.Read(path))
}

// readGiven reads a file that the user named, which may be a pipe.
func readGiven(path string) ([]byte, error) {
	return explainRead(path, true)(safefile.ReadGiven(path, safefile.MaxSize))
}

// explainRead says why a file cannot be read as all errors of a project are said.
func explainRead(path string, given bool) func([]byte, error) ([]byte, error) {
	return func(data []byte, err error) ([]byte, error) {
		if err == nil {
			return data, nil
		}
		if info, statErr := os.Stat(path); statErr == nil {
			if refused := checkFile(path, info, given); refused != nil {
				return nil, refused
			}
		}
		return nil, fileError(path, err)
	}
}

func checkFile(path string, info fs.FileInfo, given bool) error {
	switch {
	case info.IsDir():
		return reportf("%s: is a directory, not a file", Display(path))
	case !given && !info.Mode().IsRegular() && path != os.DevNull:
		return reportf("%s: is not a regular file", Display(path))
	}
	if info.Size() > safefile.MaxSize {
		return fileError(path, &safefile.TooLargeError{Limit: safefile.MaxSize})
	}
	return nil
}

// guard keeps compose-go, which reads the files of include and extends on its own, from reading without an
// end. It takes only what must not be read, and then fails. compose-go does not tell it where a
// path starts, so every directory of a file so far is tried.
type guard struct {
	dirs  []string
	fault error
}

var _ loader.ResourceLoader = (*guard)(nil)

// start takes the directories of the main files.
func (g *guard) start(po *cli.ProjectOptions) {
	if dir, err := po.GetWorkingDir(); err == nil {
		g.dirs = append(g.dirs, dir)
	}
	for _, path := range po.ConfigPaths {
		g.dirs = append(g.dirs, filepath.Dir(path))
	}
}

// Accept implements loader.ResourceLoader.
func (g *guard) Accept(path string) bool {
	for _, dir := range slices.Clone(g.dirs) {
		file := Absolute(dir, path)
		info, err := os.Stat(file)
		if err != nil || info.IsDir() {
			continue
		}
		if g.fault = checkFile(file, info, false); g.fault != nil {
			return true
		}
		if dir := filepath.Dir(file); !slices.Contains(g.dirs, dir) && len(g.dirs) < maxIncludes {
			g.dirs = append(g.dirs, dir)
		}
	}
	return false
}

// Load implements loader.ResourceLoader.
func (g *guard) Load(context.Context, string) (string, error) { return "", g.fault }

// Dir implements loader.ResourceLoader.
func (g *guard) Dir(string) string { return "" }

// withLabels is the last step of compose-go's loader, which reads the files of label_file, once it is known
// that these end. Before that names are checked.
func withLabels(project *types.Project) (*types.Project, error) {
	if err := checkNames(project); err != nil {
		return nil, err
	}
	found := false
	for _, s := range project.Services {
		specs := []types.ContainerSpec{s.ContainerSpec}
		for _, hook := range s.PreStart {
			specs = append(specs, hook.ContainerSpec)
		}
		for _, spec := range specs {
			for _, file := range spec.LabelFiles {
				found = true
				if info, err := os.Stat(file); err == nil {
					if err := checkFile(file, info, false); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	if !found {
		return project, nil
	}
	return project.WithServicesLabelsResolved(false)
}
