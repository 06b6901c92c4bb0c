package compose

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
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
type namesHidden struct{ references references }

var _ logrus.Hook = namesHidden{}

// Levels implements logrus.Hook.
func (namesHidden) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel} }

// Fire implements logrus.Hook.
func (h namesHidden) Fire(entry *logrus.Entry) error {
	if m := unset().FindStringSubmatch(entry.Message); m != nil {
		if place, ok := h.references[m[1]]; ok {
			entry.Message = place + " refers to a variable that is not set; put a value that holds a dollar sign in single quotes"
		}
	}
	return nil
}

// hideNames sets the hook, in front of all others, until undo is called.
func (r references) hideNames() (undo func()) {
	logger := logrus.StandardLogger()
	others := logger.ReplaceHooks(logrus.LevelHooks{})
	hooks := logrus.LevelHooks{}
	for level, list := range others {
		hooks[level] = slices.Clone(list)
	}
	hooks[logrus.WarnLevel] = append([]logrus.Hook{namesHidden{r}}, hooks[logrus.WarnLevel]...)
	logger.ReplaceHooks(hooks)
	return func() { logger.ReplaceHooks(others) }
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
