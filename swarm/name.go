package swarm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// The labels of what this package makes. Nothing else says what belongs to a
// stack: never a prefix of a name.
const (
	labelPrefix    = "io.compose-secure."
	stackLabel     = "com.docker.stack.namespace"
	secretLabel    = "io.compose-secure.secret"
	versionLabel   = "io.compose-secure.version"
	digestLabel    = "io.compose-secure.digest"
	createdLabel   = "io.compose-secure.created"
	previousLabel  = "io.compose-secure.previous"    // the id of the version that was in use when this one was made
	rejectedLabel  = "io.compose-secure.rolled-back" // when rollback left the version, as in created
	operationLabel = "io.compose-secure.operation"   // on services: the command that wrote the spec
	orderLabel     = "io.compose-secure.order"       // on services: the order to go back to after one update
)

// maxName is the longest name of a secret or config that Swarm takes.
const maxName = 64

// objectName is the name of version n. One that would be too long keeps its
// start and ends in a hash of the name, not of any value.
func objectName(stack, base string, n int) string {
	suffix := "_v" + strconv.Itoa(n)
	name := stack + "_" + base
	if len(name)+len(suffix) > maxName {
		sum := sha256.Sum256([]byte(name))
		tail := "_" + hex.EncodeToString(sum[:5])
		name = strings.TrimRight(name[:maxName-len(suffix)-len(tail)], "._-") + tail
	}
	return name + suffix
}

// parseVersion reads the number in a version label.
func parseVersion(labels map[string]string) (int, error) {
	text := labels[versionLabel]
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || strconv.Itoa(n) != text {
		return 0, fmt.Errorf("label %s is %q, not a number from 1", versionLabel, text)
	}
	return n, nil
}

// CheckStack returns an error for a name that docker stack would refuse.
func CheckStack(name string) error {
	ok := name != ""
	for i, r := range []byte(name) {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		ok = ok && (letter || i > 0 && (r == '_' || r == '-' || r == '.'))
	}
	if !ok {
		return fmt.Errorf("%q is no name of a stack; use letters, digits, '_', '-' and '.'", name)
	}
	return nil
}
