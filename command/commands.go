package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// commands lists every command once, ours first.
func commands(s *session) []*cli.Command {
	return slices.Concat(
		category("compose", []*cli.Command{
			newPrepared(s, "up", "store the secrets, then create and start containers"),
			newPass(s, "down", "stop and remove containers, then remove the secrets from RAM"),
			newPlan(s),
			newConfig(s),
			newBoot(s),
			newDoctor(s),
		}),
		category("lint", []*cli.Command{
			newLint(s),
			newMigrate(s),
			newCatalog(s),
		}),
		category("swarm", []*cli.Command{
			newStack(s),
			newRotate(s),
			newRollback(s),
			newStatus(s),
			newPrune(s),
		}),
		category("tool", []*cli.Command{
			newVersion(s),
			newCompletion(s),
			newMan(s),
		}),
		category("unchanged from docker compose, on the same project", passedThrough(s)),
	)
}

// category sets the heading of help under which commands stand.
func category(name string, list []*cli.Command) []*cli.Command {
	for _, c := range list {
		c.Category = name
		outdent(c)
	}
	return list
}

// outdent takes the indentation of Go's source off a description: the help
// template has its own.
func outdent(c *cli.Command) {
	c.Description = strings.ReplaceAll(c.Description, "\n   ", "\n")
	for _, sub := range c.Subcommands {
		outdent(sub)
	}
}

// passedThrough are docker compose's own commands, by name.
func passedThrough(s *session) []*cli.Command {
	return []*cli.Command{
		newPass(s, "attach", "attach to a container"),
		newPrepared(s, "build", "build images"),
		newPass(s, "cp", "copy files between a container and this machine"),
		newPrepared(s, "create", "create containers"),
		newPass(s, "events", "print events of containers"),
		newPass(s, "exec", "run a command in a container"),
		newPass(s, "images", "list images of containers"),
		newPass(s, "kill", "kill containers"),
		newPass(s, "logs", "show output of containers"),
		newPass(s, "ls", "list projects"),
		newPass(s, "pause", "pause containers"),
		newPass(s, "port", "print a published port"),
		newPass(s, "ps", "list containers"),
		newPass(s, "pull", "pull images"),
		newPass(s, "push", "push images"),
		newPass(s, "restart", "restart containers"),
		newPass(s, "rm", "remove stopped containers"),
		newPrepared(s, "run", "run a one-off command in a service"),
		newPrepared(s, "scale", "scale services"),
		newPass(s, "start", "start containers"),
		newPass(s, "stats", "show resource usage"),
		newPass(s, "stop", "stop containers"),
		newPass(s, "top", "show processes"),
		newPass(s, "unpause", "unpause containers"),
		newPass(s, "wait", "wait for containers to stop"),
		newPrepared(s, "watch", "rebuild or refresh containers when files change"),
	}
}

// visibleNames are those of the commands that help lists.
func visibleNames(list []*cli.Command) []string {
	var names []string
	for _, c := range list {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}
