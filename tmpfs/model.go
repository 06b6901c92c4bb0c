package tmpfs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The names start with a dot as every file of the store's own does, so that
// no secret can have one of them.
const (
	modelFile   = ".compose.json"
	ownModel    = ".compose-%d.json"
	ownModelPre = ".compose-"
)

// WriteModel stores the project's model for docker compose to read and returns
// its path. An attached run gets a file of its own, since others may write
// theirs while it has not read it yet. It lives and goes with the project's secrets. The project
// must be locked.
func (p *Project) WriteModel(b []byte, attached bool) (string, error) {
	if p.root == nil {
		return "", errNotLocked
	}
	name := modelName(attached)
	if err := p.write(name, b, os.Geteuid(), os.Getegid(), 0o600); err != nil {
		return "", err
	}
	return p.Path(name), nil
}

// ModelPath is what WriteModel will return for a project of that name in the store that o
// opens. Nothing need be there yet.
func ModelPath(o Options, project string, attached bool) (string, error) {
	if !validProject(project) {
		return "", errName(project)
	}
	return filepath.Join(Dir(o), project, modelName(attached)), nil
}

func modelName(attached bool) string {
	if attached {
		return fmt.Sprintf(ownModel, os.Getpid())
	}
	return modelFile
}

// RemoveModels removes those of attached runs. The project must be locked and
// in nobody's use.
func (p *Project) RemoveModels() error {
	return p.removeIf(func(name string) bool { return strings.HasPrefix(name, ownModelPre) })
}
