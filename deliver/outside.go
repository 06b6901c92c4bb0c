package deliver

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/transform"
)

// outside lists the files beyond the project's directory that the project, and not the user, takes
// secrets from.
func outside(p *Project, plan *transform.Plan) []string {
	inputs := p.Inputs.All()
	for _, s := range plan.Secrets {
		for _, part := range s.Parts {
			if part.Input != nil {
				inputs = append(inputs, *part.Input)
			}
		}
	}
	var found []string
	for _, in := range inputs {
		if in.Ref == nil || in.Ref.Scheme != "sops" && in.Ref.Scheme != "file" {
			continue
		}
		path := compose.Absolute(p.WorkingDir, in.Ref.Path)
		if p.IsGiven(path) || IsBelow(p.WorkingDir, path) {
			continue
		}
		text := fmt.Sprintf("%s lies outside of the project's directory, and the project takes secrets from it", compose.Display(path))
		if !slices.Contains(found, text) {
			found = append(found, text)
		}
	}
	slices.Sort(found)
	return found
}

// IsBelow reports whether a file is below a directory once links are followed. One that
// is not there is judged by its path.
func IsBelow(dir, path string) bool {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	relative, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(relative)
}
