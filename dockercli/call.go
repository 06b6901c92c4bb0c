package dockercli

import (
	"slices"
	"strings"
)

// Flag is one flag of a call. Short ones that stand together are apart here.
type Flag struct {
	Name, Value string
	known       bool
}

// Call is a call of a command of docker compose, with what matters of its arguments.
type Call struct {
	Name         string
	Args         []string
	Flags        []Flag
	Services     []string // named; candidates until KeepServices
	Rest         []string // of run and exec: the command for the container
	Dependencies bool     // of the services, too
	Attached     bool     // stays in the foreground
	Build        bool     // --build
	Pull         string   // --pull, as given

	unsure bool // an unknown flag was seen: a service may be its value
}

// Parse reads the arguments of a command as docker compose does: short flags may stand together and have their value
// behind them.
func Parse(name string, args []string) Call {
	c := Call{Name: name, Args: args, Dependencies: true}
	var words []string
	c.Flags, words, c.Rest = split(Lookup(name), args)
	detached := name == "create" || name == "build" || name == "scale"
	for _, f := range c.Flags {
		switch f.Name {
		case "--no-deps":
			c.Dependencies = false
		case "--build":
			c.Build = true
		case "--pull":
			c.Pull = f.Value
		case "--detach", "-d", "--wait":
			detached = true
		}
		c.unsure = c.unsure || !f.known
	}
	for _, word := range words {
		if name == "scale" {
			word, _, _ = strings.Cut(word, "=")
		}
		c.Services = append(c.Services, word)
	}
	c.Attached = !detached
	return c
}

// split reads arguments. What belongs to the container is rest.
func split(command Command, args []string) (flags []Flag, words, rest []string) {
	known := command.flags()
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
			takes, is := known[name]
			if takes && !joined {
				value = next()
			}
			flags = append(flags, Flag{name, value, is || joined})
		case strings.HasPrefix(arg, "-") && arg != "-":
			for letters := arg[1:]; letters != ""; {
				name := "-" + letters[:1]
				letters = letters[1:]
				takes, is := known[name]
				if !takes {
					flags = append(flags, Flag{Name: name, known: is})
					continue
				}
				value := strings.TrimPrefix(letters, "=")
				if letters == "" {
					value = next()
				}
				flags = append(flags, Flag{name, value, true})
				letters = ""
			}
		default:
			words = append(words, arg)
			if command.takesArgs() {
				return flags, words, args[i+1:]
			}
		}
	}
	if command.takesArgs() && len(words) > 1 { // behind --
		words, rest = words[:1], words[1:]
	}
	return flags, words, rest
}

// Has reports whether one of the flags is among those of the command itself, not of what it runs in a container.
func (c *Call) Has(names ...string) bool {
	return slices.ContainsFunc(c.Flags, func(f Flag) bool { return slices.Contains(names, f.Name) })
}

// AsksForHelp reports whether the call is for the help of the command.
func (c *Call) AsksForHelp() bool { return c.Has("--help", "-h") }

// Watches reports whether the call rebuilds images while it runs.
func (c *Call) Watches() bool {
	return c.Name == "watch" || c.Name == "up" && c.Has("--watch", "-w")
}

// TakesValue reports whether a flag of the command takes a value.
func (c *Call) TakesValue(flag string) bool { return Lookup(c.Name).flags()[flag] }

// Passed are the variables that the call names and whose values docker compose is to find in its own environment.
func (c *Call) Passed() []string {
	var names []string
	for _, f := range c.Flags {
		if slices.Contains([]string{"-e", "--env", "--build-arg"}, f.Name) && !strings.Contains(f.Value, "=") {
			names = append(names, f.Value)
		}
	}
	return names
}

// KeepServices drops candidates that are no services. When it is not sure which words are services, all services count.
func (c *Call) KeepServices(is func(name string) bool) {
	c.Services = slices.DeleteFunc(c.Services, func(name string) bool { return !is(name) })
	if c.unsure {
		c.Services = nil
	}
}
