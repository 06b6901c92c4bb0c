package lint

import (
	"strings"

	"github.com/compose-secure/compose-secure/secret"
)

// ImageUser gives the USER that a Dockerfile, or the stage that is named, ends
// with; without one, the image that it is built on. Both are "" if neither can be known.
func ImageUser(data []byte, target string) (user, base string) {
	d, err := parseDockerfile(newSource("", data), string(data), nil, secret.Policy{})
	if err != nil {
		return "", ""
	}
	type stage struct{ user, base string }
	stages := map[string]stage{}
	name, now := "", stage{}
	for i := range d.steps {
		s := &d.steps[i]
		switch {
		case s.name == "from" && len(s.words) > 0:
			if name != "" && name == strings.ToLower(target) {
				return now.user, now.base
			}
			next, ok := stages[strings.ToLower(s.words[0])]
			if !ok {
				next = stage{base: s.words[0]}
			}
			now, name = next, ""
			if len(s.words) > 2 {
				name = strings.ToLower(s.words[2])
			}
		case s.name == "user" && len(s.words) > 0:
			now.user = s.words[0]
		}
		stages[name] = now
	}
	return now.user, now.base
}
