package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/compose-secure/compose-secure/swarm"
)

// checkAutolock finds managers that keep the key to their secrets beside them. See
// https://docs.docker.com/engine/swarm/swarm_manager_locking/.
func (d *doctor) checkAutolock(ctx context.Context) {
	if !d.info.Manager {
		return
	}
	list, err := swarm.New(d.eng.Client(), nil).Status(ctx, "")
	if err != nil {
		d.add("swarm", err, "")
		return
	}
	managed := 0
	for _, s := range list {
		if s.Version > 0 {
			managed++
		}
	}
	if managed == 0 {
		return
	}
	locked, err := d.eng.Autolock(ctx)
	if err == nil && !locked {
		err = errors.New("the managers are not locked: who reads the disk of one reads " + counted(managed, "secret", "secrets") + ", since the key lies beside them; run: docker swarm update --autolock=true, and keep the key that it prints")
	}
	d.add("swarm", err, "the managers are locked, and keep no key beside their secrets")
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
