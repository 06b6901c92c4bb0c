//go:build bench

package swarm

import (
	"fmt"
	"sync"
	"testing"

	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"

	"github.com/compose-secure/compose-secure/secret"
)

const benchSecrets = 500

// BenchmarkSecrets stores 500 values on the swarm at DOCKER_HOST: with nothing but calls of
// the API, and as a deploy does, with digests. scripts/bench-swarm compares them.
func BenchmarkSecrets(b *testing.B) {
	engine, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		b.Fatal(err)
	}
	empty := func() {
		b.StopTimer()
		list, err := engine.SecretList(b.Context(), api.SecretListOptions{Filters: ofStack("bench")})
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range list {
			if err := engine.SecretRemove(b.Context(), s.ID); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
	}
	b.Run("bare", func(b *testing.B) {
		for range b.N {
			empty()
			work := make(chan int)
			var wg sync.WaitGroup
			for range creators {
				wg.Go(func() {
					for i := range work {
						_, err := engine.SecretCreate(b.Context(), api.SecretSpec{
							Annotations: api.Annotations{Name: fmt.Sprintf("bench-%d", i), Labels: map[string]string{stackLabel: "bench"}},
							Data:        fmt.Appendf(nil, "value-%d", i),
						})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := range benchSecrets {
				work <- i
			}
			close(work)
			wg.Wait()
		}
	})
	b.Run("versions", func(b *testing.B) {
		for range b.N {
			empty()
			c := New(engine, nil)
			v, err := c.look(b.Context(), "bench")
			if err != nil {
				b.Fatal(err)
			}
			values := map[string]secret.Value{}
			for i := range benchSecrets {
				values[fmt.Sprintf("secret%d", i)] = value(fmt.Sprintf("value-%d", i))
			}
			choices, err := v.choose(values)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := c.create(b.Context(), "bench", choices, len(choices)); err != nil {
				b.Fatal(err)
			}
		}
	})
	empty()
}
