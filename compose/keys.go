package compose

import (
	"reflect"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"
)

// KnowsServiceKey reports whether Compose has, or once had, key for a service.
// An extension, x-, is known.
func KnowsServiceKey(key string) bool { return serviceKeys()[key] || strings.HasPrefix(key, "x-") }

var serviceKeys = sync.OnceValue(func() map[string]bool {
	// Of the first two formats: https://github.com/docker/compose/blob/1.29.2/compose/config/config_schema_v1.json
	keys := map[string]bool{"dockerfile": true, "log_driver": true, "log_opt": true, "memswap_limit": true, "net": true, "volume_driver": true}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[types.ServiceConfig]()) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name != "" && name != "name" && !strings.HasPrefix(name, "#") && name != "-" {
			keys[name] = true
		}
	}
	return keys
})
