package command

import (
	"slices"
	"strings"
)

// The flags of docker compose's commands that take a value as the next word:
// https://docs.docker.com/reference/cli/docker/compose/up/ and its siblings.
const valueFlags = " --attach --exit-code-from --no-attach --pull --scale --timeout -t --wait-timeout --menu-timeout " +
	"--cap-add --cap-drop --entrypoint --env -e --env-from-file --label -l --name --publish -p --user -u --volume -v --workdir -w " +
	"--build-arg --builder --memory -m --ssh --progress --provenance --sbom --index "

// boolFlags are those that take none. A flag in neither list makes the call unsure.
const boolFlags = " --abort-on-container-exit --abort-on-container-failure --always-recreate-deps --attach-dependencies --build --detach -d " +
	"--dry-run --force-recreate --menu --no-build --no-color --no-deps --no-log-prefix --no-recreate --no-start --quiet-build --quiet-pull " +
	"--quiet -q --remove-orphans --renew-anon-volumes -V --timestamps --wait --watch -w --yes -y --help -h " +
	"--interactive -i --no-TTY --no-tty -T -t --rm --service-ports -P --use-aliases --tty " +
	"--check --no-cache --print --push --with-dependencies --no-up --prune --privileged "

// callFlag is one flag of a call, short ones taken out of their bundle.
type callFlag struct {
	name, value string
	known       bool
}

// split reads the arguments of a command of docker compose as it does itself: short flags may
// stand together and have their value behind them. For run and exec
// everything after the service belongs to the container and is rest.
func split(command string, args []string) (flags []callFlag, words, rest []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		next := func() string {
			if i+1 < len(args) {
				i++
				return args[i]
			}
			return ""
		}
		switch {
		case arg == "--":
			words = append(words, args[i+1:]...)
			i = len(args)
		case strings.HasPrefix(arg, "--"):
			name, value, joined := strings.Cut(arg, "=")
			takes := takesValue(command, name)
			if takes && !joined {
				value = next()
			}
			flags = append(flags, callFlag{name, value, takes || joined || isBool(name)})
		case strings.HasPrefix(arg, "-") && arg != "-":
			for letters := arg[1:]; letters != ""; {
				name := "-" + letters[:1]
				letters = letters[1:]
				if !takesValue(command, name) {
					flags = append(flags, callFlag{name: name, known: isBool(name)})
					continue
				}
				value := strings.TrimPrefix(letters, "=")
				if letters == "" {
					value = next()
				}
				flags = append(flags, callFlag{name, value, true})
				letters = ""
			}
		default:
			words = append(words, arg)
			if command == "run" || command == "exec" {
				return flags, words, args[i+1:]
			}
		}
	}
	if (command == "run" || command == "exec") && len(words) > 1 { // behind --
		words, rest = words[:1], words[1:]
	}
	return flags, words, rest
}

// takesValue knows that -w is --watch of up and --workdir of run, and -t --timeout of stop and --tty of run.
func takesValue(command, name string) bool {
	if name == "-t" && (command == "run" || command == "exec") {
		return false
	}
	if name == "-w" || name == "-p" || name == "-v" {
		return command == "run" || command == "exec" && name == "-w"
	}
	return strings.Contains(valueFlags, " "+name+" ")
}

func isBool(name string) bool { return strings.Contains(boolFlags, " "+name+" ") }

// parseCall finds out what matters of a command's arguments.
func parseCall(name string, args []string) call {
	c := call{name: name, args: args, dependencies: true}
	flags, words, _ := split(name, args)
	detached := name == "create" || name == "build" || name == "scale"
	for _, f := range flags {
		switch f.name {
		case "--no-deps":
			c.dependencies = false
		case "--build":
			c.build = true
		case "--pull":
			c.pull = f.value
		case "--detach", "-d", "--wait":
			detached = true
		}
		c.unsure = c.unsure || !f.known
	}
	for _, word := range words {
		if name == "scale" {
			word, _, _ = strings.Cut(word, "=")
		}
		c.services = append(c.services, word)
	}
	c.attached = !detached
	return c
}

// has reports whether a flag of the command itself, not of what it runs in a
// container, is among args.
func has(command string, args []string, names ...string) bool {
	flags, _, _ := split(command, args)
	return slices.ContainsFunc(flags, func(f callFlag) bool { return slices.Contains(names, f.name) })
}

// passed are the variables that the call names and whose values docker compose is to find in its own
// environment.
func (c *call) passed() []string {
	var names []string
	flags, _, _ := split(c.name, c.args)
	for _, f := range flags {
		if slices.Contains([]string{"-e", "--env", "--build-arg"}, f.name) && !strings.Contains(f.value, "=") {
			names = append(names, f.value)
		}
	}
	return names
}

func asksForHelp(command string, args []string) bool { return has(command, args, "--help", "-h") }
