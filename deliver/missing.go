package deliver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/compose"
)

// MissingFiles reports the files of declared secrets and configs that services use and that
// are not there, one line each; nil is all services. docker compose would find out when it has made
// networks and other containers already. A build needs its own secrets only.
func (p *Project) MissingFiles(services map[string]bool, build bool) error {
	var errs []error
	told := map[string]bool{}
	check := func(section, name string, declared types.FileObjectConfig) {
		if told[section+"."+name] || bool(declared.External) || declared.File == "" || declared.File == compose.NoFile {
			return
		}
		told[section+"."+name] = true
		if _, err := os.Stat(declared.File); errors.Is(err, fs.ErrNotExist) {
			err := fmt.Errorf("%s.%s: %s: no such file or directory", section, name, compose.Display(declared.File))
			errs = append(errs, p.placed(err, []string{section, name, "file"}))
		}
	}
	for s := range compose.Containers(p.Project.Project) {
		if services != nil && !services[s.Name] {
			continue
		}
		if s.Build != nil {
			for _, ref := range s.Build.Secrets {
				check("secrets", ref.Source, types.FileObjectConfig(p.Secrets[ref.Source]))
			}
		}
		if build {
			continue
		}
		for _, ref := range s.Secrets {
			check("secrets", ref.Source, types.FileObjectConfig(p.Secrets[ref.Source]))
		}
		for _, ref := range s.Configs {
			check("configs", ref.Source, types.FileObjectConfig(p.Configs[ref.Source]))
		}
	}
	return errors.Join(errs...)
}
