package deliver

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
)

// providersVariable lists, separated by commas, the types of provider services whose programs the user lets run.
const providersVariable = "COMPOSE_SECURE_PROVIDERS"

// CheckProviders refuses a provider service that would have docker compose start a program which the user has not
// allowed. docker compose looks the type up as a plugin of docker, then as a program of PATH or, with a slash, of the
// project: https://docs.docker.com/compose/how-tos/provider-services/. Many programs of PATH
// run what stands in the current directory, as make and python do, so that a name is no safer than a path.
func (p *Project) CheckProviders() error {
	allowed := strings.Split(p.env.Getenv(providersVariable), ",")
	var errs []error
	for _, name := range p.ServiceNames() {
		provider := p.Services[name].Provider
		if provider == nil || slices.Contains(allowed, provider.Type) || compose.IsName(provider.Type) && dockercli.HasPlugin(p.env.Getenv, provider.Type) {
			continue
		}
		err := fmt.Errorf("services.%s.provider: docker compose would run the program %q, which is no plugin of docker; set %s=%s if you trust it", name, provider.Type, providersVariable, provider.Type)
		errs = append(errs, p.placed(err, []string{"services", name, "provider", "type"}))
	}
	return errors.Join(errs...)
}
