package dockercli

import (
	"slices"
	"strings"
)

// The reference files come from a clone of https://github.com/docker/compose, whose .git directory COMPOSE_GIT names.
//go:generate go run ./table -git $COMPOSE_GIT -out commands_table.go v2.20.0 v2.26.1 v2.40.3 v5.5.0

// Need is what a command of docker compose needs of a project.
type Need int

// What commands need.
const (
	Model   Need = iota // the model, without a value
	Values              // the values of secrets: it makes containers or builds images
	Nothing             // no project
)

// Command is a command of docker compose.
type Command struct {
	Name    string
	Needs   Need
	Removes bool   // secrets may be without a container afterwards
	Flags   string // with a "=" behind those that take a value
}

// Lookup returns the command of docker compose with that name. One that is not in the table, of a newer docker compose,
// needs the model, and nothing is known of its flags.
func Lookup(name string) Command {
	if i := slices.IndexFunc(commandTable, func(c Command) bool { return c.Name == name }); i >= 0 {
		return commandTable[i]
	}
	return Command{Name: name}
}

// Publishes reports whether the call would upload the files of a project.
func (c *Call) Publishes() bool {
	return c.Name == "publish" || c.Name == "alpha" && slices.Contains(c.Services, "publish")
}

// WritesFiles reports whether the call may read what a model names and write it down: that of bridge, and that of a command
// of which nothing is known.
func (c *Call) WritesFiles() bool {
	return c.Name == "bridge" || !slices.ContainsFunc(commandTable, func(known Command) bool { return known.Name == c.Name })
}

// flags are those of the command, each with whether it takes a value as the next word.
func (c Command) flags() map[string]bool {
	all := map[string]bool{"--help": false, "-h": false}
	for name := range strings.FieldsSeq(c.Flags) {
		name, takes := strings.CutSuffix(name, "=")
		all[name] = takes
	}
	return all
}

// takesArgs reports whether everything behind the service belongs to what runs in the container.
func (c Command) takesArgs() bool { return c.Name == "run" || c.Name == "exec" }
