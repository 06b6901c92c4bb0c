package swarm

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"

	"github.com/compose-secure/compose-secure/secret"
)

// cost is how much work one digest takes: memory in KiB and passes.
type cost struct{ memory, passes uint32 }

const (
	saltSize   = 16
	digestSize = 32
	// maxMemory bounds what a label written by somebody else can make us allocate.
	maxMemory = 64 * 1024
	maxPasses = 8
)

// costFor shares a fixed amount of work between the secrets of a stack: up to
// ten get what OWASP recommends for argon2id, of its equal choices the one with the least memory: a process that does
// this once pays for every page of it; many get less each, so that a
// deploy of hundreds does not take longer in hashing than in storing.
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
func costFor(secrets int) cost {
	switch {
	case secrets <= 10:
		return cost{memory: 7 * 1024, passes: 5}
	case secrets <= 40:
		return cost{memory: 8 * 1024, passes: 1}
	case secrets <= 150:
		return cost{memory: 1024, passes: 1}
	}
	return cost{memory: 512, passes: 1}
}

// Kinds of digests. One of boundKind is computed with the salt and then the name of the object as the salt of argon2id, so that
// it counts for no other object. One of unboundKind, of objects made before, has the salt alone.
const (
	boundKind   = "argon2id-name"
	unboundKind = "argon2id"
)

// newDigest returns the argon2id digest of v, which the object called name holds, with a random salt, in the form
// of the PHC string format: https://github.com/P-H-C/phc-string-format.
func newDigest(name string, v secret.Value, c cost) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails: https://pkg.go.dev/crypto/rand#Read
	sum := argon2.IDKey(v.Reveal(), append(slices.Clip(salt), name...), c.passes, c.memory, 1, digestSize)
	return fmt.Sprintf("$"+boundKind+"$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, c.memory, c.passes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

// parsedDigest is a digest taken apart.
type parsedDigest struct {
	cost
	bound     bool // to the name of its object
	salt, sum []byte
}

func parseDigest(text string) (parsedDigest, bool) {
	var d parsedDigest
	fields := strings.Split(text, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != boundKind && fields[1] != unboundKind || fields[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return d, false
	}
	if n, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=1", &d.memory, &d.passes); n != 2 || err != nil ||
		d.memory < 8 || d.memory > maxMemory || d.passes < 1 || d.passes > maxPasses {
		return d, false
	}
	d.bound = fields[1] == boundKind
	var err error
	if d.salt, err = base64.RawStdEncoding.DecodeString(fields[4]); err != nil || len(d.salt) < 8 {
		return d, false
	}
	if d.sum, err = base64.RawStdEncoding.DecodeString(fields[5]); err != nil || len(d.sum) != digestSize {
		return d, false
	}
	return d, true
}

// matches reports whether digest is that of v in the object called name. A digest that cannot be read
// matches nothing.
func matches(digest, name string, v secret.Value) bool {
	d, ok := parseDigest(digest)
	if !ok {
		return false
	}
	salt := d.salt
	if d.bound {
		salt = append(slices.Clip(salt), name...)
	}
	sum := argon2.IDKey(v.Reveal(), salt, d.passes, d.memory, 1, digestSize)
	return subtle.ConstantTimeCompare(sum, d.sum) == 1
}

// isBound reports whether a digest counts for one object only.
func isBound(digest string) bool {
	d, ok := parseDigest(digest)
	return ok && d.bound
}

// begin computes in the background and returns what waits for the result.
func begin[T any](compute func() T) func() T {
	done := make(chan T, 1)
	go func() { done <- compute() }()
	return sync.OnceValue(func() T { return <-done })
}

// eachCPU runs work(0) to work(n-1), as many at once as there are processors.
func eachCPU(n int, work func(int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
