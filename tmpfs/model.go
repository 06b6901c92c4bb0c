package tmpfs

import (
	"fmt"
	"os"
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
	name := modelFile
	if attached {
		name = fmt.Sprintf(ownModel, os.Getpid())
	}
	if err := p.write(name, b, os.Geteuid(), os.Getegid(), 0o600); err != nil {
		return "", err
	}
	return p.Path(name), nil
}

// RemoveModels removes those of attached runs. The project must be locked and
// in nobody's use.
func (p *Project) RemoveModels() error {
	return p.removeIf(func(name string) bool { return strings.HasPrefix(name, ownModelPre) })
}
