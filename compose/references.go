package compose

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v4"
)

var (
	assignment = pattern(`^\s*(?:export\s+)?([\w.-]*)\s*[=:]`)
	reference  = pattern(`\$\{?([A-Za-z_]\w*)`)
)

// references are the names that follow a dollar sign in env files, with the place: they may be
// part of a password, as in A="pa$word".
type references map[string]string

func (r references) note(path string, data []byte) {
	if !bytes.ContainsRune(data, '$') {
		return
	}
	variable := ""
	for line := range strings.Lines(string(data)) {
		if m := assignment().FindStringSubmatch(line); m != nil {
			variable = m[1]
		}
		for _, m := range reference().FindAllStringSubmatch(line, -1) {
			if _, known := r[m[1]]; !known {
				r[m[1]] = fmt.Sprintf("%s: variable %s", Display(path), variable)
			}
		}
	}
}

var unset = pattern(`^The "(\w+)" variable is not set`)

// namesHidden is a hook of compose-go's logger that keeps such names out of its warnings.
type namesHidden struct {
	references references
	doubtful   func() map[string]string // see doubtfulNames
}

var _ logrus.Hook = namesHidden{}

// Levels implements logrus.Hook.
func (namesHidden) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel} }

// Fire implements logrus.Hook.
func (h namesHidden) Fire(entry *logrus.Entry) error {
	if m := unset().FindStringSubmatch(entry.Message); m != nil {
		if place, ok := h.references[m[1]]; ok {
			entry.Message = place + " refers to a variable that is not set; put a value that holds a dollar sign in single quotes"
		} else if place, ok := h.doubtful()[m[1]]; ok {
			entry.Message = place + " is not set; write $$ for a literal dollar sign"
		}
	}
	return nil
}

// hideNames sets the hook, in front of all others, until undo is called.
func (p *Project) hideNames() (undo func()) {
	logger := logrus.StandardLogger()
	others := logger.ReplaceHooks(logrus.LevelHooks{})
	hooks := logrus.LevelHooks{}
	for level, list := range others {
		hooks[level] = slices.Clone(list)
	}
	hooks[logrus.WarnLevel] = append([]logrus.Hook{namesHidden{p.envFiles.references, sync.OnceValue(p.doubtfulNames)}}, hooks[logrus.WarnLevel]...)
	logger.ReplaceHooks(hooks)
	return func() { logger.ReplaceHooks(others) }
}

// doubtfulNames leads from the names that stand in no compose file but in doubt to the place of the first.
func (p *Project) doubtfulNames() map[string]string {
	places, sure := map[string]string{}, map[string]bool{}
	openSources(p.tried, p.envFiles.files...).scalar(func(file string, n *yaml.Node, path []string) bool {
		for _, ref := range p.namesIn(path, n.Value) {
			if !ref.doubtful {
				sure[ref.name] = true
			} else if places[ref.name] == "" {
				key, _ := keyAndText(path, n.Value)
				if len(path) == 0 || path[len(path)-1] != key {
					path = append(slices.Clone(path), key)
				}
				at := Position{File: Display(file), Line: n.Line, Column: n.Column}
				places[ref.name] = at.String() + ": a variable in " + strings.Join(path, ".")
			}
		}
		return false
	})
	for name := range sure {
		delete(places, name)
	}
	return places
}

// namelessFault is a line such as =x, which compose-go takes for a variable without a name.
func namelessFault(path string, data []byte, values map[string]string) error {
	if _, found := values[""]; !found {
		return nil
	}
	line := 0
	for text := range strings.Lines(strings.TrimPrefix(string(data), "\uFEFF")) {
		line++
		if m := assignment().FindStringSubmatch(text); m != nil && m[1] == "" {
			return reportf("%s:%d: a variable name is missing; write NAME=VALUE", Display(path), line)
		}
	}
	return nil
}
